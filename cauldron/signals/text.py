"""Text signals, after the definitions of the OBELICS filters, over whole batches.

From: huggingface/OBELICS, web document filtering; thresholds belong to the rules, not here. With
`numba` installed the pass over characters is compiled; numpy gives the same values.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cauldron.compiled import compiled
from cauldron.signals.said import Ints, Said, Words, counted, ratio
from cauldron.signals.wordlists import FLAGGED_WORDS, STOP_WORDS

CHARACTER_N = 10
WORD_N = 5
_LONG = 100_000  # characters looked at for repetition; a longer text is judged by its beginning
_FIELD = 20  # bits of each count of characters
_MASK = (1 << _FIELD) - 1
_WORD = 1 << 3 * _FIELD
_OWNER_BITS = 16  # samples of a batch are fewer than 2 ** 16

U64 = npt.NDArray[np.uint64]


def text_signals(said: Said) -> dict[str, Any]:
    """Measure what the texts of each sample are made of."""
    letters, bounds = characters(said.joined)
    chars = np.diff(bounds)
    special, digits, marks, runs = _kind_counts(letters, bounds)
    words = said.words
    return {
        "words": words.per_sample,
        "char_repetition": character_repetition(letters, bounds),
        "word_repetition": word_repetition(words),
        "special_ratio": ratio(special, chars),
        "digit_ratio": ratio(digits, chars),
        "stopword_ratio": words.share_in(pa.array(sorted(STOP_WORDS))),
        "flagged_ratio": words.share_in(pa.array(sorted(FLAGGED_WORDS))),
        "punctuation_ratio": ratio(marks, marks + runs),
    }


def _compiled() -> Any:
    """Return the pass compiled by numba, or None where that cannot be."""
    return compiled("cauldron.signals.text_compiled")


def _kind_counts(letters: npt.NDArray[Any], bounds: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return special characters, digits, marks and runs of word characters of each text."""
    kinds = _kinds(int(letters.max(initial=0)))
    if compiled := _compiled():
        special, digits, marks, runs = compiled.kind_counts(letters, bounds, kinds, _FIELD, _WORD)
        return special, digits, marks, runs
    found = kinds[letters]
    return (*_counts(found, bounds), _runs(found, bounds))


