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
_HELD_OUT, _TRAIN = "validation", "shards"

PartUrls = tuple[str, str, tuple[str, ...]]
"""URLs of samples, signals and decisions of one part."""


def split_rows(
    parts: Sequence[PartUrls], seed: int, share: float
) -> list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], pa.Table]]:
    """Return for each part the training mask, the validation mask and the signals.

    Samples that share their first picture fall on the same side; without one the text decides.
    """
    columns = ["id", "image_hash", "text_hash", *SIZES.values()]
    out = []
    for _, signals, decisions in parts:
        table = with_sizes(read_table(signals, columns), decisions)
        keep = kept(decisions, table.num_rows)
        held = np.zeros(table.num_rows, dtype=bool)
        if share:
            pictures, texts = table["image_hash"].to_pylist(), table["text_hash"].to_pylist()
            limit = int(share * (1 << 64))
            for row in np.flatnonzero(keep):
                key = pictures[row][0] if pictures[row] else texts[row]
                held[row] = content_hash(seed, "validation", key) < limit
        out.append((keep & ~held, keep & held, table))
    return out


def sizes_of(tables: Sequence[tuple[Any, pa.Table]]) -> dict[str, int]:
    """Return samples, turns, images, chars and tokens of masked rows."""
    total = dict.fromkeys(("samples", *SIZES), 0)
    for mask, table in tables:
        total["samples"] += int(mask.sum())
        for name, column in SIZES.items():
            total[name] += int(table[column].to_numpy()[mask].sum())
    return total


def mix_source(
    source: str,
    work: str,
    parts: Sequence[PartUrls],
    folder: str,
    seed: int,
    share: float,
    materialize: bool,
) -> dict[str, Any]:
    """Write the shards of one source, or only the selection of its rows, and its edits.

    Returns:
        `train` and `validation` sizes; `shards`, `validation_shards` and `edits` with checksums;
        `merged_from`, the other sources whose turns stand in its samples.
    """
    split = split_rows(parts, seed, share)
    edits = [edits_of(part[2], len(found[2])) for part, found in zip(parts, split, strict=True)]
    sizes = {
        "train": sizes_of([(train, table) for train, _, table in split]),
        "validation": sizes_of([(held, table) for _, held, table in split]),
    }
    told: list[dict[str, Any]] = []
    both = []
    for side, kind in enumerate((_TRAIN, _HELD_OUT)):
        masks = [found[side] for found in split]
        if materialize:
            rows = _Rows(work, parts, masks, edits)
            both.append(_write(source, rows, folder, kind, told))
        else:
            both.append([_select(source, parts, split, folder, side, kind)])
    if not materialize:
        told = _edits_of_parts(source, parts, split, edits, folder)
    return {
        "source": source,
        **sizes,
        "shards": both[0],
        "validation_shards": both[1],
        "edits": told,
        "merged_from": _merged_from(source, split, edits),
    }


def _merged_from(
    source: str, split: Sequence[tuple[Any, Any, Any]], edits: Sequence[Mapping[int, Edit]]
) -> list[str]:
    places = [
        place
        for (train, held, _), own in zip(split, edits, strict=True)
        for row, edit in own.items()
        if train[row] or held[row]
        for place in edit.merged
    ]
    return sorted({place.source for place in places} - {source})


@dataclass(frozen=True)
class _Rows:
    """The masked rows of all parts of a source, with their edits by part and row."""

    work: str
    parts: Sequence[PartUrls]
    masks: Sequence[np.ndarray[Any, Any]]
    edits: Sequence[Mapping[int, Edit]]

    @property
    def total(self) -> int:
        return sum(int(mask.sum()) for mask in self.masks)

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
    source: str, rows: _Rows, folder: str, kind: str, told: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Write rows as shards of a fixed number of rows; their edits are added to `told`."""
    edits = rows.by_place()
    shards = []
    carry = _Carry(rows.tables())
    for number in range(-(-rows.total // ROWS_PER_SHARD)):
        name = f"{source}-{number:05d}.parquet"
        url = files.join(folder, kind, name)
        shard = write_shard(url, carry.take(ROWS_PER_SHARD), SAMPLE_SCHEMA, indexed=True)
        shards.append({**shard.as_dict(), "url": f"{kind}/{name}"})
        del shards[-1]["name"]
        first = number * ROWS_PER_SHARD
        own = {k: edits[first + k] for k in range(shard.rows) if first + k in edits}
        told += _edits_file(folder, f"{kind}/{name}", f"edits/{kind}/{name}", own)
    return shards


def _edits_of_parts(
    source: str,
    parts: Sequence[PartUrls],
    split: Sequence[tuple[Any, Any, Any]],
    edits: Sequence[Mapping[int, Edit]],
    folder: str,
) -> list[dict[str, Any]]:
    """Write the edits of the rows that are used, one file a part of the samples."""
    told = []
    for (url, _, _), (train, held, _), edited_rows in zip(parts, split, edits, strict=True):
        part = url.rpartition("/")[2]
        own = {row: edit for row, edit in edited_rows.items() if train[row] or held[row]}
        told += _edits_file(folder, f"samples/{source}/{part}", f"edits/{source}-{part}", own)
    return told


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


def _select(
    source: str,
    parts: Sequence[PartUrls],
    split: Sequence[tuple[Any, Any, pa.Table]],
    folder: str,
    side: int,
    kind: str,
) -> dict[str, Any]:
    """Write the rows of a source that are used, as a table of part, row and id."""
    names, rows, ids = [], [], []
    for (url, _, _), found in zip(parts, split, strict=True):
        chosen = np.flatnonzero(found[side])
        names += [url.rpartition("/")[2]] * len(chosen)
        rows += chosen.tolist()
        ids += found[2]["id"].take(pa.array(chosen)).to_pylist()
    table = pa.table({"part": names, "row": pa.array(rows, pa.int64()), "id": ids})
    name = f"selection/{source}-{kind}.parquet"
    shard = write_table(files.join(folder, name), table).as_dict()
    del shard["name"]
    return {**shard, "url": name}
