"""Do two pictures show the same, but for size, compression, brightness and a small crop?

Both are laid over each other: gain and offset of the grey levels and a small shift and stretch are
found by least squares on the gradients; what is left tells the pictures apart. Thumbnails are
judged many pairs at a time; structured pictures (pages, charts, puzzles), whose differences a
thumbnail may not show, are judged again at up to 256 pixels a side.
From: Lucas and Kanade, An iterative image registration technique, IJCAI 1981.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

DETAIL_SIDE = 256
_SIDE = 32  # side at which thumbnails are laid over each other
_POOLED = 16  # side at which most pairs of different pictures fall out
_ALIKE = 0.85  # correlation below which the pooled thumbnails show different pictures
_BLOCK = 256  # pairs at a time
_LEVELS = 3  # grey levels that count as the same
_DARK, _BRIGHT = 12, 240  # grey levels beyond which a brighter copy may have been cut off
_CUT = 0.002  # weight of such values
_MAX_MOVE = 0.06  # shift, and stretch at the border, in half sides
_CROP = 0.025  # largest crop of each end that is sought, in sides
_STEPS = 4  # a grey level of a difference is told in quarters
_SOFT = ImageFilter.Kernel((3, 3), (1, 2, 1, 2, 4, 2, 1, 2, 1))
_WINDOW = ImageFilter.BoxBlur(2)
_EDGE = 8.0  # change of grey levels a pixel that makes an edge
_TIMES = 5.0  # how much more a place may differ than edges usually do
_TONE = (0.03, 4.0)  # gain and offset from which a picture counts as brighter
_USUAL = 75  # percentile of differences at edges that compression and resizing leave
_FLAT = 6.0  # gradient of grey levels a pixel that halves a pixel's say on the tone


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

    def within(self, most: float, least: float) -> bool:
        """Say whether no place differs by much more than edges do, between two bounds.

        A copy differs at all edges alike, a changed word or bar in one place only. Where levels of
        a brighter copy were cut off, places differ without being changed.
        """
        return self.worst <= (most if self.toned else min(most, max(least, _TIMES * self.usual)))


F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]


def flat_share(thumbs: U8, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the share of pixels near the two most frequent grey levels: [n] of [n, 64, 64].

    Photographs have little of it; pages, charts, tables, drawings and screens much.

    Args:
        wanted: thumbnails to look at; the others get 0.
    """
    out = np.zeros(len(thumbs))
    for number in wanted:
        counts = np.bincount(thumbs[number].ravel(), minlength=256)
        for _ in range(2):
            most = int(counts.argmax())
            near = slice(max(most - _LEVELS, 0), most + _LEVELS + 1)
            out[number] += counts[near].sum() / thumbs[number].size
            counts[near] = 0
    return out


def pooled(thumbs: U8, side: int) -> F32:
    """Return thumbnails reduced to a side: [n, side, side]."""
    step = thumbs.shape[1] // side
    return np.asarray(thumbs.reshape(-1, side, step, side, step).mean((2, 4)), np.float32)


