"""Kept samples of a source to training and validation shards, or a list of rows instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from cauldron.curate.decisions import kept
from cauldron.curate.edits import Edit, edited, edits_of, with_sizes, words_of, write_edits
from cauldron.mixture.plan import SIZES
from cauldron.sample import SAMPLE_SCHEMA, content_hash
from cauldron.storage import files
from cauldron.storage.shards import iter_batches, read_table, write_shard, write_table

ROWS_PER_SHARD = 2_000
_SHARDS_AT_ONCE = 8  # of one job
_HELD_OUT, _TRAIN = "validation", "shards"
SIDES = ("shards", "validation_shards")
"""The keys of both sides in a manifest."""
_SELECTION = pa.schema([("part", pa.string()), ("row", pa.int64()), ("id", pa.string())])

Mask = np.ndarray[Any, Any]
PartUrls = tuple[str, str, tuple[str, ...]]
"""URLs of samples, signals and decisions of one part."""


def split_part(part: PartUrls, seed: int, share: float) -> tuple[Mask, Mask, pa.Table]:
    """Return the training mask, the validation mask and the signals of a part.

    Samples that share their first picture fall on the same side; without one the text decides.
    """
    _, signals, decisions = part
    columns = ["id", "image_hash", "text_hash", *SIZES.values()]
    table = with_sizes(read_table(signals, columns), decisions)
    keep = kept(decisions, table.num_rows)
    held = np.zeros(table.num_rows, dtype=bool)
    if share:
        pictures, texts = table["image_hash"].to_pylist(), table["text_hash"].to_pylist()
        limit = int(share * (1 << 64))
        for row in np.flatnonzero(keep):
            key = pictures[row][0] if pictures[row] else texts[row]
            held[row] = content_hash(seed, "validation", key) < limit
    return keep & ~held, keep & held, table


def count_parts(source: str, parts: Sequence[PartUrls], seed: int, share: float) -> dict[str, Any]:
    """Count what some parts of a source have on either side.

    Returns:
        `train` and `validation` sizes; `rows`: training and validation rows of each part;
        `merged_from`: the other sources whose turns stand in these samples.
    """
    sides = [dict.fromkeys(("samples", *SIZES), 0) for _ in (_TRAIN, _HELD_OUT)]
    rows, merged_from = [], set()
    for part in parts:
        train, held, table = split_part(part, seed, share)
        for total, mask in zip(sides, (train, held), strict=True):
            total["samples"] += int(mask.sum())
            for name, column in SIZES.items():
                total[name] += int(table[column].to_numpy()[mask].sum())
        rows.append([int(train.sum()), int(held.sum())])
        edits = edits_of(part[2], table.num_rows).items()
        used = (edit for row, edit in edits if train[row] or held[row])
        merged_from |= {place.source for edit in used for place in edit.merged}
    told = {"train": sides[0], "validation": sides[1], "rows": rows}
    return {**told, "merged_from": sorted(merged_from - {source})}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRun:
    """Some shards of one side of a source, and the parts that their rows lie in.

    Args:
        first: number of the first shard.
        skip: rows of the side in these parts that belong to shards before.
        rows: of all these shards.
    """

    side: int
    first: int
    parts: tuple[PartUrls, ...]
    skip: int
    rows: int

    @property
    def kind(self) -> str:
        """The folder that the shards go to."""
        return (_TRAIN, _HELD_OUT)[self.side]

    def names(self, source: str) -> list[str]:
        """Return the file names of the shards."""
        numbers = range(self.first, self.first + -(-self.rows // ROWS_PER_SHARD))
        return [f"{self.kind}/{source}-{number:05d}.parquet" for number in numbers]


def shard_runs(parts: Sequence[PartUrls], rows: Sequence[Sequence[int]]) -> list[ShardRun]:
    """Cut both sides of a source into runs of shards.

    Args:
        rows: training and validation rows of each part.
    """
    runs = []
    step = ROWS_PER_SHARD * _SHARDS_AT_ONCE
    for side in (0, 1):
        ends = np.cumsum([part[side] for part in rows])
        total = int(ends[-1]) if len(ends) else 0
        for start in range(0, total, step):
            stop = min(start + step, total)
            low, high = (int(np.searchsorted(ends, k, "right")) for k in (start, stop - 1))
            runs.append(
                ShardRun(
                    side=side,
                    first=start // ROWS_PER_SHARD,
                    parts=tuple(parts[low : high + 1]),
                    skip=start - int(ends[low - 1] if low else 0),
                    rows=stop - start,
                )
            )
    return runs


def write_shards(
    source: str, work: str, run: ShardRun, folder: str, seed: int, share: float
) -> dict[str, Any]:
    """Write some shards of a source, edits carried out; return `shards` and `edits`."""
    masks, edits = [], []
    left, skip = run.rows, run.skip
    for part in run.parts:
        mask = split_part(part, seed, share)[run.side]
        chosen = np.flatnonzero(mask)
        own = chosen[skip : skip + left]
        mask[:] = False
        mask[own] = True
        skip, left = max(skip - len(chosen), 0), left - len(own)
        masks.append(mask)
        edits.append(edits_of(part[2], len(mask)))
    told: list[dict[str, Any]] = []
    shards = _write(_Rows(work, run.parts, masks, edits), folder, run.names(source), told)
    return {"shards": shards, "edits": told}


def write_selection(
    source: str, parts: Sequence[PartUrls], folder: str, seed: int, share: float
) -> dict[str, Any]:
    """Write which rows of a source are used, instead of shards, and their edits.

    Returns:
        `shards`, `validation_shards` and `edits` with checksums.
    """
    chosen: list[list[pa.Table]] = [[], []]
    told: list[dict[str, Any]] = []
    for part in parts:
        *masks, table = split_part(part, seed, share)
        name = part[0].rpartition("/")[2]
        for mask, held in zip(masks, chosen, strict=True):
            held.append(_selected(name, mask, table))
        edits = edits_of(part[2], table.num_rows).items()
        own = {row: edit for row, edit in edits if masks[0][row] or masks[1][row]}
        told += _edits_file(folder, f"samples/{source}/{name}", f"edits/{source}-{name}", own)
    out: dict[str, Any] = {"edits": told}
    for kind, held, key in zip((_TRAIN, _HELD_OUT), chosen, SIDES, strict=True):
        name = f"selection/{source}-{kind}.parquet"
        table = pa.concat_tables([_SELECTION.empty_table(), *held]).combine_chunks()
        shard = write_table(files.join(folder, name), table).as_dict()
        del shard["name"]
        out[key] = [{**shard, "url": name}]
    return out


def _selected(part: str, mask: Mask, table: pa.Table) -> pa.Table:
    rows = pa.array(np.flatnonzero(mask), pa.int64())
    names = pa.repeat(part, len(rows)).cast(pa.string())
    columns = [names, rows, table["id"].take(rows).combine_chunks()]
    return pa.Table.from_arrays(columns, schema=_SELECTION)


@dataclass(frozen=True)
class _Rows:
    """The masked rows of all parts of a source, with their edits by part and row."""

    work: str
    parts: Sequence[PartUrls]
    masks: Sequence[np.ndarray[Any, Any]]
    edits: Sequence[Mapping[int, Edit]]

    def tables(self) -> Iterator[pa.Table]:
        """Stream the samples with their edits carried out."""
        for (url, _, _), mask, edits in zip(self.parts, self.masks, self.edits, strict=True):
            chosen = np.flatnonzero(mask)
            words = words_of(self.work, [edits[row] for row in chosen.tolist() if row in edits])
            start = 0
            for batch in iter_batches(url):
                kept_here = mask[start : start + batch.num_rows]
                rows = (start + np.flatnonzero(kept_here)).tolist()
                table = pa.Table.from_batches([batch]).filter(pa.array(kept_here))
                yield edited(table, [edits.get(row) for row in rows], words)
                start += batch.num_rows

    def by_place(self) -> dict[int, Edit]:
        """Return the edits by place among the masked rows."""
        found: dict[int, Edit] = {}
        first = 0
        for mask, edits in zip(self.masks, self.edits, strict=True):
            places = first + np.cumsum(mask) - 1
            found |= {int(places[row]): edit for row, edit in edits.items() if mask[row]}
            first += int(mask.sum())
        return found


def _write(
    rows: _Rows, folder: str, names: Sequence[str], told: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Write rows as shards of a fixed number of rows; their edits are added to `told`."""
    edits = rows.by_place()
    shards = []
    carry = _Carry(rows.tables())
    for number, name in enumerate(names):
        url = files.join(folder, name)
        shard = write_shard(url, carry.take(ROWS_PER_SHARD), SAMPLE_SCHEMA, indexed=True)
        shards.append({**shard.as_dict(), "url": name})
        del shards[-1]["name"]
        first = number * ROWS_PER_SHARD
        own = {k: edits[first + k] for k in range(shard.rows) if first + k in edits}
        told += _edits_file(folder, name, f"edits/{name}", own)
    return shards


def _edits_file(folder: str, of: str, name: str, edits: Mapping[int, Edit]) -> list[dict[str, Any]]:
    if not edits:
        return []
    return [{**write_edits(files.join(folder, name), edits), "url": name, "of": of}]


class _Carry:
    """Cut a stream of tables into runs of a given number of rows."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self._tables = tables
        self._rest: pa.Table | None = None

    def take(self, rows: int) -> Iterator[pa.Table]:
        left = rows
        while left:
            table = self._rest if self._rest is not None else next(self._tables, None)
            self._rest = None
            if table is None:
                return
            yield table.slice(0, left)
            if table.num_rows > left:
                self._rest = table.slice(left)
            left -= min(left, table.num_rows)
