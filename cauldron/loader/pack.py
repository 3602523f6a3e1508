"""Samples to packed rows: several samples a row, each with positions of its own from 0 on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cauldron.loader.tokens import FAKE_ID, IMAGE_ID, PAD_ID, Encoded

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


def cut(encoded: Encoded, length: int, image_tokens: int) -> Encoded:
    """Return a sample cut to at most `length` tokens, never inside the tokens of a picture."""
    if len(encoded.ids) <= length:
        return encoded
    end = length
    while end and encoded.ids[end] in (IMAGE_ID, FAKE_ID) and encoded.ids[end - 1] in _PICTURE:
        end -= 1
    ids = encoded.ids[:end]
    images = int((ids == IMAGE_ID).sum()) // image_tokens
    return Encoded(ids=ids, supervised=encoded.supervised[:end], images=images)


_PICTURE: frozenset[Any] = frozenset({IMAGE_ID, FAKE_ID})
