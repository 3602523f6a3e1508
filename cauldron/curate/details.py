"""Do two pictures show the same, looked at closely?

A detail is a picture at up to 256 pixels along each axis: small words and bars still show. Two are
laid over each other, cropped a little where that helps, and taken from each other. Compression,
resizing and brightness leave a little at all edges; a changed word or bar leaves much in one place.
With `numba` installed the passes over pixels are compiled.
From: Lucas and Kanade, An iterative image registration technique, IJCAI 1981.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from cauldron.compiled import compiled
from cauldron.media.resizing import resized

DETAIL_SIDE = 256
_LEAST_SIDE = 8  # pixels; a narrower detail is like no other
_CROP = 0.035  # largest crop of each end that is sought, in sides
_GUESSES = 8  # crops of each end that are tried, of a small picture fewer
_ROUNDS = 2  # steps that improve the guess of a crop
_MAX_MOVE = 0.085  # shift, and stretch at the border, in half sides
_DARK, _BRIGHT = 12, 240  # grey levels beyond which a brighter copy may have been cut off
_CUT = 1e-4  # weight of such values
_FLAT = 6.0  # gradient of grey levels a pixel that halves a pixel's say on the tone
_TONE = (0.03, 4.0)  # gain and offset from which a picture counts as brighter
_BRIGHTENED = 1.5  # grey levels on the whole from which light tones may have been cut off
_LEVEL_FLAT, _LEVEL_SHARE = 3, 0.003  # slope, and share of pixels, of a level that is seen much
_LEVEL_OFF, _MOST_GAIN = 5.0, 130  # grey levels such a level may be off; percent
_STEPS = 4  # a grey level of a difference is told in quarters
_WINDOW = 5  # side in pixels of a place
_EDGE = 8.0  # change of grey levels a pixel that makes an edge
_USUAL = 0.75  # share of the places at edges that compression and resizing leave alike
_EVEN, _TIMES = 4.0, 3.2  # what a place of a drawn picture may differ by, beyond what edges do
_HOPELESS = 4.6  # times as much as may differ from which a better guess of the crop is not sought
_BRIGHTER = 12.0  # the same where one of them is brighter

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I16 = npt.NDArray[np.int16]
U8 = npt.NDArray[np.uint8]


class Difference(NamedTuple):
    """What is left of two pictures when one is taken from the other, in grey levels.

    Args:
        worst: the largest mean of 5 x 5 pixels.
        usual: that at most edges: what compression and resizing leave.
        toned: whether one picture is brighter, or has more contrast.
    """

    worst: float
    usual: float
    toned: bool

    def within(self, most: float, drawn: bool) -> bool:
        """Say whether no place differs by much; of drawn pictures, by much more than edges do.

        A changed word or bar leaves edges elsewhere as they are. Where levels of a brighter copy
        were cut off, places differ without being changed.
        """
        return self.worst <= self.bound(most, drawn)

    def bound(self, most: float, drawn: bool) -> float:
        """Return what the worst place may differ by."""
        if drawn:
            most = min(most, _BRIGHTER if self.toned else _EVEN + _TIMES * self.usual)
        return most


def detail(levels: U8) -> U8:
    """Return grey levels, smoothed a little, at no more than 256 pixels along each axis."""
    high, wide = (min(side, DETAIL_SIDE) for side in levels.shape)
    return soft(_sized(levels, wide, high))


def same_picture(one: U8, two: U8, most: float, drawn: bool) -> bool:
    """Say whether two details show the same, as they are or one cropped a little.

    Args:
        most, drawn: as `Difference.within` takes them.
    """
    left, right = _same_size(one, two)
    if min(left.shape) < _LEAST_SIDE:
        return False
    brighter = _spread(right)[0] - _spread(left)[0]
    if brighter < 0:
        left, right, brighter = right, left, -brighter
    cut = brighter >= _BRIGHTENED
    plain = _rest(left, right, np.zeros(4), cut)
    if plain.within(most, drawn):
        return True
    goal = soft(right)  # a warped picture is less sharp, so the other is made so too
    place = crop_of(profiles(left), profiles(right))
    rest = _rest(soft(warped(left, place)), goal, place, cut)
    if rest.within(most, drawn):
        return True
    if plain.worst < rest.worst:
        rest, place = plain, np.zeros(4)
    if rest.worst > _HOPELESS * rest.bound(most, drawn):
        return False
    place = _placed(left, right, place)
    return _rest(soft(warped(left, place)), goal, place, cut).within(most, drawn)


def contrast_of(values: U8) -> float:
    """Return the deviation of grey levels of a detail."""
    return _spread(values, 2)[1]


def _spread(values: U8, step: int = 1) -> tuple[float, float]:
    """Return mean and deviation of every `step`-th pixel along both axes."""
    if compiled := compiled_passes():
        mean, deviation = compiled.mean_and_deviation(values, step)
        return float(mean), float(deviation)
    chosen = values[::step, ::step]
    return float(chosen.mean()), float(chosen.std())


def compiled_passes() -> Any:
    """Return the passes compiled by numba, or None where that cannot be."""
    return compiled("cauldron.curate.details_compiled")


def soft(values: U8) -> U8:
    """Smooth by 1-2-1 along both axes."""
    if compiled := compiled_passes():
        return np.asarray(compiled.soft(values), np.uint8)
    once: npt.NDArray[np.uint16] = 2 * values.astype(np.uint16)
    once[:, 1:] += values[:, :-1]
    once[:, 0] += values[:, 0]
    once[:, :-1] += values[:, 1:]
    once[:, -1] += values[:, -1]
    twice = 2 * once
    twice[1:] += once[:-1]
    twice[0] += once[0]
    twice[:-1] += once[1:]
    twice[-1] += once[-1]
    return ((twice + 8) >> 4).astype(np.uint8)


def _same_size(one: U8, two: U8) -> tuple[U8, U8]:
    high, wide = (min(a, b) for a, b in zip(one.shape, two.shape, strict=True))

    return _sized(one, wide, high), _sized(two, wide, high)


def _sized(values: U8, wide: int, high: int) -> U8:
    return values if values.shape == (high, wide) else resized(values, wide, high)


def crop_bounds(n: int) -> tuple[Any, ...]:
    """Return what bounds the search for a crop of n pixels, for the compiled passes."""
    return _steps(n), int(_CROP * n), _ROUNDS, _CROP, _MAX_MOVE


def crop_of(left: tuple[F64, F64], right: tuple[F64, F64]) -> F64:
    """Guess the crop that made one of two pictures, by the means of columns and of rows."""
    sides = zip(left, right, strict=True)
    found = np.array([k for one, two in sides for k in _shifted(one, two)])
    return np.asarray(np.clip(found, -_MAX_MOVE, _MAX_MOVE))


def profiles(values: U8) -> tuple[F64, F64]:
    """Return the means of columns and of rows."""
    if compiled := compiled_passes():
        columns, rows = compiled.profiles(values)
        return columns, rows
    return values.mean(axis=0), values.mean(axis=1)


def _shifted(left: F64, right: F64) -> tuple[float, float]:
    """Return the shift and stretch that lay a profile over another best."""
    n = len(left)
    low, share, shift, stretch = _steps(n)
    if compiled := compiled_passes():
        best = compiled.best_crop(left, right, low, share, int(_CROP * n))
        return _refined(left, right, float(shift[best]), float(stretch[best]))
    told = left[low] * (1 - share) + left[np.minimum(low + 1, n - 1)] * share
    inner = slice(int(_CROP * n), n - int(_CROP * n))
    told, wanted = told[:, inner], right[inner]
    told = told - told.mean(axis=1, keepdims=True)
    wanted = wanted - wanted.mean()
    lengths = np.sqrt(np.einsum("kn,kn->k", told, told)) + 1e-3
    best = int((told @ wanted / lengths).argmax())
    return _refined(left, right, float(shift[best]), float(stretch[best]))


def _refined(left: F64, right: F64, shift: float, stretch: float) -> tuple[float, float]:
    """Improve the shift and stretch of a profile by Gauss-Newton steps."""
    n = len(left)
    if compiled := compiled_passes():
        border = int(_CROP * n)
        place = compiled.refined(left, right, shift, stretch, border, _ROUNDS, _CROP)
        return float(place[0]), float(place[1])
    axis = _axis(n).astype(np.float64)
    inner = slice(int(_CROP * n) + 1, n - int(_CROP * n) - 1)
    pixels = np.arange(n)
    features = np.ones((4, n))
    for _ in range(_ROUNDS):
        place = shift + (1 + stretch) * axis
        told = np.interp((place * n + n - 1) / 2, pixels, left)
        features[0, 1:-1] = (told[2:] - told[:-2]) * (n / 4)
        features[1] = features[0] * axis
        features[2] = told
        chosen = features[:, inner]
        normal = chosen @ chosen.T
        normal.flat[::5] *= 1 + 1e-6
        normal.flat[::5] += 1e-6
        found = np.linalg.solve(normal, chosen @ right[inner])
        gain = max(float(found[2]), 0.3)
        shift += min(max(float(found[0]) / gain, -_CROP), _CROP)
        stretch += min(max(float(found[1]) / gain, -_CROP), _CROP)
    return shift, stretch


@lru_cache(maxsize=64)
def _steps(n: int) -> tuple[npt.NDArray[np.int64], F32, F32, F32]:
    """Return where each pixel of a profile comes from under every crop that is sought."""
    ends = np.linspace(0, _CROP, min(_GUESSES, int(_CROP * n) + 2), dtype=np.float32)
    first, last = (grid.ravel() for grid in np.meshgrid(ends, ends))
    shift, stretch = first - last, -first - last
    shift, stretch = np.concatenate([shift, -shift]), np.concatenate([stretch, -stretch])
    place = shift[:, None] + (1 + stretch[:, None]) * _axis(n)
    at = np.clip((place * n + n - 1) / 2, 0, n - 1)
    low = np.clip(at.astype(np.int64), 0, max(n - 2, 0))
    return low, (at - low).astype(np.float32), shift, stretch


@lru_cache(maxsize=64)
def _axis(n: int) -> F32:
    """Return the places of n pixels between -1 and 1."""
    return ((np.arange(n, dtype=np.float32) - (n - 1) / 2) / (n / 2)).astype(np.float32)


def warped(values: U8, place: F64) -> U8:
    """Move and stretch a picture; the place is told in half sides, along x and y."""
    high, wide = values.shape
    x, wider, y, higher = place.tolist()
    if compiled := compiled_passes():
        return np.asarray(compiled.warped(values, x, wider, y, higher), np.uint8)
    told = (1 + wider, 0, (x - wider) * wide / 2, 0, 1 + higher, (y - higher) * high / 2)
    image = Image.fromarray(values)
    kind = Image.Transform.AFFINE
    return np.asarray(image.transform((wide, high), kind, told, Image.Resampling.BILINEAR))


def inside(shape: tuple[int, ...], place: F64) -> tuple[slice, slice]:
    """Return the rows and columns that both pictures have, whatever was cropped from one."""
    out = []
    for side, (shift, stretch) in zip(shape, (place[2:], place[:2]), strict=True):
        edge = int(np.ceil(side * (abs(shift) + abs(stretch)) / 2)) + 2 * bool(shift or stretch)
        out.append(slice(edge, side - edge))
    return out[0], out[1]


def _tone(left: U8, right: U8) -> tuple[float, float]:
    """Return gain and offset by the flat places: edges mix levels that may have been cut off."""
    if compiled := compiled_passes():
        gain, offset = compiled.tone(left, right, _DARK, _BRIGHT, _CUT, _FLAT)
        return float(gain), float(offset)
    values, target = left[::2, ::2].astype(np.float32), right[::2, ::2].astype(np.float32)
    says = 1 / (1 + (_slopes(values) * (0.5 / _FLAT)) ** 2)
    says[(np.maximum(values, target) > _BRIGHT) | (np.minimum(values, target) < _DARK)] *= _CUT
    total = float(says.sum()) + 1e-6
    says /= total
    mean, wanted = float((says * values).sum()), float((says * target).sum())
    prior = values.size / total  # holds the gain at 1 where nothing flat tells it
    values -= mean
    says *= values
    gain = (float((says * (target - wanted)).sum()) + prior) / (
        float((says * values).sum()) + prior
    )
    gain = min(max(gain, 0.5), 2.0)
    return gain, wanted - gain * mean


def _placed(left: U8, right: U8, place: F64) -> F64:
    """Improve shift and stretch by Gauss-Newton steps over every other row."""
    high, wide = left.shape
    goal = right[1:-1:2, 1:-1].astype(np.float32)
    says = np.where((goal > _BRIGHT) | (goal < _DARK), np.float32(0.05), np.float32(1))
    along_x, along_y = _axis(wide)[1:-1], _axis(high)[1:-1:2, None]
    for _ in range(_ROUNDS):
        moved = warped(left, place)
        rows, columns = inside(left.shape, place)
        gain, offset = _tone(moved[rows, columns], right[rows, columns])
        values = moved.astype(np.float32)
        x = (values[1:-1:2, 2:] - values[1:-1:2, :-2]) * (gain * wide / 4)
        y = (values[2::2, 1:-1][: len(goal)] - values[:-2:2, 1:-1]) * (gain * high / 4)
        features = np.stack([x, x * along_x, y, y * along_y]).reshape(4, -1)
        rest = goal - np.clip(gain * values[1:-1:2, 1:-1] + offset, 0, 255)
        counts = np.zeros_like(goal)
        inner = (slice(rows.start // 2, rows.stop // 2), columns)
        counts[inner] = says[inner]
        weighted = features * counts.ravel()
        normal = (weighted @ features.T).astype(np.float64)
        normal[np.diag_indices(4)] += 1e-3 * normal.trace() + 1
        step = np.linalg.solve(normal, (weighted @ rest.ravel()).astype(np.float64))
        place = np.clip(place + step, -_MAX_MOVE, _MAX_MOVE)
    return place


def _rest(left: U8, right: U8, place: F64, cut: bool = False) -> Difference:
    """Take one picture from another, the border left out.

    Args:
        cut: whether light tones of a brighter one may have been cut off.
    """
    both = inside(left.shape, place)
    values, target = (np.ascontiguousarray(levels[both]) for levels in (left, right))
    rest = _toned_rest(values, target, *_tone(values, target))
    if not cut or (gain := _cut_gain(values, target)) == 1:
        return rest
    other = _toned_rest(values, target, gain, 0.0)
    return other if other.worst < rest.worst else rest


def _cut_gain(left: U8, right: U8) -> float:
    """Return the gain that made flat levels those of a brighter picture, white cut off.

    Each level that is seen much must have become what the gain makes of it; else the gain is 1.
    """
    bounds = (4 * _LEVEL_FLAT, _LEVEL_SHARE, _LEVEL_OFF, _MOST_GAIN)
    if compiled := compiled_passes():
        return float(compiled.cut_gain(left, right, *bounds))
    values, target = left[::2, ::2].astype(np.int32), right[::2, ::2].astype(np.int32)
    flat = _slopes(values) <= bounds[0]
    many = np.bincount(values[flat], minlength=256)
    total = np.bincount(values[flat], weights=target[flat], minlength=256)
    levels = np.flatnonzero(many >= max(_LEVEL_SHARE * values.size, 4))
    if not len(levels):
        return 1.0
    mean = total[levels] / many[levels]
    gains = np.arange(100, _MOST_GAIN + 1) / 100
    apart = np.abs(mean - np.minimum(gains[:, None] * levels, 255))
    best = int((apart * many[levels]).sum(axis=1).argmin())
    return float(gains[best]) if apart[best].max() <= _LEVEL_OFF else 1.0


def _slopes(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return how much each value differs from its neighbours, to either side."""
    slope = np.zeros_like(values)
    across, down = np.abs(np.diff(values, axis=1)), np.abs(np.diff(values, axis=0))
    slope[:, 1:] += across  # to either side, so that the middle of a thin line is not flat
    slope[:, :-1] += across
    slope[1:] += down
    slope[:-1] += down
    return slope


