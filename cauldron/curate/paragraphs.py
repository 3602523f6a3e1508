"""Paragraphs that a site repeats on many pages are taken out of its documents.

From: OBELICS (arXiv:2306.16527): a paragraph seen three times in a domain leaves all its documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa
import xxhash

from cauldron.curate.edits import SIZES, Edit, Sizes
from cauldron.curate.paragraphs_left_out import paragraphs, without_paragraphs
from cauldron.curate.parts import Loaded, by_part
from cauldron.signals.said import normalised
from cauldron.storage.shards import read_table

_URLS = ("url", "document_url", "page_url", "source_url")

Changes = dict[int, dict[int, tuple[Edit, Sizes]]]


def repeated_paragraphs(
    loaded: Loaded, frame: pl.DataFrame, often: int
) -> tuple[npt.NDArray[np.int64], Changes]:
    """Take paragraphs seen at least `often` times in a domain out of documents.

    Returns:
        [m] places in the frame of documents of which no word is left, and the other documents
        that lose some, by part and row.
    """
    documents = frame.with_row_index("place").filter(pl.col("roles") == "document")
    seen = [np.zeros(0, np.uint64)]
    for _, _, samples in _documents(loaded, documents):
        seen += [_hashes(sample) for sample in samples]
    hashes, counts = np.unique(np.concatenate(seen), return_counts=True)
    many = hashes[counts >= often]
    empty: list[int] = []
    changes: Changes = {}
    for part, places, samples in _documents(loaded, documents):
        for place, sample in zip(places, samples, strict=True):
            if np.isin(_hashes(sample), many, kind="sort").any():
                edit, sizes = _without(sample, many)
                if sizes["chars"]:
                    changes.setdefault(part, {})[sample["row"]] = edit, sizes
                else:
                    empty.append(place)
    return np.array(empty, np.int64), changes


def _documents(
    loaded: Loaded, documents: pl.DataFrame
) -> Iterator[tuple[int, list[int], list[dict[str, Any]]]]:
    """Yield the documents of each part: part, places in the frame, samples with sizes and row."""
    for part, rows, places in by_part(documents):
        files = loaded.parts[part]
        words = read_table(files.samples, ["source", "messages", "extra", "origin"])
        sizes = read_table(files.signals, list(SIZES)).take(pa.array(rows))
        pairs = zip(words.take(pa.array(rows)).to_pylist(), sizes.to_pylist(), strict=True)
        samples = [
            {**sample, **size, "row": int(row)}
            for row, (sample, size) in zip(rows, pairs, strict=True)
        ]
        yield part, documents["place"].gather(places).to_list(), samples


def _hashes(sample: dict[str, Any]) -> npt.NDArray[np.uint64]:
    """Return a hash of domain and words of each paragraph; empty ones have none."""
    domain = _domain(sample)
    texts = [normalised(text) for text in paragraphs(sample["messages"])]
    return np.array([_hash(domain, text) for text in texts if text], np.uint64)


def _hash(domain: str, text: str) -> int:
    return xxhash.xxh3_64_intdigest(f"{domain}\n{text}".encode("utf-8", "surrogatepass"))


def _domain(sample: dict[str, Any]) -> str:
    """Return the host that a document is from, or its folder where no address is known."""
    extra = orjson.loads(sample["extra"]) if sample["extra"] else {}
    told = [extra.get(key) for key in _URLS] if isinstance(extra, dict) else []
    host = next((urlsplit(u).hostname for u in told if isinstance(u, str) and "//" in u), None)
    file = (sample["origin"] or {}).get("file") or ""
    return host or f"{sample['source']}:{file.rpartition('/')[0]}"


def _without(sample: dict[str, Any], many: npt.NDArray[np.uint64]) -> tuple[Edit, Sizes]:
    """Return which paragraphs leave a document, and the sizes it has then."""
    domain, repeated = _domain(sample), set(many.tolist())
    gone = [
        number
        for number, text in enumerate(paragraphs(sample["messages"]))
        if _hash(domain, normalised(text)) in repeated
    ]
    messages = without_paragraphs(sample["messages"], set(gone))
    parts = [part for message in messages for part in message["content"]]
    chars = sum(len(part["text"]) for part in parts if part["type"] == "text")
    share = chars / max(sample["chars"] or 0, chars, 1)
    tokens = {name: round((sample[name] or 0) * share) for name in SIZES if "tokens" in name}
    sizes = {"n_turns": sample["n_turns"], "chars": chars, **tokens}
    return Edit(paragraphs=tuple(gone)), sizes
