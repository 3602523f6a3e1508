"""Hashes of runs of words, for finding a text's sentences inside other texts.

Words are runs of letters and digits of the text after NFKC and lower case, so that marks, white
space and case hide nothing. The hashes are the same on any machine and version: an index of them
can be kept and shared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from cauldron.signals.sketch import word_hashes

GRAM_WORDS = 13  # from: Brown et al., arXiv:2005.14165, appendix C
_WORD = r"[\p{L}\p{N}]+"
_ODD, _MIX = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]


def words_hashed(texts: Sequence[str]) -> tuple[U64, I64]:
    """Return the hashes of all words of texts in order, and [n + 1] bounds of each text."""
    series = pl.Series(texts, dtype=pl.String).fill_null("")
    words = series.str.normalize("NFKC").str.to_lowercase().str.extract_all(_WORD)
    bounds = np.concatenate([[0], np.cumsum(words.list.len().to_numpy(), dtype=np.int64)])
    flat = words.filter(words.list.len() > 0).explode().to_arrow().cast(pa.large_string())
    if not len(flat):
        return np.zeros(0, np.uint64), bounds.astype(np.int64)
    offsets = np.frombuffer(flat.buffers()[1], np.int64)[flat.offset : flat.offset + len(flat) + 1]
    held = np.frombuffer(flat.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    padded = np.concatenate([held, np.zeros(8, np.uint8)])
    starts = offsets[:-1] - offsets[0]
    return word_hashes(padded, starts, np.diff(offsets)), bounds.astype(np.int64)


def gram_hashes(words: U64, bounds: I64, size: int = GRAM_WORDS) -> tuple[U64, I64]:
    """Return the hash of every run of `size` words inside a text, and the text of each run."""
    owner = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    many = len(words) - size + 1
    if many <= 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    whole = owner[:many] == owner[size - 1 :]
    mixed = np.zeros(many, np.uint64)
    for place in range(size):
        mixed = mixed * np.uint64(_ODD) + words[place : place + many]
    return _finished(mixed[whole], size), owner[:many][whole]


def whole_hashes(words: U64, bounds: I64) -> U64:
    """Return one hash of all words of each text; 0 for a text without any."""
    sizes = np.diff(bounds)
    out = np.zeros(len(sizes), np.uint64)
    left = np.flatnonzero(sizes > 0)
    for place in range(int(sizes.max()) if len(sizes) else 0):
        left = left[sizes[left] > place]
        out[left] = out[left] * np.uint64(_ODD) + words[bounds[left] + place]
    return np.where(sizes > 0, _finished(out, 0), np.uint64(0))


def _finished(mixed: U64, size: int) -> U64:
    mixed = (mixed ^ np.uint64(size)) * np.uint64(_MIX)
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(_ODD)
    return mixed ^ (mixed >> np.uint64(29))
