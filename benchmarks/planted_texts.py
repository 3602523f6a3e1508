"""Documents with planted near-copies, about 300 words each, of a Zipf vocabulary.

A tenth are copies: equal ones, one word changed, 1.5 to 5.5 % of the words replaced, boilerplate
around, half shared. The Jaccard similarity of word 5-grams is known for each pair.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

VOCABULARY = 50_000
SHARES = {
    "equal": 0.15,
    "one_word": 0.2,
    "few": 0.2,
    "some": 0.1,
    "around": 0.15,
    "grey": 0.1,
    "half": 0.1,
}
REPLACED = {"few": 0.015, "some": 0.025, "grey": 0.055}


def generate(path: Path, documents: int) -> tuple[np.ndarray, np.ndarray]:
    """Write documents; return planted pairs, [m, 2], and their Jaccard similarity."""
    rng = np.random.default_rng(20261124)
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = {"".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(2 * VOCABULARY)}
    vocabulary = np.array(sorted(words, key=lambda w: (len(w), w))[:VOCABULARY], dtype=object)
    steps = np.cumsum(1 / np.arange(1, len(vocabulary) + 1) ** 1.05)

    def drawn(number: int) -> np.ndarray:
        found = np.searchsorted(steps, rng.random(number) * steps[-1])
        return np.minimum(found, len(vocabulary) - 1)

    copies = documents // 10
    docs = [drawn(int(np.clip(rng.normal(300, 60), 60, 600))) for _ in range(documents - copies)]
    pairs, similar = [], []
    for _ in range(copies):
        first = int(rng.integers(documents - copies))
        kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        docs.append(changed(docs[first], kind, rng, drawn))
        pairs.append((first, len(docs) - 1))
        similar.append(jaccard(docs[first], docs[-1]))
    place = rng.permutation(documents)
    texts = [""] * documents
    for number, doc in enumerate(docs):
        texts[place[number]] = " ".join(vocabulary[doc])
    pq.write_table(pa.table({"text": texts}), path, compression="zstd", row_group_size=20_000)
    return place[np.array(pairs)], np.array(similar)


def changed(doc: np.ndarray, kind: str, rng: Any, drawn: Callable[[int], np.ndarray]) -> np.ndarray:
    copy = doc.copy()
    if kind == "one_word":
        copy[rng.integers(len(copy))] = drawn(1)[0]
    elif kind in REPLACED:
        number = max(1, int(len(copy) * REPLACED[kind]))
        copy[rng.choice(len(copy), number, replace=False)] = drawn(number)
    elif kind == "around":
        copy = np.concatenate([drawn(8), copy, drawn(12)])
    elif kind == "half":
        copy[len(copy) // 2 :] = drawn(len(copy) - len(copy) // 2)
    return copy


def jaccard(a: np.ndarray, b: np.ndarray) -> float:
    one, two = ({tuple(doc[k : k + 5]) for k in range(len(doc) - 4)} for doc in (a, b))
    return len(one & two) / len(one | two)


def saved(folder: Path, documents: int) -> tuple[Path, np.ndarray, np.ndarray]:
    """Return the file of documents, planted pairs and their similarity; made where missing."""
    path, truth = folder / f"texts-{documents}.parquet", folder / f"truth-{documents}.npz"
    if not truth.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pairs, similar = generate(path, documents)
        np.savez(truth, pairs=pairs, similar=similar)
    found = np.load(truth)
    return path, found["pairs"], found["similar"]
