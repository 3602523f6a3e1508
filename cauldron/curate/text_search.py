"""Near-duplicate texts over all parts: bands meet in partitions, pairs in cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from cauldron.curate.exact import PAIRS
from cauldron.curate.layout import Group, Layout, Result, Stages, column
from cauldron.curate.near_texts import band_keys, banding, jaccards, margin, same_keys
from cauldron.curate.pairing import SKETCHES, TEXTS, Cell, Meeting, meet, put_pairs, values_of
from cauldron.signals.sketch import SKETCH_SIZE, similarity
from cauldron.storage.shuffle import gathered, scatter, scattering

_KEYS = pa.schema([("key", pa.uint64()), ("node", pa.int64())])
_BLOCK = 1 << 15  # pairs compared at a time
_BANDS, _SKETCH, _TEXT = "text-bands", "text-candidates", "text-unclear"

I64 = npt.NDArray[np.int64]


def near_text_pairs(groups: list[Group], target: float, documents: bool, run: Stages) -> list[str]:
    """Find pairs of texts at least as similar as `target`.

    Args:
        documents: only those that are no chats.

    Returns:
        URLs of the pairs with their similarity.
    """
    layout = groups[0].layout
    run(_BANDS, _bands, [(group, target, documents) for group in groups])
    n = _partitions(layout, target)
    found = run(_SKETCH, _candidates, [(layout, target, number) for number in range(n)])
    sketches = meet(groups, SKETCHES, _SKETCH, found, run)
    judging = [(sketches, target, k, share) for k, share in enumerate(sketches.shares)]
    texts = meet(groups, TEXTS, _TEXT, run(_TEXT, _judged, judging), run)
    reading = [(texts, target, k, share) for k, share in enumerate(texts.shares)]
    run("text-read", _read, reading)
    return layout.urls("text-clear", len(judging)) + layout.urls("text-read", len(reading))


def _partitions(layout: Layout, target: float) -> int:
    return layout.partitions(16 * banding(target)[0])


def _bands(group: Group, target: float, documents: bool) -> Result:
    layout, n = group.layout, _partitions(group.layout, target)

    def chunks() -> Iterator[tuple[pa.Table, I64]]:
        for frame in group.rows(["roles", "minhash"]):
            own = frame.filter(pl.col("minhash").bin.size() == 4 * SKETCH_SIZE)
            if documents:
                own = own.filter(pl.col("roles") == "document")
            if own.height:
                held = np.frombuffer(b"".join(own["minhash"]), np.uint32)
                keys = band_keys(held.reshape(-1, SKETCH_SIZE), *banding(target)).ravel()
                nodes = np.tile(own["node"].to_numpy(), len(keys) // own.height)
                leading = (keys >> np.uint64(32)) * np.uint64(n) >> np.uint64(32)
                yield pa.table({"key": keys, "node": nodes}), leading.astype(np.int64)

    return {"keys": scatter(layout.url(_BANDS, group.number), _KEYS, chunks(), n)}


def _candidates(layout: Layout, target: float, number: int) -> Result:
    n = _partitions(layout, target)
    table = gathered(layout.urls(_BANDS, layout.groups), number, n, _KEYS)
    nodes = np.asarray(column(table, "node"))
    one, two = same_keys(np.asarray(column(table, "key")))
    return put_pairs(layout, _SKETCH, number, [(nodes[one], nodes[two], None)])


def _judged(meeting: Meeting, target: float, number: int, share: tuple[int, int, int]) -> Result:
    """Judge pairs by their sketches; hand on those that these do not tell."""
    cell, layout = meeting.cell(share), meeting.layout
    held = values_of(cell.held).view(np.uint32).reshape(-1, SKETCH_SIZE)

    def unclear() -> Iterator[tuple[I64, I64, None]]:
        for block in cell.blocks(_BLOCK):
            found = similarity(held[block.left], held[block.right])
            left = np.abs(found - target) <= margin(target)
            _put(add, block, found, (found >= target) & ~left)
            yield block.a[left], block.b[left], None

    with scattering(layout.url("text-clear", number), PAIRS, 1) as add:
        return put_pairs(layout, _TEXT, number, unclear())


def _read(meeting: Meeting, target: float, number: int, share: tuple[int, int, int]) -> Result:
    """Judge pairs by the shingles of their texts."""
    cell = meeting.cell(share)

    def texts(numbers: I64) -> Any:
        return cell.held.take(pa.array(numbers)).cast(pa.large_string()).cast(pa.string())

    with scattering(meeting.layout.url("text-read", number), PAIRS, 1) as add:
        for block in cell.blocks(_BLOCK):
            found = jaccards(np.stack([block.left, block.right], axis=1), texts)
            _put(add, block, found, found >= target)
    return {}


def _put(add: Any, block: Cell, found: npt.NDArray[np.float64], near: Any) -> None:
    add(pa.table({"a": block.a[near], "b": block.b[near], "value": found[near]}), None)
