"""Thumbnails of structured pictures laid over each other: which pairs are worth opening?

Pages, charts and tables of one look have all but the same thumbnails, and a crop moves thin lines
by more than a gradient tells. So the crop is sought by the means of columns and rows, as for
details. What is left of a copy is then small everywhere; smoothed more, almost nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cauldron.curate.details import (
    compiled_passes,
    crop_bounds,
    crop_of,
    inside,
    profiles,
    soft,
    warped,
)

_TIMES = 3  # that a thumbnail is smoothed

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]


def brightness(thumbs: U8) -> F64:
    """Return the mean grey level of each thumbnail."""
    flat = thumbs.reshape(len(thumbs), -1)
    return np.asarray(flat.sum(axis=1, dtype=np.uint32) / flat.shape[1], np.float64)


def laid(thumbs: U8, pairs: I64, least: float, enough: float) -> tuple[F64, F64]:
    """Lay the thumbnails of each pair over each other, as they are or one cropped.

    Args:
        thumbs: [n, 64, 64] grey levels.
        pairs: [m, 2].
        least: correlation below which the difference does not matter: it is infinite.
        enough: correlation from which no crop is sought.

    Returns:
        [m] correlation of the smoothed ones; [m] the largest difference, in grey levels.
    """
    if not len(pairs):
        return np.zeros(0), np.zeros(0)
    wanted, local = np.unique(pairs, return_inverse=True)
    chosen, local = thumbs[wanted], local.reshape(-1, 2)
    bright = brightness(chosen)
    darker = np.where((bright[local[:, 0]] > bright[local[:, 1]])[:, None], local[:, ::-1], local)
    bounds = (least, enough)
    if compiled := compiled_passes():
        told = compiled.smoothed(np.ascontiguousarray(chosen), _TIMES)
        sought = crop_bounds(thumbs.shape[1])
        alike, worst = compiled.laid(*told, darker, *bounds, *sought)
        return alike, worst
    smooth = chosen
    for _ in range(_TIMES):
        smooth = np.stack([soft(thumb) for thumb in smooth])
    sides = [profiles(thumb) for thumb in chosen]
    columns, rows = (np.stack(profile) for profile in zip(*sides, strict=True))
    found = [_laid(smooth, columns, rows, a, b, *bounds) for a, b in darker.tolist()]
    alike, worst = np.array(found, np.float64).T
    return alike, worst


def _laid(
    smooth: U8, columns: F64, rows: F64, a: int, b: int, least: float, enough: float
) -> tuple[float, float]:
    plain = _rest_of(smooth[a], smooth[b], least)
    if plain[0] >= enough:
        return plain
    place = crop_of((columns[a], rows[a]), (columns[b], rows[b]))
    both = inside(smooth.shape[1:], place)
    moved = _rest_of(warped(smooth[a], place)[both], smooth[b][both], least)
    return moved if moved[0] > plain[0] else plain


def _rest_of(over: U8, under: U8, least: float) -> tuple[float, float]:
    """Return correlation, and the largest difference once the gain is taken out."""
    one, two = over.astype(np.float64), under.astype(np.float64)
    one -= one.mean()
    two -= two.mean()
    across, spread = float((one * two).sum()), float((one * one).sum())
    like = across / float(np.sqrt(spread * (two * two).sum() + 1e-3))
    if like < least:
        return like, float("inf")
    rest = np.abs(two - across / (spread + 1) * one)
    rest = (rest[:, :-2] + 2 * rest[:, 1:-1] + rest[:, 2:]) / 4
    rest = (rest[:-2] + 2 * rest[1:-1] + rest[2:]) / 4
    return like, float(rest.max())
