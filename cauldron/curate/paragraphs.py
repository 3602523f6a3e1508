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

from cauldron.curate.edits import CHANGES, SIZES, Edit, Sizes, packed
from cauldron.curate.layout import Group, Layout, Result, Stages, column, row_of
from cauldron.curate.paragraphs_left_out import paragraphs, without_paragraphs
from cauldron.signals.said import normalised
from cauldron.storage.shards import read_table
from cauldron.storage.shuffle import gathered, scatter, scattering

_URLS = ("url", "document_url", "page_url", "source_url")

EMPTY = pa.schema([("node", pa.int64())])
_COUNTED = pa.schema([("hash", pa.uint64()), ("count", pa.int64()), ("group", pa.int64())])
_REPEATED = pa.schema([("hash", pa.uint64())])
_ROW_BYTES = 256  # of the counts of paragraphs of one document

U64 = npt.NDArray[np.uint64]


def repeated_paragraphs(groups: list[Group], often: int, run: Stages) -> list[str]:
    """Take paragraphs seen at least `often` times in a domain out of documents.

    Returns:
        URLs of documents of which no word is left; the stage `paragraph-changes` tells the others
        that lose some.
    """
    layout = groups[0].layout
    run("paragraph-counts", _counts, [(group,) for group in groups])
    n = layout.partitions(_ROW_BYTES)
    run("paragraph-repeated", _repeated, [(layout, often, number) for number in range(n)])
    run("paragraph-empty", _changed, [(group, n) for group in groups])
    return layout.urls("paragraph-empty", layout.groups)


def _counts(group: Group) -> Result:
    """Count paragraphs by domain and words."""
    layout, n = group.layout, group.layout.partitions(_ROW_BYTES)

    def chunks() -> Iterator[tuple[pa.Table, npt.NDArray[np.int64]]]:
        for samples in _documents(group):
            seen = np.concatenate([np.zeros(0, np.uint64), *map(_hashes, samples)])
            hashes, counts = np.unique(seen, return_counts=True)
            table = pa.table(
                {"hash": hashes, "count": counts, "group": np.full(len(hashes), group.number)}
            )
            yield table, (hashes % np.uint64(n)).astype(np.int64)

    url = layout.url("paragraph-counts", group.number)
    return {"rows": scatter(url, _COUNTED, chunks(), n)}


def _repeated(layout: Layout, often: int, number: int) -> Result:
    """Tell each group which of its paragraphs are repeated."""
    n = layout.partitions(_ROW_BYTES)
    table = gathered(layout.urls("paragraph-counts", layout.groups), number, n, _COUNTED)
    frame = pl.DataFrame(pl.from_arrow(table)).filter(pl.col("count").sum().over("hash") >= often)
    own = frame.select("hash", "group").unique().sort("group", "hash")
    chunk = own.select("hash").to_arrow(), own["group"].to_numpy()
    url = layout.url("paragraph-repeated", number)
    return {"rows": scatter(url, _REPEATED, [chunk], layout.groups)}


def _changed(group: Group, jobs: int) -> Result:
    layout = group.layout
    urls = layout.urls("paragraph-repeated", jobs)
    many = np.sort(column(gathered(urls, group.number, layout.groups, _REPEATED), "hash"))
    with (
        scattering(layout.url("paragraph-empty", group.number), EMPTY, 1) as add_empty,
        scattering(layout.url("paragraph-changes", group.number), CHANGES, layout.groups) as add,
    ):
        for samples in _documents(group):
            empty, nodes, changes = [], [], []
            for sample in samples:
                if np.isin(_hashes(sample), many, kind="sort").any():
                    edit, sizes = _without(sample, many)
                    if sizes["chars"]:
                        nodes.append(sample["node"])
                        changes.append(packed(edit, sizes))
                    else:
                        empty.append(sample["node"])
            add_empty(pa.table({"node": pa.array(empty, pa.int64())}), None)
            told = {"node": pa.array(nodes, pa.int64()), "change": pa.array(changes, pa.binary())}
            add(pa.table(told), np.full(len(nodes), group.number))
    return {}


def _documents(group: Group) -> Iterator[list[dict[str, Any]]]:
    """Yield the documents of each part, with sizes and node."""
    rows = group.rows(["roles", *SIZES])
    for part, frame in zip(group.parts, rows, strict=True):
        own = frame.filter(pl.col("roles") == "document")
        if own.height:
            words = read_table(part.samples, ["source", "messages", "extra", "origin"])
            words = words.take(pa.array(row_of(own["node"].to_numpy())))
            sizes = own.select("node", *SIZES).to_dicts()
            pairs = zip(words.to_pylist(), sizes, strict=True)
            yield [{**sample, **size} for sample, size in pairs]


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
    host = next((_host(u) for u in told if isinstance(u, str) and "//" in u), None)
    file = (sample["origin"] or {}).get("file") or ""
    return host or f"{sample['source']}:{file.rpartition('/')[0]}"


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


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