def _toned_rest(values: U8, target: U8, gain: float, offset: float) -> Difference:
    """Take one picture of another tone from another."""
    least, most, toned = _told(gain, offset)
    scale = _STEPS * _WINDOW**2
    if compiled := compiled_passes():
        bounds = (_STEPS, _WINDOW, _USUAL, int(2 * _EDGE))
        worst, usual = compiled.places(values, target, least, most, *bounds)
        return Difference(worst / scale, usual / scale, toned)
    goal = target.astype(np.int16) * _STEPS
    rest = np.maximum(np.maximum(least[values] - goal, goal - most[values]), 0)
    places = _sums(_sums(rest).T).T
    edges = places[_steep(target)]
    rank = int(_USUAL * (len(edges) - 1))
    usual = float(np.partition(edges, rank)[rank]) if len(edges) else 0.0
    return Difference(float(places.max()) / scale, usual / scale, toned)


def _told(gain: float, offset: float) -> tuple[I16, I16, bool]:
    """Return between which values each grey level may lie in the other picture, in steps.

    Of a brighter copy an edge between levels that were cut off is no brighter than before.
    """
    toned = abs(gain - 1) > _TONE[0] or abs(offset) > _TONE[1]
    plain = np.arange(256) * float(_STEPS)
    made = np.clip(gain * plain + offset * _STEPS, 0, 255 * _STEPS)
    other = plain if toned else made
    least, most = np.minimum(made, other), np.maximum(made, other)
    return np.rint(least).astype(np.int16), np.rint(most).astype(np.int16), toned


def _sums(values: I16) -> I16:
    """Return the sums of five neighbours along the last axis."""
    n = values.shape[1] - _WINDOW + 1
    out = values[:, :n].copy()
    for step in range(1, _WINDOW):
        out += values[:, step : step + n]
    return out


def _steep(values: U8) -> npt.NDArray[np.bool_]:
    """Say at the middle of which places there are edges."""
    levels, half = values.astype(np.int16), _WINDOW // 2
    inner = levels[half - 1 : 1 - half or None, half - 1 : 1 - half or None]
    across = np.abs(inner[1:-1, 2:] - inner[1:-1, :-2])
    across += np.abs(inner[2:, 1:-1] - inner[:-2, 1:-1])
    return np.asarray(across > 2 * _EDGE)