def alike(thumbs: U8, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Say which pairs may show the same at all, by the correlation of coarse thumbnails."""
    coarse = _smooth(pooled(thumbs, _POOLED)).reshape(len(thumbs), -1)
    coarse -= coarse.mean(axis=1, keepdims=True)
    coarse /= np.linalg.norm(coarse, axis=1, keepdims=True) + 1e-3
    out = [np.zeros(0, bool)]
    for start in range(0, len(pairs), 1 << 14):
        a, b = pairs[start : start + (1 << 14)].T
        out.append(np.einsum("pk,pk->p", coarse[a], coarse[b]) >= _ALIKE)
    return np.concatenate(out)


def _smooth(values: F32) -> F32:
    """Smooth the last two axes by 1-2-1."""
    for axis in (-2, -1):
        along = np.moveaxis(values, axis, -1)
        before = np.concatenate([along[..., :1], along[..., :-1]], axis=-1)
        after = np.concatenate([along[..., 1:], along[..., -1:]], axis=-1)
        values = np.moveaxis((before + 2 * along + after) / 4, -1, axis)
    return np.ascontiguousarray(values, np.float32)


def _axis(n: int) -> F32:
    """Return the places of n pixels between -1 and 1."""
    return ((np.arange(n, dtype=np.float32) - (n - 1) / 2) / (n / 2)).astype(np.float32)


def _moves(values: F32) -> list[F32]:
    """Return how values change with shift and stretch, in half sides, along x and y."""
    high, wide = values.shape[-2:]
    along_x = np.gradient(values, axis=-1) * (wide / 2)
    along_y = np.gradient(values, axis=-2) * (high / 2)
    return [along_x, along_x * _axis(wide), along_y, along_y * _axis(high)[:, None]]


def fits(
    thumbs: U8, pairs: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lay thumbnails of pairs over each other.

    Returns:
        [n] what is explained of the contrast (1: all), [n] the largest local difference in grey
        levels.
    """
    small = _smooth(pooled(thumbs, _SIDE))
    bright = small.mean((1, 2))
    fit, worst = [np.zeros(0)], [np.zeros(0)]
    for start in range(0, len(pairs), _BLOCK):
        a, b = pairs[start : start + _BLOCK].T
        a, b = np.where(bright[a] > bright[b], (b, a), (a, b))
        found = _laid(small[a], small[b])
        fit.append(found[0].astype(np.float64))
        worst.append(found[1].astype(np.float64))
    return np.concatenate(fit), np.concatenate(worst)


def _laid(one: F32, two: F32) -> tuple[F32, F32]:
    """Explain [n, 32, 32] by gain, offset, shift and stretch of others, in one step."""
    n = len(one)
    features = np.stack([one, np.ones_like(one), *_moves(one)], axis=1).reshape(n, 6, -1)
    target = two.reshape(n, 1, -1)
    says = np.where((target > _BRIGHT) | (target < _DARK), np.float32(0.05), np.float32(1))
    weighted = features * says
    normal = (weighted @ features.transpose(0, 2, 1)).astype(np.float64)
    normal += np.diag([1e-2, 1e-2, 2e3, 2e3, 2e3, 2e3])
    right = (weighted @ target.transpose(0, 2, 1)).astype(np.float64)
    found = np.linalg.solve(normal, right).astype(np.float32)
    told = np.clip((found.transpose(0, 2, 1) @ features)[:, 0], 0, 255)
    rest = np.abs(target[:, 0] - told).reshape(one.shape)
    explained = 1 - np.sqrt((rest**2).mean((1, 2))) / (target[:, 0].std(axis=1) + 1e-3)
    return explained, _smooth(rest)[:, 1:-1, 1:-1].reshape(n, -1).max(axis=1)


def detail(grey: Image.Image) -> U8:
    """Return a grey picture, smoothed a little, at no more than 256 pixels along each axis."""
    side = (min(grey.width, DETAIL_SIDE), min(grey.height, DETAIL_SIDE))
    small = grey.resize(side, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(small.filter(_SOFT) if min(side) > 2 else small, np.uint8)


def same_picture(one: U8, two: U8, most: float, least: float) -> bool:
    """Say whether two details show the same, as they are or one cropped a little.

    Args:
        most, least: as `Difference.within` takes them.
    """
    left, right = _same_size(one, two)
    if left.mean() > right.mean():
        left, right = right, left
    if _rest(left, right, np.zeros(4)).within(most, least):
        return True
    place = _placed(left, right, _cropped(left, right), 2)
    # a warped picture is less sharp, so the other is made so too
    return _rest(_smooth(_warped(left, place)), _smooth(right), place).within(most, least)


def _cropped(left: F32, right: F32) -> npt.NDArray[np.float64]:
    """Guess the crop that made one of two pictures, by the means of columns and of rows."""
    return np.array([k for a in (0, 1) for k in _shifted(left.mean(axis=a), right.mean(axis=a))])


def _shifted(left: F32, right: F32) -> tuple[float, float]:
    """Return the shift and stretch that lay a profile over another best."""
    n = len(left)
    low, share, shift, stretch = _steps(n)
    told = left[low] * (1 - share) + left[np.minimum(low + 1, n - 1)] * share
    inner = slice(int(_CROP * n), n - int(_CROP * n))
    told, wanted = told[:, inner], right[inner]
    told = told - told.mean(axis=1, keepdims=True)
    wanted = wanted - wanted.mean()
    lengths = np.sqrt(np.einsum("kn,kn->k", told, told)) + 1e-3
    best = int((told @ wanted / lengths).argmax())
    return float(shift[best]), float(stretch[best])


@lru_cache(maxsize=64)
def _steps(n: int) -> tuple[npt.NDArray[np.int64], F32, F32, F32]:
    """Return where each pixel of a profile comes from under every crop that is sought."""
    ends = np.linspace(0, _CROP, 9, dtype=np.float32)
    first, last = (grid.ravel() for grid in np.meshgrid(ends, ends))
    shift, stretch = first - last, -first - last
    shift, stretch = np.concatenate([shift, -shift]), np.concatenate([stretch, -stretch])
    place = shift[:, None] + (1 + stretch[:, None]) * _axis(n)
    at = np.clip((place * n + n - 1) / 2, 0, n - 1)
    low = np.clip(at.astype(np.int64), 0, max(n - 2, 0))
    return low, (at - low).astype(np.float32), shift, stretch


def _same_size(one: U8, two: U8) -> tuple[F32, F32]:
    high, wide = (min(a, b) for a, b in zip(one.shape, two.shape, strict=True))
    made = []
    for values in (one, two):
        if values.shape != (high, wide):
            image = Image.fromarray(values).resize((wide, high), Image.Resampling.BILINEAR)
            values = np.asarray(image)
        made.append(values.astype(np.float32))
    return made[0], made[1]


def _warped(values: F32, moved: npt.NDArray[np.float64]) -> F32:
    high, wide = values.shape
    (x, wider, y, higher), half = moved, (wide / 2, high / 2)
    told = (1 + wider, 0, (x - wider) * half[0], 0, 1 + higher, (y - higher) * half[1])
    return np.asarray(
        Image.fromarray(values).transform(
            (wide, high), Image.Transform.AFFINE, told, Image.Resampling.BILINEAR
        )
    )


def _inside(shape: tuple[int, ...], moved: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return which pixels both pictures have, whatever was cropped from one of them."""
    out = np.zeros(shape, bool)
    x, y = (
        int(np.ceil(side * (abs(shift) + abs(stretch)) / 2)) + 2 * bool(shift or stretch)
        for side, shift, stretch in ((shape[1], *moved[:2]), (shape[0], *moved[2:]))
    )
    out[y : shape[0] - y, x : shape[1] - x] = True
    return out


def _tone(values: F32, target: F32, inside: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Return gain and offset by the flat places: edges mix levels that may have been cut off."""
    values, target = values[::2, ::2], target[::2, ::2]
    slope = _slope(values)
    says = inside[::2, ::2] / (1 + (slope / _FLAT) ** 2)
    cut = (np.maximum(values, target) > _BRIGHT) | (np.minimum(values, target) < _DARK)
    says[cut] *= _CUT
    total = float(says.sum()) + 1e-6
    mean, wanted = float((says * values).sum()) / total, float((says * target).sum()) / total
    prior = values.size * 1.0  # holds the gain at 1 where nothing flat tells it
    spread = float((says * (values - mean) ** 2).sum())
    gain = (float((says * (values - mean) * (target - wanted)).sum()) + prior) / (spread + prior)
    gain = min(max(gain, 0.5), 2.0)
    return gain, wanted - gain * mean


def _slope(values: F32) -> F32:
    """Return how steeply values change, in levels a pixel."""
    out = np.zeros_like(values)
    out[:, 1:-1] = np.abs(values[:, 2:] - values[:, :-2])
    out[1:-1] += np.abs(values[2:] - values[:-2])
    out /= 2
    return out


def _placed(
    left: F32, right: F32, moved: npt.NDArray[np.float64], rounds: int
) -> npt.NDArray[np.float64]:
    """Improve shift and stretch by Gauss-Newton steps."""
    says = np.where((right > _BRIGHT) | (right < _DARK), np.float32(0.05), np.float32(1))
    place = np.clip(np.asarray(moved, np.float64), -_MAX_MOVE, _MAX_MOVE)
    for _ in range(rounds):
        values = _warped(left, place)
        inside = _inside(left.shape, place)
        gain, offset = _tone(values, right, inside)
        features = np.stack(_moves(gain * values)).reshape(4, -1)
        weighted = features * (says * inside).ravel()
        rest = (right - np.clip(gain * values + offset, 0, 255)).ravel()
        normal = (weighted @ features.T).astype(np.float64)
        normal[np.diag_indices(4)] += 1e-3 * normal.trace() + 1
        step = np.linalg.solve(normal, (weighted @ rest).astype(np.float64))
        place = np.clip(place + step, -_MAX_MOVE, _MAX_MOVE)
    return place


def _rest(values: F32, target: F32, moved: npt.NDArray[np.float64]) -> Difference:
    """Take one picture from another, the border left out."""
    inside = _inside(values.shape, moved)
    gain, offset = _tone(values, target, inside)
    rest = np.abs(target - np.clip(gain * values + offset, 0, 255)) * inside
    levels = np.minimum(rest * _STEPS, 255).astype(np.uint8)
    mean = np.asarray(Image.fromarray(levels).filter(_WINDOW))
    edges = mean[(_slope(target) > _EDGE) & inside]
    usual = float(np.percentile(edges, _USUAL)) if len(edges) else 0.0
    toned = abs(gain - 1) > _TONE[0] or abs(offset) > _TONE[1]
    return Difference(float(mean.max()) / _STEPS, usual / _STEPS, toned)