def characters(texts: pa.StringArray) -> tuple[npt.NDArray[Any], Ints]:
    """Return the code points of all texts in one array, and [n + 1] bounds of each text."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :][: len(texts) + 1]
    held = memoryview(texts.buffers()[2] or b"")[offsets[0] : offsets[-1]] if len(texts) else b""
    bounds = offsets.astype(np.int64) - int(offsets[0])
    octets = np.frombuffer(held, np.uint8)
    if octets.max(initial=0) < 0x80:
        return octets, bounds
    starts = np.concatenate([[0], np.cumsum((octets & 0xC0) != 0x80)])
    return np.frombuffer(str(held, "utf-8").encode("utf-32-le"), np.uint32), starts[bounds]


@cache
def _kinds(highest: int) -> npt.NDArray[np.int64]:
    """Return what each code point is, as fields of one number: special, digit, mark, of a word."""
    size = next(limit for limit in (0x80, 0x10000, 0x110000) if highest < limit)
    if highest != size - 1:
        return _kinds(size - 1)
    out = np.zeros(size, np.int64)
    for code in range(size):
        letter = chr(code)
        category = unicodedata.category(letter)
        out[code] = (
            (category[0] not in "LM")
            + (letter.isdigit() << _FIELD)
            + ((letter in ",;:?!.") << 2 * _FIELD)
            + (_WORD if letter.isalnum() or letter in "_'" else 0)
        )
    return out


def _counts(kinds: Ints, bounds: Ints) -> tuple[Ints, Ints, Ints]:
    """Return how many characters of each text are special, digits and marks."""
    fields = kinds & (_WORD - 1)
    if len(fields) > _MASK:  # more than a field can count
        one, two, three = ((fields >> k * _FIELD) & _MASK for k in range(3))
        return _sums(one, bounds), _sums(two, bounds), _sums(three, bounds)
    all_three = _sums(fields, bounds)
    return all_three & _MASK, (all_three >> _FIELD) & _MASK, all_three >> 2 * _FIELD


def _sums(values: npt.NDArray[Any], bounds: Ints) -> Ints:
    """Return the sum over each text."""
    total = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=total[1:])
    return np.asarray(total[bounds[1:]] - total[bounds[:-1]])


def _runs(kinds: Ints, bounds: Ints) -> Ints:
    """Return how many runs of word characters each text has."""
    begins = kinds >= _WORD
    within = begins[1:] & begins[:-1]
    starts = bounds[:-1][(bounds[:-1] > 0) & (bounds[:-1] < len(kinds))]
    within[starts - 1] = False
    begins[1:] &= ~within
    places = np.flatnonzero(begins)
    return np.diff(np.searchsorted(places, bounds))


def character_repetition(
    letters: npt.NDArray[Any], bounds: Ints, n: int = CHARACTER_N
) -> npt.NDArray[np.float64]:
    """Return the share that the most frequent repeated character n-grams have of all n-grams.

    With N distinct n-grams, r of them repeated, the min(floor(sqrt(N)), r) largest counts are
    summed. `ok_ok_good_ok` with n = 3 gives 4/11.
    """
    if compiled := _compiled():
        return np.asarray(compiled.repetition(letters, bounds, n, _LONG))
    texts = len(bounds) - 1
    held = np.clip(np.diff(bounds) - n + 1, 0, _LONG - n + 1)
    starts = np.repeat(bounds[:-1] - np.cumsum(held) + held, held)
    starts += np.arange(len(starts))
    owner = np.repeat(np.arange(texts), held)
    counts, owner = _gram_counts(_rolled(letters, n)[starts], owner)
    total = np.bincount(owner, counts, texts)
    repeated = counts > 1
    distinct = counted(owner, texts)
    counts, owner = counts[repeated], owner[repeated]
    top = np.minimum(np.sqrt(distinct).astype(np.int64), counted(owner, texts))
    order = np.lexsort((-counts, owner))
    counts, owner = counts[order], owner[order]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    taken = rank < top[owner]
    return np.asarray(np.bincount(owner[taken], counts[taken], texts) / np.maximum(total, 1))


def _rolled(letters: npt.NDArray[Any], n: int) -> U64:
    """Return a hash of each run of n characters."""
    many = max(len(letters) - n + 1, 0)
    if letters.dtype == np.uint8 and 8 <= n <= 16 and many:
        eights: U64 = np.ndarray(len(letters) - 7, "<u8", letters.tobytes(), strides=(1,))
        mixed = eights[:many] * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= (eights[n - 8 : n - 8 + many] >> np.uint64(8 * (16 - n))) * np.uint64(
            0xC2B2AE3D27D4EB4F
        )
    else:
        mixed = np.zeros(many, np.uint64)
        for offset in range(n):
            mixed *= np.uint64(0x9E3779B97F4A7C15)
            mixed += letters[offset : offset + many]
    mixed *= np.uint64(0xD6E8FEB86659FD93)
    return mixed ^ (mixed >> np.uint64(32))


def word_repetition(words: Words, n: int = WORD_N) -> npt.NDArray[np.float64]:
    """Return the share of word n-grams that occur more than once."""
    grams = words.grams(n)
    first = words.owner[: len(grams)]
    inside = first == words.owner[n - 1 :]
    counts, owner = _gram_counts(grams[inside], first[inside])
    again = np.where(counts > 1, counts, 0)
    texts = len(words.per_sample)
    total = np.bincount(owner, counts, texts)
    return np.asarray(np.bincount(owner, again, texts) / np.maximum(total, 1))


def _gram_counts(grams: U64, owner: Ints) -> tuple[Ints, Ints]:
    """Return the count of each distinct n-gram of each text, and the text; texts ascend."""
    bits = np.uint64(64 - _OWNER_BITS)
    keys = grams >> np.uint64(_OWNER_BITS)
    keys |= owner.view(np.uint64) << bits
    keys.sort()
    first = np.ones(len(keys) + 1, bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:-1])
    starts = np.flatnonzero(first)
    return np.diff(starts), (keys[starts[:-1]] >> bits).astype(np.int64)
