"""Paragraphs that a site repeats on many pages are taken out of its documents.

From: OBELICS (arXiv:2306.16527): a paragraph seen three times in a domain leaves all its documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa
import xxhash

from cauldron.curate.parts import Loaded, by_part
from cauldron.curate.rewritten import SIZES
from cauldron.signals.said import normalised
from cauldron.storage.shards import read_table

_BLANK_LINE = re.compile(r"\n\s*\n")
_URLS = ("url", "document_url", "page_url", "source_url")

Changes = dict[int, dict[int, dict[str, Any]]]


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
                change = _without(sample, many)
                if change["chars"]:
                    changes.setdefault(part, {})[sample["row"]] = change
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


def _paragraphs(sample: dict[str, Any]) -> Iterator[str]:
    for message in sample["messages"]:
        for part in message["content"]:
            if part["type"] == "text":
                yield from _BLANK_LINE.split(part["text"] or "")


def _hashes(sample: dict[str, Any]) -> npt.NDArray[np.uint64]:
    """Return a hash of domain and words of each paragraph; empty ones have none."""
    domain = _domain(sample)
    texts = [normalised(text) for text in _paragraphs(sample)]
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


def _without(sample: dict[str, Any], many: npt.NDArray[np.uint64]) -> dict[str, Any]:
    domain, gone = _domain(sample), set(many.tolist())
    messages, chars = [], 0
    for message in sample["messages"]:
        content = []
        for part in message["content"]:
            if part["type"] != "text":
                content.append(part)
                continue
            pieces = _BLANK_LINE.split(part["text"] or "")
            kept = [p for p in pieces if _hash(domain, normalised(p)) not in gone]
            if kept and "".join(kept).strip():
                text = part["text"] if len(kept) == len(pieces) else "\n\n".join(kept)
                content.append({"type": "text", "text": text})
                chars += len(text)
        messages.append({**message, "content": content})
    share = chars / max(sample["chars"] or 0, chars, 1)
    tokens = {name: round((sample[name] or 0) * share) for name in SIZES if "tokens" in name}
    return {
        "messages": messages,
        "extra": sample["extra"],
        "n_turns": sample["n_turns"],
        "chars": chars,
        **tokens,
    }
