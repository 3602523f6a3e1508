"""CIDEr-D, BLEU and ROUGE-L of tokenised captions, as the official caption program scores them.

Vedantam et al. 2015, arXiv:1411.5726; Papineni et al. 2002; Lin 2004. Captions are texts of tokens
joined by blanks (`captions.ptb`); one prediction and one or more references belong to an image.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

ORDERS = 4
SIGMA = 6.0  # width of CIDEr-D's penalty for another length
BETA = 1.2  # weight of recall in ROUGE-L
_SMALL, _TINY = 1e-9, 1e-15  # what the BLEU program adds so that nothing is divided by 0

References = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Grams:
    """The n-grams of one order: caption, number of the n-gram and how often, sorted by both."""

    caption: np.ndarray
    gram: np.ndarray
    count: np.ndarray


def cider(predictions: Sequence[str], references: References) -> np.ndarray:
    """Return the CIDEr-D score of each image, 0 .. 10.

    An n-gram weighs less in more of the images; with one image every score is 0, and a part of a
    set has other scores than the whole.
    """
    images, owners = len(predictions), _owners(references)
    captions = [*predictions, *(text for texts in references for text in texts)]
    length = np.zeros(len(captions))
    similarity = np.zeros(len(owners))
    orders = list(_orders(captions))
    np.add.at(length, orders[1].caption, orders[1].count)  # the program counts pairs of words
    for grams in orders:
        similarity += _cosine(grams, images, owners)
    shorter = length[owners] - length[images:]
    similarity *= np.exp(-(shorter**2) / (2 * SIGMA**2))
    total = np.bincount(owners, similarity, minlength=images)
    return 10 * total / ORDERS / np.bincount(owners, minlength=images)


def _owners(references: References) -> np.ndarray:
    return np.repeat(np.arange(len(references)), [len(texts) for texts in references])


def _orders(captions: Sequence[str]) -> Iterable[_Grams]:
    """Yield the n-grams of each order; those of order n are pairs of one of n - 1 and a word."""
    words: dict[str, int] = {}
    split = [[words.setdefault(word, len(words)) for word in text.split()] for text in captions]
    word = np.array([number for text in split for number in text], dtype=np.int64)
    lengths = np.array([len(text) for text in split])
    caption = np.repeat(np.arange(len(split)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(word))  # words to the end
    here, gram = np.arange(len(word)), word
    for order in range(1, ORDERS + 1):
        if order > 1:
            longer = left[here] >= order
            here = here[longer]
            pairs = gram[longer] * max(len(words), 1) + word[here + order - 1]
            gram = np.unique(pairs, return_inverse=True)[1]
        span = int(gram.max(initial=0)) + 1
        keys, count = np.unique(caption[here] * span + gram, return_counts=True)
        yield _Grams(keys // span, keys % span, count)


def _cosine(grams: _Grams, images: int, owners: np.ndarray) -> np.ndarray:
    """Return for each reference how its weighted n-grams agree with the prediction's."""
    told = grams.caption < images
    image = owners[grams.caption[~told] - images]
    span = int(grams.gram.max(initial=0)) + 1
    seen = np.unique(image * span + grams.gram[~told]) % span
    documents = np.maximum(np.bincount(seen, minlength=span), 1)
    weight = grams.count * (math.log(images) - np.log(documents))[grams.gram]
    norms = np.sqrt(np.bincount(grams.caption, weight**2, minlength=images + len(owners)))
    keys, values = grams.caption[told] * span + grams.gram[told], weight[told]
    wanted = image * span + grams.gram[~told]
    place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    found = keys[place] == wanted if len(keys) else np.zeros(len(wanted), bool)
    both = np.where(found, values[place] if len(keys) else 0.0, 0.0)
    product = np.minimum(both, weight[~told]) * weight[~told]
    sums = np.bincount(grams.caption[~told] - images, product, minlength=len(owners))
    scale = norms[owners] * norms[images:]
    return np.asarray(np.divide(sums, scale, out=np.zeros(len(owners)), where=scale != 0))


def bleu_counts(predictions: Sequence[str], references: References) -> np.ndarray:
    """Return per image: right and possible n-grams of each order, length and reference length.

    The reference length is the closest one, of equally close ones the shorter.
    """
    return np.array(
        [
            _bleu_counts(predicted.split(), [text.split() for text in texts])
            for predicted, texts in zip(predictions, references, strict=True)
        ],
        dtype=np.float64,
    ).reshape(-1, 2 * ORDERS + 2)


def _bleu_counts(predicted: Sequence[str], references: Sequence[Sequence[str]]) -> list[int]:
    right = []
    for order in range(1, ORDERS + 1):
        most: Counter[tuple[str, ...]] = Counter()
        for words in references:
            most |= _ngrams(words, order)
        right.append((_ngrams(predicted, order) & most).total())
    possible = [max(0, len(predicted) - order) for order in range(ORDERS)]
    closest = min((abs(len(words) - len(predicted)), len(words)) for words in references)[1]
    return [*right, *possible, len(predicted), closest]


def _ngrams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(order)), strict=False))


def bleu(counts: np.ndarray) -> np.ndarray:
    """Return BLEU-1 .. BLEU-4 of counts: [..., 2 x 4 + 2] to [..., 4]."""
    right, possible = counts[..., :ORDERS], counts[..., ORDERS : 2 * ORDERS]
    precision = np.cumprod((right + _TINY) / (possible + _SMALL), axis=-1)
    ratio = (counts[..., -2:-1] + _TINY) / (counts[..., -1:] + _SMALL)
    penalty = np.exp(np.minimum(0.0, 1 - 1 / ratio))
    return np.asarray(precision ** (1 / np.arange(1, ORDERS + 1)) * penalty)


def rouge_l(predicted: str, references: Sequence[str]) -> float:
    """Return ROUGE-L: best precision and best recall of the longest common row of words."""
    words = predicted.split(" ")
    common = [(_common(words, text.split(" ")), len(text.split(" "))) for text in references]
    precision = max(length for length, _ in common) / len(words)
    recall = max(length / size for length, size in common)
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence; from: Hyyrö 2004, bit-parallel."""
    places: dict[str, int] = {}
    for number, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << number
    every = (1 << len(first)) - 1
    row = every
    for word in second:
        equal = row & places.get(word, 0)
        row = (row + equal | row - equal) & every
    return len(first) - row.bit_count()
