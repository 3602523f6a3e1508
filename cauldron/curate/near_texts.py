"""Near-duplicate texts: sketches to candidate pairs to verified pairs.

Sketches are cut into bands; texts that share a band are candidates. Bands are chosen so that a
pair of the target similarity is missed about once in a thousand. Candidates are judged by their
whole sketches; only those too close to the threshold for that are compared by their shingles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cauldron.signals.sketch import SKETCH_SIZE, shingles, similarity
from cauldron.storage.scratch import scratch_array

MISSED = 1e-3  # share of pairs of the target similarity that no band may find
_DEVIATIONS = 3.0  # deviations of the estimate that count as clear
_BLOCK = 1 << 15  # pairs compared at a time
AT_ONCE = 1 << 25  # band keys sorted at a time
_KEYED = 1 << 13  # sketches whose band keys are made at a time: they stay in the cache
_TAG_BITS = 12  # pairs whose shingles are compared in one sort: 2 ** 12

_SALT = 0x9E3779B97F4A7C15  # makes keys of bands different

Pairs = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]
TextsOf = Callable[[npt.NDArray[np.int64]], Sequence[str] | pa.StringArray]


def banding(target: float, missed: float = MISSED) -> tuple[int, int]:
    """Return how many bands of how many values find pairs of a similarity.

    The longest bands that miss at most a share `missed` of them; single values at the least.
    """
    for rows in range(SKETCH_SIZE, 1, -1):
        bands = SKETCH_SIZE // rows
        if (1 - target**rows) ** bands <= missed:
            return bands, rows
    return SKETCH_SIZE, 1


def near_texts(
    sketches: npt.NDArray[np.uint32], target: float, texts_of: TextsOf
) -> tuple[Pairs, npt.NDArray[np.float64]]:
    """Return pairs of texts at least as similar as `target`, and their similarity.

    Args:
        sketches: [n, 128], in an order that does not depend on parts or workers.
        texts_of: returns the texts of some numbers; asked for those of unclear pairs only.
    """
    pairs = candidates(sketches, *banding(target))
    found = np.concatenate(
        [np.zeros(0)]
        + [
            similarity(sketches[block[:, 0]], sketches[block[:, 1]])
            for block in _blocks(pairs, _BLOCK)
        ]
    )
    unclear = np.flatnonzero(np.abs(found - target) <= margin(target))
    found[unclear] = jaccards(pairs[unclear], texts_of)
    near = found >= target
    return pairs[near], found[near]


def margin(target: float) -> float:
    """Return how near to a similarity an estimate by sketches is unclear."""
    return _DEVIATIONS * float(np.sqrt(target * (1 - target) / SKETCH_SIZE))


def _blocks(pairs: Pairs, size: int) -> list[Pairs]:
    return [pairs[start : start + size] for start in range(0, len(pairs), size)]


def candidates(
    sketches: npt.NDArray[np.uint32], bands: int, rows: int, at_once: int = AT_ONCE
) -> Pairs:
    """Return pairs (a < b) that share a band: each text with the one before it and the first.

    Args:
        at_once: keys sorted at a time; more are first parted by their leading bits.
    """
    n = len(sketches)
    if n < 2:
        return np.zeros((0, 2), np.int64)
    parts = 1 << max((n - 1) // at_once, 0).bit_length()
    codes = [np.zeros(0, np.int64)]
    for keys in band_keys(sketches, bands, rows):
        leading = keys >> np.uint64(64 - parts.bit_length() + 1) if parts > 1 else None
        for part in range(parts):
            if leading is None:
                one, two = same_keys(keys)
            else:
                own = np.flatnonzero(leading == np.uint64(part))
                one, two = (own[side] for side in same_keys(keys[own]))
            codes.append(one * n + two)
    # one number a pair, so that sorting them is cheap
    both = np.unique(np.concatenate(codes))
    return np.stack([both // n, both % n], axis=1) if len(both) else both.reshape(0, 2)


def band_keys(sketches: npt.NDArray[np.uint32], bands: int, rows: int) -> npt.NDArray[np.uint64]:
    """Return a 64-bit key of each band of each sketch: [bands, n]; sketches are read once."""
    factors = np.random.Generator(np.random.PCG64(7)).integers(
        0, 1 << 64, rows, dtype=np.uint64
    ) | np.uint64(1)
    out: npt.NDArray[np.uint64] = scratch_array((bands, len(sketches)), np.uint64)
    for start in range(0, len(sketches), _KEYED):
        block = np.ascontiguousarray(sketches[start : start + _KEYED].T)
        for band in range(bands):
            keys = np.full(block.shape[1], band * _SALT & (1 << 64) - 1, np.uint64)
            for place in range(rows):
                keys += block[band * rows + place] * factors[place]
            keys ^= keys >> np.uint64(32)
            keys *= np.uint64(0xD6E8FEB86659FD93)
            out[band, start : start + _KEYED] = keys
    return out


def same_keys(keys: npt.NDArray[np.uint64]) -> tuple[Places, Places]:
    """Return places (a < b) of equal keys: each place with the one before it and the first.

    Keys and places are sorted as one integer; keys that only seem equal in it are told apart.
    """
    n = len(keys)
    bits = np.uint64(max(n - 1, 1).bit_length())
    low = (np.uint64(1) << bits) - np.uint64(1)
    ordered = np.sort(((keys >> bits) << bits) | np.arange(n, dtype=np.uint64))
    follows = np.zeros(n + 1, bool)
    follows[1:-1] = ordered[1:] >> bits == ordered[:-1] >> bits
    places = (ordered & low)[follows[1:] | follows[:-1]].astype(np.int64)
    own = keys[places]
    if (np.diff(own >> bits) == 0).sum() != (np.diff(own) == 0).sum():
        order = np.lexsort((places, own))
        places, own = places[order], own[order]
    new = np.ones(len(own), bool)
    new[1:] = own[1:] != own[:-1]
    again = np.flatnonzero(~new)
    first = np.maximum.accumulate(np.where(new, np.arange(len(own)), 0))[again]
    return (
        np.concatenate([places[again - 1], places[first]]),
        np.concatenate([places[again], places[again]]),
    )


def jaccards(pairs: Pairs, texts_of: TextsOf) -> npt.NDArray[np.float64]:
    """Return the Jaccard similarity of the shingles of each pair."""
    out = [np.zeros(0)]
    for block in _blocks(pairs, _BLOCK):
        numbers, local = np.unique(block, return_inverse=True)
        hashes, bounds = _distinct(*shingles(texts_of(numbers)))
        out += [
            _shared(hashes, bounds, part) for part in _blocks(local.reshape(-1, 2), 1 << _TAG_BITS)
        ]
    return np.concatenate(out)


def _distinct(
    hashes: npt.NDArray[np.uint64], bounds: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Drop repeated shingles of each text; of the hashes the upper bits stay."""
    kept, counts = [np.zeros(0, np.uint64)], [np.zeros(1, np.int64)]
    step = 1 << _TAG_BITS
    for start in range(0, len(bounds) - 1, step):
        own = bounds[start : start + step + 1]
        tags = np.repeat(np.arange(len(own) - 1, dtype=np.uint64), np.diff(own))
        keys = np.sort(_tagged(hashes[own[0] : own[-1]] >> np.uint64(_TAG_BITS), tags))
        keys = keys[np.r_[True, keys[1:] != keys[:-1]]] if len(keys) else keys
        owners = (keys >> np.uint64(64 - _TAG_BITS)).astype(np.int64)
        counts.append(np.bincount(owners, minlength=len(own) - 1))
        kept.append(keys & np.uint64((1 << (64 - _TAG_BITS)) - 1))
    return np.concatenate(kept), np.cumsum(np.concatenate(counts))


def _tagged(hashes: npt.NDArray[np.uint64], tags: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return hashes | (tags << np.uint64(64 - _TAG_BITS))


def _shared(
    hashes: npt.NDArray[np.uint64], bounds: npt.NDArray[np.int64], pairs: Pairs
) -> npt.NDArray[np.float64]:
    """Count shingles that both texts of a pair have: all in one array, sorted once."""
    sizes = np.diff(bounds)[pairs]
    lengths = sizes.reshape(-1)
    total = int(lengths.sum())
    steps = np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    tags = np.repeat(np.arange(len(pairs), dtype=np.uint64), sizes.sum(axis=1))
    keys = np.sort(_tagged(hashes[steps + np.repeat(bounds[pairs.reshape(-1)], lengths)], tags))
    twice = keys[1:][keys[1:] == keys[:-1]] >> np.uint64(64 - _TAG_BITS)
    shared = np.bincount(twice.astype(np.int64), minlength=len(pairs))
    return np.asarray(shared / np.maximum(sizes.sum(axis=1) - shared, 1))
