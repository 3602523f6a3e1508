"""Thumbnails of many pairs of pictures, laid over each other at once.

Gain and offset of the grey levels and a small shift and stretch are found by least squares on the
gradients, in one step; what is left tells most pairs apart.
From: Lucas and Kanade, An iterative image registration technique, IJCAI 1981.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cauldron.curate.details import compiled_passes

_SIDE = 32  # side at which thumbnails are laid over each other
_POOLED = 16  # side at which most pairs of different pictures fall out
_BLOCK = 256  # pairs at a time
_TINTED = 4_096  # pairs whose tints are compared at a time
_TINT, _TINT_SHARE, _TINT_NEAR = 3.0, 0.2, 0.3  # how far tints may be apart
_TINT_GAIN = (0.6, 1.7)  # of a brighter copy
_TINT_MOVE = 0.05  # shift, and stretch at the border, in half sides
_LEVELS = 3  # grey levels that count as the same
_DARK, _BRIGHT = 12, 240  # grey levels beyond which a brighter copy may have been cut off


F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]


def flat_share(thumbs: U8, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the share of pixels near the two most frequent grey levels: [n] of [n, 64, 64].

    Photographs have little of it; pages, charts, tables, drawings and screens much.

    Args:
        wanted: thumbnails to look at; the others get 0.
    """
    out = np.zeros(len(thumbs))
    if compiled := compiled_passes():
        return np.asarray(compiled.flat_share(thumbs, wanted, _LEVELS))
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
    rows = np.zeros((len(thumbs), side, thumbs.shape[2]), np.uint16)
    for place in range(step):
        rows += thumbs[:, place::step]
    sums = np.zeros((len(thumbs), side, side), np.uint16)
    for place in range(step):
        sums += rows[:, :, place::step]
    return sums.astype(np.float32) / np.float32(step * step)


def likeness(thumbs: U8, pairs: npt.NDArray[np.int64]) -> F32:
    """Return the correlation of coarse thumbnails of pairs: [n]."""
    coarse = _smooth(pooled(thumbs, _POOLED)).reshape(len(thumbs), -1)
    coarse -= coarse.mean(axis=1, keepdims=True)
    coarse /= np.linalg.norm(coarse, axis=1, keepdims=True) + 1e-3
    out = [np.zeros(0, np.float32)]
    for start in range(0, len(pairs), 1 << 14):
        a, b = pairs[start : start + (1 << 14)].T
        out.append(np.einsum("pk,pk->p", coarse[a], coarse[b]))
    return np.concatenate(out)


def largest_differences(thumbs: U8, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return by how much thumbnails of pairs differ anywhere, gain and offset left out: [n]."""
    flat = thumbs.reshape(len(thumbs), -1)
    out = [np.zeros(0)]
    for start in range(0, len(pairs), _BLOCK):
        one, two = (flat[k].astype(np.float32) for k in pairs[start : start + _BLOCK].T)
        one -= one.mean(axis=1, keepdims=True)
        two -= two.mean(axis=1, keepdims=True)
        gain = np.einsum("pk,pk->p", one, two) / (np.einsum("pk,pk->p", one, one) + 1)
        one *= gain[:, None]
        out.append(np.abs(two - one).max(axis=1).astype(np.float64))
    return np.concatenate(out)


def same_tints(tints: U8, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Say which pairs have the same colours in all places.

    Those of a brighter copy may be stronger; a cropped one is laid over the other.

    Args:
        tints: [n, 2, 8, 8], 128 where there is no colour.
    """
    values = tints.astype(np.float32) - 128
    out = [np.zeros(0, bool)]
    for start in range(0, len(pairs), _TINTED):
        a, b = pairs[start : start + _TINTED].T
        same = _within_tint(values[a], values[b], moved=False)
        for one, two in ((a, b), (b, a)):
            apart = np.flatnonzero(~same)
            same[apart] = _within_tint(values[one[apart]], values[two[apart]], moved=True)
        out.append(same)
    return np.concatenate(out)


def _within_tint(one: F32, two: F32, moved: bool) -> npt.NDArray[np.bool_]:
    """Explain tints, [p, 2, 8, 8], by the strength, and perhaps a crop, of others."""
    n = len(one)
    features = np.stack([one, *(_moves(one) if moved else [])], axis=1)
    features = features.reshape(n, 5 if moved else 1, 128)
    normal = (features @ features.transpose(0, 2, 1)).astype(np.float64)
    normal += np.diag([1.0, 50.0, 50.0, 50.0, 50.0][: features.shape[1]])
    right = (features @ two.reshape(n, 128, 1)).astype(np.float64)
    right[:, 0] += 1
    found = np.linalg.solve(normal, right)[:, :, 0]
    gain = np.clip(found[:, :1], *_TINT_GAIN)
    most = gain * _TINT_MOVE
    found = np.concatenate([gain, np.clip(found[:, 1:], -most, most)], axis=1)
    told = (found[:, None].astype(np.float32) @ features).reshape(two.shape)
    apart = np.abs(two - told).max(axis=1)
    strong = np.maximum(np.abs(one), np.abs(two)).max(axis=1)
    uneven = np.maximum(_uneven(one), _uneven(two))
    within = apart <= _TINT + _TINT_SHARE * strong + _TINT_NEAR * uneven
    return np.asarray(within.all(axis=(1, 2)))


def _uneven(tints: F32) -> F32:
    """Return by how much the tints of a place and of those around it differ: [p, 8, 8]."""
    high, low = tints, tints
    for axis in (-1, -2):
        high, low = _around(high, np.maximum, axis), _around(low, np.minimum, axis)
    return np.asarray((high - low).max(axis=1), np.float32)


def _around(values: F32, chosen: np.ufunc, axis: int) -> F32:
    """Return the largest, or least, of each value and the two beside it along an axis."""
    along = np.moveaxis(values, axis, 0)
    out = along.copy()
    chosen(out[1:], along[:-1], out=out[1:])
    chosen(out[:-1], along[1:], out=out[:-1])
    return np.moveaxis(out, 0, axis)


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
