"""What a fastText model says of texts, compiled by numba; it needs `numba`.

Words are looked up, then they and their pieces are summed in the order in which the reference
implementation sums them, so that the scores are the same to the last bit.
"""

# mypy: ignore-errors
from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from cauldron.signals.fasttext_file import NotReadable

_SEED, _PRIME = np.uint32(2166136261), np.uint32(16777619)  # FNV-1a
_BEGIN, _END = np.uint8(ord("<")), np.uint8(ord(">"))  # around a word
_BUCKET, _DIM = np.uint32(2_000_000), 16  # constants, since a remainder by others takes long
_LEAST = 1e-5  # added before a logarithm is taken
_FREE = -1  # a place of a table that holds nothing
_END_OF_TEXT = b"</s>"


class Tables(NamedTuple):
    """A model as the pass reads it.

    `slots` is a table of words and labels by hash, `pieces`, [room, 2], one of pieces and their
    vectors; `left` and `right` are the branches of each node of the tree, the leaves come first.
    """

    slots: np.ndarray
    entries: np.ndarray
    entry_bounds: np.ndarray
    pieces: np.ndarray
    vectors: np.ndarray
    told: np.ndarray
    left: np.ndarray
    right: np.ndarray
    prefix: np.ndarray
    n_words: int
    end: int
    minn: int
    maxn: int


def tables(model, prefix):
    """Return a `fasttext_file.Model` as tables; labels begin with the prefix.

    Raises:
        NotReadable: if its sizes are not those that the pass is compiled for.
    """
    if (model.bucket, model.vectors.shape[1]) != (_BUCKET, _DIM):
        raise NotReadable("a model of another size")
    entries = [*model.words, *(label.encode() for label in model.labels)]
    held = np.frombuffer(b"".join(entries), np.uint8)
    bounds = np.concatenate([[0], np.cumsum([len(entry) for entry in entries])])
    keys = np.array(list(model.rows), np.int32)
    rows = np.array(list(model.rows.values()), np.int32)
    left, right = _tree(model.label_counts)
    return Tables(
        slots=_slotted(held, bounds, _room(len(entries))),
        entries=held,
        entry_bounds=bounds,
        pieces=_placed(keys, rows, _room(len(keys))),
        vectors=model.vectors,
        told=model.told,
        left=left,
        right=right,
        prefix=np.frombuffer(prefix.encode(), np.uint8),
        n_words=len(model.words),
        end=model.words.index(_END_OF_TEXT) if _END_OF_TEXT in model.words else -1,
        minn=model.minn,
        maxn=model.maxn,
    )


def _room(many):
    return 1 << (2 * many).bit_length()


