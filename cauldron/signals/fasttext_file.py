"""A quantised fastText model with hierarchical softmax, read from its file as plain arrays.

From: Joulin et al., FastText.zip, arXiv:1612.03651, and the reference implementation, version 12
of its files. What another kind of model would need is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_MAGIC, _VERSION, _LABEL = 793712314, 12, 1
_HIERARCHICAL, _SUPERVISED = 1, 3
_ARGUMENTS = ("dim", "ws", "epoch", "min_count", "neg", "word_ngrams", "loss", "model", "bucket")
_MORE = ("minn", "maxn", "update_rate")

F32 = npt.NDArray[np.float32]


class NotReadable(ValueError):
    """A model of another kind, or no model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a text is judged by.

    Args:
        words: distinct words, in the order of their vectors.
        labels: what is told, the most frequent first.
        label_counts: how often each label came in training; the tree follows from it.
        rows: hash of a piece of a word, below `bucket`, to its vector.
        vectors: [words + pieces, dim] float32; told: [labels - 1, dim] of the nodes of the tree.
        minn, maxn: characters of the pieces of words.
    """

    words: list[bytes]
    labels: list[str]
    label_counts: list[int]
    rows: dict[int, int]
    vectors: F32
    told: F32
    bucket: int
    minn: int
    maxn: int


class _Bytes:
    """Values of a file, one after the other."""

    def __init__(self, held: bytes) -> None:
        self._held, self._at = held, 0

    def array(self, kind: str, many: int) -> npt.NDArray[Any]:
        found = np.frombuffer(self._held, kind, many, self._at)
        self._at += found.nbytes
        return found

    def numbers(self, kind: str, many: int) -> list[int]:
        return [int(value) for value in self.array(kind, many)]

    def number(self, kind: str) -> int:
        return self.numbers(kind, 1)[0]

    def text(self) -> bytes:
        end = self._held.index(b"\0", self._at)
        found = self._held[self._at : end]
        self._at = end + 1
        return found


def read_model(held: bytes) -> Model:
    """Read the bytes of a `.ftz` file.

    Raises:
        NotReadable: if it is not a quantised model with hierarchical softmax and single words.
    """
    try:
        return _read(_Bytes(held))
    except (ValueError, IndexError, OverflowError) as error:
        raise NotReadable(str(error)) from error


def _read(file: _Bytes) -> Model:
    magic, version = file.numbers("<i4", 2)
    values = file.numbers("<i4", 12)
    told = dict(zip((*_ARGUMENTS, *_MORE), values, strict=True))
    file.array("<f8", 1)
    fits = (told["loss"], told["model"], told["word_ngrams"]) == (_HIERARCHICAL, _SUPERVISED, 1)
    if (magic, version) != (_MAGIC, _VERSION) or not fits:
        raise NotReadable("another kind of model")
    size, n_words, n_labels = file.numbers("<i4", 3)
    _, pruned = file.numbers("<i8", 2)
    entries = [(file.text(), file.number("<i8"), file.number("<i1")) for _ in range(size)]
    if (
        pruned < 0
        or [kind == _LABEL for *_, kind in entries] != [False] * n_words + [True] * n_labels
    ):
        raise NotReadable("another kind of dictionary")
    pairs = file.array("<i4", 2 * pruned).reshape(-1, 2)
    vectors = _vectors(file)
    if file.number("<i1"):
        raise NotReadable("a quantised output")
    high, wide = file.numbers("<i8", 2)
    return Model(
        words=[word for word, _, _ in entries[:n_words]],
        labels=[label.decode() for label, _, _ in entries[n_words:]],
        label_counts=[int(count) for _, count, _ in entries[n_words:]],
        rows={int(piece): n_words + int(row) for piece, row in pairs},
        vectors=vectors,
        told=file.array("<f4", high * wide).reshape(high, wide),
        bucket=told["bucket"],
        minn=told["minn"],
        maxn=told["maxn"],
    )


def _vectors(file: _Bytes) -> F32:
    """Return vectors from their codes: each part of one stands for one of 256 centres."""
    if not file.number("<i1"):
        raise NotReadable("not quantised")
    with_norms = bool(file.number("<i1"))
    high, _ = file.numbers("<i8", 2)
    codes = file.array("<u1", file.number("<i4")).reshape(high, -1)
    vectors = _decoded(file, codes)
    if with_norms:
        norms = file.array("<u1", high).reshape(high, 1)
        vectors = _decoded(file, norms) * vectors
    return np.ascontiguousarray(vectors)


def _decoded(file: _Bytes, codes: npt.NDArray[np.uint8]) -> F32:
    dim, parts, size, last = file.numbers("<i4", 4)
    centres = file.array("<f4", 256 * dim)
    if last != size or parts * size != dim:
        raise NotReadable("parts of different sizes")
    centres = centres.reshape(parts, 256, size)
    return centres[np.arange(parts), codes].reshape(len(codes), dim).astype(np.float32)
