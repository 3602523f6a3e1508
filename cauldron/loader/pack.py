"""Samples to packed rows: several samples a row, each with positions of its own from 0 on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cauldron.loader.tokens import OURS, PAD_ID, Encoded, Marks

IGNORED = -100


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Rows of one length; all arrays [rows, length] int64.

    Args:
        ids: tokens, padded on the right.
        positions: place of each token in its own sample.
        targets: the token where it is to be predicted, else -100. The first token of a sample is
            never predicted: it would be predicted from the sample before.
        sample: number of the sample each token belongs to, -1 for padding.
        order: numbers of the samples, row by row from left to right.
    """

    ids: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    sample: npt.NDArray[np.int64]
    order: tuple[int, ...]


def pack(encoded: Sequence[Encoded], length: int) -> Packed:
    """Pack samples into as few rows as best fit decreasing finds; none is cut or left out.

    Rows are as long as the fullest one, at most `length`.

    Raises:
        ValueError: if a sample is longer than `length`, or there is none.
    """
    rows = best_fit([len(sample.ids) for sample in encoded], length)
    width = max(sum(len(encoded[n].ids) for n in row) for row in rows)
    return laid_out(rows, encoded, width)


def laid_out(rows: Sequence[Sequence[int]], encoded: Sequence[Encoded], width: int) -> Packed:
    """Lay out samples in rows of `width` tokens.

    Args:
        rows: numbers of the samples in each row, from left to right.
    """
    shape = (len(rows), width)
    ids = np.full(shape, PAD_ID, dtype=np.int64)
    positions = np.zeros(shape, dtype=np.int64)
    targets = np.full(shape, IGNORED, dtype=np.int64)
    sample = np.full(shape, -1, dtype=np.int64)
    for number, row in enumerate(rows):
        start = 0
        for n in row:
            end = start + len(encoded[n].ids)
            ids[number, start:end] = encoded[n].ids
            positions[number, start:end] = np.arange(end - start)
            targets[number, start:end] = np.where(encoded[n].supervised, encoded[n].ids, IGNORED)
            targets[number, start] = IGNORED
            sample[number, start:end] = n
            start = end
        positions[number, start:] = np.arange(width - start)
    order = tuple(n for row in rows for n in row)
    return Packed(ids=ids, positions=positions, targets=targets, sample=sample, order=order)


def best_fit(lengths: Sequence[int], length: int) -> list[list[int]]:
    """Return which items share a row: longest first, each into the fullest row that holds it.

    Raises:
        ValueError: if an item is longer than a row, or there is none.
    """
    if not lengths or max(lengths) > length:
        raise ValueError(f"need 1 to {length} tokens a sample, found {max(lengths, default=0)}")
    rows: list[list[int]] = []
    left: list[int] = []
    for n in sorted(range(len(lengths)), key=lambda k: (-lengths[k], k)):
        fits = [k for k in range(len(rows)) if left[k] >= lengths[n]]
        if fits:
            row = min(fits, key=lambda k: (left[k], k))
        else:
            row = len(rows)
            rows.append([])
            left.append(length)
        rows[row].append(n)
        left[row] -= lengths[n]
    return rows


def cut(encoded: Encoded, length: int, image_tokens: int, marks: Marks = OURS) -> Encoded:
    """Return a sample cut to at most `length` tokens, never inside the tokens of a picture."""
    if len(encoded.ids) <= length:
        return encoded
    return _between(encoded, 0, _end(encoded.ids, 0, length, marks), image_tokens, marks)


def windows(encoded: Encoded, length: int, image_tokens: int, marks: Marks = OURS) -> list[Encoded]:
    """Return a sample in pieces of at most `length` tokens, never cut inside a picture.

    What follows a run of pictures that is longer than a row is left out.
    """
    pieces, start = [], 0
    while start < len(encoded.ids):
        end = _end(encoded.ids, start, length, marks)
        if end == start:
            break
        pieces.append(_between(encoded, start, end, image_tokens, marks))
        start = end
    return pieces


def _end(ids: npt.NDArray[np.int64], start: int, length: int, marks: Marks) -> int:
    end, inside = min(start + length, len(ids)), (marks.image, marks.fake)
    if end < len(ids):
        while end > start and ids[end] in inside and ids[end - 1] in inside:
            end -= 1
    return end


def _between(encoded: Encoded, start: int, end: int, image_tokens: int, marks: Marks) -> Encoded:
    before, here = (
        int((part == marks.image).sum()) // image_tokens
        for part in (encoded.ids[:start], encoded.ids[start:end])
    )
    return Encoded(
        ids=encoded.ids[start:end],
        supervised=encoded.supervised[start:end],
        images=here,
        first_image=encoded.first_image + before,
    )
