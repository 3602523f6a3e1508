"""MinHash sketches of word 5-grams, computed over whole batches of texts.

A word is a run of bytes above the blank in the normalised text, a shingle a mix of five word
hashes. One pass throws all shingles of a text into 128 bins and keeps the smallest of each; an
empty bin takes the value of another one, found by a fixed order of probes.
From: Li, Owen and Zhang, arXiv:1208.1259; Shrivastava, arXiv:1703.04664.

With `numba` installed the pass over the bytes is compiled; without it numpy gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cauldron.compiled import compiled
from cauldron.signals.said import normalised

SHINGLE_WORDS = 5
SKETCH_SIZE = 128
_EMPTY = np.uint32(0xFFFFFFFF)
_PROBES = 32  # probes of an empty bin; then it takes the next full one
_WORD_BYTES = 256  # bytes of a word that are looked at
_BATCH = 512  # texts at a time: their arrays stay in the cache
_BLANK = 32
_SEED, _STEP, _LAST, _MIX = 0x243F6A8885A308D3, 0x9E3779B97F4A7C15, 29, 0xD6E8FEB86659FD93
_PLACE = (
    0xBF58476D1CE4E5B9,
    0x94D049BB133111EB,
    0xA0761D6478BD642F,
    0xE7037ED1A0B428DB,
    0x8EBC6AF09C88C6E3,
)

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]


def sketches(texts: Sequence[str] | pa.StringArray) -> tuple[U32, npt.NDArray[np.bool_]]:
    """Return the sketch of each text, [n, 128] uint32, and whether it has five words at all.

    The share of equal values of two sketches estimates the Jaccard similarity of the texts'
    shingles, with a deviation of at most 0.05.
    """
    parts = [_sketched(*batch) for batch in _batches(texts)]
    if not parts:
        return np.zeros((0, SKETCH_SIZE), np.uint32), np.zeros(0, bool)
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def shingles(texts: Sequence[str] | pa.StringArray) -> tuple[U64, npt.NDArray[np.int64]]:
    """Return all shingle hashes of texts, and [n + 1] bounds of each text among them."""
    hashes, bounds, total = [], [np.zeros(1, np.int64)], 0
    for buffer, offsets in _batches(texts):
        found, counts = _shingle_hashes(buffer, offsets)
        hashes.append(found)
        bounds.append(total + np.cumsum(counts))
        total += len(found)
    return np.concatenate(hashes) if hashes else np.zeros(0, np.uint64), np.concatenate(bounds)


def _batches(
    texts: Sequence[str] | pa.StringArray,
) -> list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]:
    """Return bytes and bounds of batches of normalised texts, each text with a blank behind it."""
    array = texts if isinstance(texts, pa.Array) else pa.array(list(texts), pa.string())
    slices = (array.slice(start, _BATCH) for start in range(0, len(array), _BATCH))
    return [_buffer(_plain(part)) for part in slices]


def _plain(texts: pa.StringArray) -> pa.StringArray:
    """Return texts normalised as `normalised` does, but for runs of white space."""
    texts = pc.fill_null(texts, "")
    if pc.all(pc.string_is_ascii(texts)).as_py() in (True, None):
        return pc.ascii_lower(texts)
    return pa.array([normalised(text) for text in texts.to_pylist()], pa.string())


def _buffer(texts: pa.StringArray) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    ended = pc.binary_join_element_wise(texts, " ", "")
    offsets = np.frombuffer(ended.buffers()[1], np.int32)[
        ended.offset : ended.offset + len(ended) + 1
    ]
    held = np.frombuffer(ended.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    padded = np.full(len(held) + 8, _BLANK, np.uint8)
    padded[: len(held)] = held
    return padded, offsets.astype(np.int64) - int(offsets[0])


def _sketched(
    buffer: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> tuple[U32, npt.NDArray[np.bool_]]:
    compiled = compiled_kernel()
    bins = np.full((len(offsets) - 1, SKETCH_SIZE), _EMPTY, np.uint32)
    if compiled is None:
        _fill(buffer, offsets, bins)
    else:
        compiled(buffer, offsets, bins)
    full = (bins != _EMPTY).any(axis=1)
    return _densified(bins), full


def _shingle_hashes(
    buffer: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> tuple[U64, npt.NDArray[np.int64]]:
    """Return the hash of every shingle in order, and how many each text has."""
    ends = np.flatnonzero(buffer[: offsets[-1]] <= _BLANK)
    starts = np.empty_like(ends)
    starts[:1], starts[1:] = 0, ends[:-1] + 1
    sizes = ends - starts
    starts, ends, sizes = (values[sizes > 0] for values in (starts, ends, sizes))
    counts = np.diff(np.searchsorted(ends, offsets))
    found = np.maximum(counts - SHINGLE_WORDS + 1, 0)
    if not found.any():
        return np.zeros(0, np.uint64), found
    words = word_hashes(buffer, starts, sizes)
    many = len(words) - SHINGLE_WORDS + 1
    mixed = words[:many] * np.uint64(_PLACE[0])
    for place in range(1, SHINGLE_WORDS):
        mixed += words[place : place + many] * np.uint64(_PLACE[place])
    owner = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    mixed = mixed[owner[:many] == owner[SHINGLE_WORDS - 1 :]]
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(_MIX)
    mixed ^= mixed >> np.uint64(_LAST)
    return mixed, found


def word_hashes(
    buffer: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]
) -> U64:
    """Hash words eight bytes at a time, their length last."""
    eights: U64 = np.ndarray(len(buffer) - 7, "<u8", buffer, strides=(1,))
    masks = np.array([(1 << (8 * n)) - 1 for n in range(9)], np.uint64)
    hashes = np.full(len(starts), _SEED, np.uint64)
    hashes ^= eights[starts] & masks[np.minimum(sizes, 8)]
    hashes *= np.uint64(_STEP)
    hashes ^= hashes >> np.uint64(_LAST)
    longer = np.flatnonzero(sizes > 8)
    for start in range(8, _WORD_BYTES, 8):
        if not len(longer):
            break
        left = np.minimum(sizes[longer] - start, 8)
        value = hashes[longer] ^ (eights[starts[longer] + start] & masks[left])
        value *= np.uint64(_STEP)
        hashes[longer] = value ^ (value >> np.uint64(_LAST))
        longer = longer[sizes[longer] > start + 8]
    hashes ^= sizes.astype(np.uint64)
    hashes *= np.uint64(_STEP)
    return hashes


def _fill(buffer: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], bins: U32) -> None:
    """Put the smallest shingle of each bin into `bins`, [n, 128]."""
    hashes, counts = _shingle_hashes(buffer, offsets)
    places = (hashes >> np.uint64(57)).astype(np.int64)
    places += np.repeat(np.arange(len(counts)) * SKETCH_SIZE, counts)
    np.minimum.at(bins.reshape(-1), places, hashes.astype(np.uint32))


@cache
def _probes() -> npt.NDArray[np.int64]:
    """Return the bins that an empty bin looks at, in order: [32, 128]."""
    rng = np.random.Generator(np.random.PCG64(20170314))
    return rng.integers(0, SKETCH_SIZE, (_PROBES, SKETCH_SIZE))


def _densified(bins: U32) -> U32:
    """Fill empty bins from full ones of the same text; a text without any stays empty."""
    rows, places = np.nonzero(bins == _EMPTY)
    some = (bins != _EMPTY).any(axis=1)[rows]
    rows, places = rows[some], places[some]
    out = bins.copy()
    for probe in _probes():
        if not len(rows):
            return out
        values = bins[rows, probe[places]]
        hit = values != _EMPTY
        out[rows[hit], places[hit]] = values[hit]
        rows, places = rows[~hit], places[~hit]
    texts, inverse = np.unique(rows, return_inverse=True)
    out[rows, places] = bins[rows, _next_full(bins[texts])[inverse, places]]
    return out


def _next_full(bins: U32) -> npt.NDArray[np.int64]:
    """Return for each bin the place of the nearest full one at or behind it, around the end."""
    twice = np.concatenate([bins, bins], axis=1) != _EMPTY
    places = np.where(twice, np.arange(2 * SKETCH_SIZE), 2 * SKETCH_SIZE)
    nearest = np.minimum.accumulate(places[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(nearest[:, :SKETCH_SIZE] % SKETCH_SIZE, np.int64)


def compiled_kernel() -> Any:
    """Return `_fill` as compiled by numba, or None where that cannot be."""
    found = compiled("cauldron.signals.sketch_compiled")
    return found and found.fill


def similarity(left: U32, right: U32) -> npt.NDArray[np.float64]:
    """Return the share of equal values of two sketches, row by row: [n] of [n, 128] each."""
    return np.asarray((left == right).mean(axis=1))


def jaccard(
    hashes: U64, bounds: npt.NDArray[np.int64], pairs: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the Jaccard similarity of the shingle sets of pairs of texts: [n] of [n, 2].

    Args:
        hashes, bounds: as `shingles` returns them.
    """
    out = np.zeros(len(pairs))
    for number, (a, b) in enumerate(pairs):
        one = np.unique(hashes[bounds[a] : bounds[a + 1]])
        two = np.unique(hashes[bounds[b] : bounds[b + 1]])
        shared = len(np.intersect1d(one, two, assume_unique=True))
        out[number] = shared / max(len(one) + len(two) - shared, 1)
    return out