def _tree(counts):
    """Return the branches of each node of the Huffman tree of labels; the last node is the root."""
    n = len(counts)
    weights = [*counts, *[10**15] * (n - 1)]
    left, right = np.full(2 * n - 1, _FREE, np.int32), np.full(2 * n - 1, _FREE, np.int32)
    leaf, node = n - 1, n
    for number in range(n, 2 * n - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        left[number], right[number] = pair
        weights[number] = weights[pair[0]] + weights[pair[1]]
    return left, right


@numba.njit(cache=True)
def _slotted(held, bounds, room):
    slots = np.full(room, _FREE, np.int32)
    for entry in range(len(bounds) - 1):
        at = _hash(held, bounds[entry], bounds[entry + 1]) & (room - 1)
        while slots[at] != _FREE:
            at = (at + 1) & (room - 1)
        slots[at] = entry
    return slots


@numba.njit(cache=True)
def _placed(keys, rows, room):
    held = np.full((room, 2), _FREE, np.int32)
    for number in range(len(keys)):
        at = _spread(keys[number]) & (room - 1)
        while held[at, 0] != _FREE:
            at = (at + 1) & (room - 1)
        held[at, 0], held[at, 1] = keys[number], rows[number]
    return held


@numba.njit(cache=True)
def _spread(piece):
    return np.int64(np.uint32(np.uint32(piece) * np.uint32(0x9E3779B1)) >> np.uint32(8))


@numba.njit(cache=True)
def _hash(text, start, end):
    mixed = _SEED
    for at in range(start, end):
        mixed = _mix(mixed, text[at])
    return np.int64(mixed)


@numba.njit(nogil=True, cache=True)
def judged(texts, bounds, model, most, pieces, piece):
    """Return the best label of each text, -1 for none, and how sure that is.

    Args:
        texts: UTF-8 of all texts; bounds: [n + 1].
        model: `Tables`.
        most: characters from which only pieces are looked at; pieces, piece: how many, how long.
    """
    n = len(bounds) - 1
    labels, scores = np.full(n, -1, np.int32), np.zeros(n, np.float32)
    cut = np.empty(pieces * (4 * piece + 1), np.uint8)
    hidden = np.empty(model.vectors.shape[1], np.float32)
    for number in range(n):
        text = texts[bounds[number] : bounds[number + 1]]
        if _characters(text) > most:
            text = cut[: _cut_out(text, pieces, piece, cut)]
        many = _sum_up(text, model, hidden)
        if many:
            share = np.float32(1.0 / many)
            for k in range(len(hidden)):
                hidden[k] *= share
            labels[number], score = _best(model, hidden)
            scores[number] = math.exp(score)
    return labels, scores


@numba.njit(nogil=True, cache=True)
def _characters(text):
    many = 0
    for octet in text:
        many += (octet & 0xC0) != 0x80
    return many


@numba.njit(nogil=True, cache=True)
def _cut_out(text, pieces, piece, out):
    """Copy pieces of a text, evenly spaced, with blanks between; return the bytes."""
    step = (_characters(text) - piece) // (pieces - 1)
    at, seen = 0, -1
    for octet in text:
        seen += (octet & 0xC0) != 0x80
        number = min(seen // step, pieces - 1)
        if seen - number * step < piece:
            first = (octet & 0xC0) != 0x80 and seen == number * step
            if first and number:
                out[at] = 32
                at += 1
            out[at] = octet
            at += 1
    return at


@numba.njit(nogil=True, cache=True)
def _sum_up(text, model, hidden):
    """Sum the vectors of all words and of their pieces; return how many."""
    hidden[:] = 0
    many, start = 0, 0
    for at in range(len(text) + 1):
        if at < len(text) and not _separates(text[at]):
            continue
        if at > start:
            entry = _entry(text, start, at, model.slots, model.entries, model.entry_bounds)
            if entry < 0:
                label = _begins(text, start, at, model.prefix)
            else:
                label = entry >= model.n_words
                many += 0 if label else _add(model.vectors, entry, hidden)
                if entry == model.end:
                    return many
            if not label:
                bounds = (model.minn, model.maxn)
                many += _add_pieces(text, start, at, model.pieces, model.vectors, bounds, hidden)
        start = at + 1
    if model.end >= 0:
        many += _add(model.vectors, model.end, hidden)
    return many


@numba.njit(nogil=True, cache=True)
def _separates(octet):
    return octet == 32 or (9 <= octet <= 13) or octet == 0


@numba.njit(nogil=True, cache=True)
def _add_pieces(text, start, end, pieces, vectors, bounds, hidden):
    """Add the pieces of a word between two marks; return how many."""
    many, mask, (minn, maxn) = 0, len(pieces) - 1, bounds
    for first in range(start - 1, end + 1):
        if start <= first < end and (text[first] & 0xC0) == 0x80:
            continue
        mixed, length, at = _SEED, 0, first
        while at <= end and length < maxn:
            mixed = _mix(mixed, _BEGIN if at < start else (text[at] if at < end else _END))
            at += 1
            while at < end and (text[at] & 0xC0) == 0x80:
                mixed = _mix(mixed, text[at])
                at += 1
            length += 1
            if length < minn:
                continue
            piece = np.int32(mixed % _BUCKET)
            place = _spread(piece) & mask
            while pieces[place, 0] != _FREE and pieces[place, 0] != piece:
                place = (place + 1) & mask
            if pieces[place, 0] == piece:
                many += _add(vectors, pieces[place, 1], hidden)
    return many


@numba.njit(nogil=True, cache=True)
def _mix(mixed, octet):
    return np.uint32((mixed ^ np.uint32(np.int8(octet))) * _PRIME)


@numba.njit(nogil=True, cache=True)
def _begins(text, start, end, prefix):
    same = end - start >= len(prefix)
    k = 0
    while same and k < len(prefix):
        same = text[start + k] == prefix[k]
        k += 1
    return same


@numba.njit(nogil=True, cache=True)
def _entry(text, start, end, slots, entries, bounds):
    """Return the place of a word or label in the dictionary, -1 for none."""
    mask = len(slots) - 1
    at = _hash(text, start, end) & mask
    while slots[at] != _FREE:
        first, last = bounds[slots[at]], bounds[slots[at] + 1]
        if last - first == end - start and _begins(text, start, end, entries[first:last]):
            return slots[at]
        at = (at + 1) & mask
    return np.int32(-1)


@numba.njit(nogil=True, cache=True)
def _add(vectors, row, hidden):
    for k in range(_DIM):
        hidden[k] += vectors[row, k]
    return 1


@numba.njit(nogil=True, cache=True)
def _best(model, hidden):
    """Walk down the tree of labels to the likeliest leaf; branches that cannot win are left out."""
    leaves = len(model.left) // 2 + 1
    nodes, sums = np.empty(2 * leaves, np.int32), np.empty(2 * leaves, np.float32)
    nodes[0], sums[0], depth = len(model.left) - 1, 0, 1
    least = np.float32(math.log(_LEAST))
    label, best = np.int32(-1), np.float32(0)
    while depth:
        depth -= 1
        node, score = nodes[depth], sums[depth]
        if score < least or (label >= 0 and score < best):
            continue
        if node < leaves:
            if label < 0 or score > best:
                label, best = node, score
            continue
        dot = np.float32(0)
        for k in range(len(hidden)):
            dot += model.told[node - leaves, k] * hidden[k]
        right = np.float32(1.0 / np.float64(np.float32(1) + np.float32(math.exp(-dot))))
        wrong = np.float32(1.0 - np.float64(right))
        nodes[depth] = model.right[node]
        sums[depth] = score + np.float32(math.log(np.float64(right) + _LEAST))
        nodes[depth + 1] = model.left[node]
        sums[depth + 1] = score + np.float32(math.log(np.float64(wrong) + _LEAST))
        depth += 2
    return label, best
