"""Do two pictures show the same, but for size, compression, brightness and a small crop?

Both are laid over each other: gain and offset of the grey levels and a small shift and stretch are
found by least squares on the gradients; what is left tells the pictures apart. Thumbnails are
judged many pairs at a time; structured pictures (pages, charts, puzzles), whose differences a
thumbnail may not show, are judged again at up to 256 pixels a side.
From: Lucas and Kanade, An iterative image registration technique, IJCAI 1981.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

DETAIL_SIDE = 256
_SIDE = 32  # side at which thumbnails are laid over each other
_POOLED = 16  # side at which most pairs of different pictures fall out
_ALIKE = 0.85  # correlation below which the pooled thumbnails show different pictures
_BLOCK = 256  # pairs at a time
_LEVELS = 3  # grey levels that count as the same
_DARK, _BRIGHT = 12, 240  # grey levels beyond which a brighter copy may have been cut off
_CUT = 0.002  # weight of such values
_HOPELESS = 45.0  # difference at half size from which details are not compared further
_MAX_MOVE = 0.06  # shift, and stretch at the border, in half sides
_CROP = 0.025  # largest crop of each end that is sought, in sides
_FLAT = 6.0  # gradient of grey levels a pixel that halves a pixel's say on the tone

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]


def flat_share(thumbs: U8, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the share of pixels near the most frequent grey level: [n] of [n, 64, 64].

    Photographs have little of it; pages, charts, drawings and screens much.

    Args:
        wanted: thumbnails to look at; the others get 0.
    """
    out = np.zeros(len(thumbs))
    for number in wanted:
        counts = np.bincount(thumbs[number].ravel(), minlength=256)
        most = int(counts.argmax())
        near = counts[max(most - _LEVELS, 0) : most + _LEVELS + 1]
        out[number] = near.sum() / thumbs[number].size
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
    """Return a grey picture at no more than 256 pixels a side, each axis by itself."""
    side = (min(grey.width, DETAIL_SIDE), min(grey.height, DETAIL_SIDE))
    return np.asarray(grey.resize(side, Image.Resampling.BILINEAR, reducing_gap=2.0), np.uint8)


def difference(one: U8, two: U8, enough: float) -> float:
    """Return the largest local difference of two details, laid over each other as well as may be.

    Args:
        enough: a difference that is small enough to look no further.
    """
    left, right = _same_size(one, two)
    if left.mean() > right.mean():
        left, right = right, left
    still = _rest(left, right, np.zeros(4))
    if still <= enough:
        return still
    half, goal = (_smooth(_smooth(values))[::2, ::2] for values in (left, right))
    place = _placed(half, goal, _cropped(left, right), 2)
    coarse = _rest(_warped(half, place), goal, place)
    if coarse > _HOPELESS:
        return min(still, coarse)
    place = _placed(left, right, place, 2)
    # a warped picture is less sharp, so the other is made so too
    return min(still, _rest(_smooth(_warped(left, place)), _smooth(right), place))


def _cropped(left: F32, right: F32) -> npt.NDArray[np.float64]:
    """Guess the crop that made one of two pictures, by the means of columns and of rows."""
    return np.concatenate([_shifted(left.mean(axis=a), right.mean(axis=a)) for a in (0, 1)])


def _shifted(left: F32, right: F32) -> npt.NDArray[np.float64]:
    """Return the shift and stretch that lay a profile over another best."""
    n = len(left)
    ends = np.arange(0, _CROP + 1e-9, _CROP / 8)
    first, last = (grid.ravel() for grid in np.meshgrid(ends, ends))
    shift, stretch = first - last, -first - last
    shift, stretch = np.concatenate([shift, -shift]), np.concatenate([stretch, -stretch])
    place = shift[:, None] + (1 + stretch[:, None]) * _axis(n)
    at = np.clip((place * n + n - 1) / 2, 0, n - 1)
    low = np.minimum(at.astype(np.int64), n - 2) if n > 1 else np.zeros(at.shape, np.int64)
    share = at - low
    told = left[low] * (1 - share) + left[np.minimum(low + 1, n - 1)] * share
    inner = slice(int(_CROP * n), n - int(_CROP * n))
    told, wanted = told[:, inner], right[inner]
    told = told - told.mean(axis=1, keepdims=True)
    wanted = wanted - wanted.mean()
    alike = told @ wanted / (np.linalg.norm(told, axis=1) + 1e-3)
    best = int(alike.argmax())
    return np.array([shift[best], stretch[best]])


def _same_size(one: U8, two: U8) -> tuple[F32, F32]:
    high, wide = (min(a, b) for a, b in zip(one.shape, two.shape, strict=True))
    made = []
    for values in (one, two):
        image = Image.fromarray(values)
        if values.shape != (high, wide):
            image = image.resize((wide, high), Image.Resampling.BILINEAR)
        made.append(_smooth(np.asarray(image, np.float32)))
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
    slope = np.abs(np.gradient(values, axis=1)) + np.abs(np.gradient(values, axis=0))
    says = inside / (1 + (slope / _FLAT) ** 2)
    top, bottom = np.maximum(values, target), np.minimum(values, target)
    says = np.where((top > _BRIGHT) | (bottom < _DARK), _CUT * says, says)
    total = float(says.sum()) + 1e-6
    mean, wanted = float((says * values).sum()) / total, float((says * target).sum()) / total
    prior = 0.01 * values.size * 100.0  # holds the gain at 1 where nothing flat tells it
    spread = float((says * (values - mean) ** 2).sum())
    gain = (float((says * (values - mean) * (target - wanted)).sum()) + prior) / (spread + prior)
    gain = min(max(gain, 0.5), 2.0)
    return gain, wanted - gain * mean


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


def _rest(values: F32, target: F32, moved: npt.NDArray[np.float64]) -> float:
    """Return the largest mean difference of 5 x 5 pixels, the border left out."""
    inside = _inside(values.shape, moved)
    gain, offset = _tone(values, target, inside)
    rest = np.abs(target - np.clip(gain * values + offset, 0, 255)) * inside
    sums: F32 = np.cumsum(np.cumsum(np.pad(rest, ((1, 0), (1, 0))), axis=0), axis=1)
    n = int(min(5, *values.shape))
    window: F32 = sums[n:, n:] - sums[:-n, n:] - sums[n:, :-n] + sums[:-n, :-n]
    return float(window.max() / (n * n))
