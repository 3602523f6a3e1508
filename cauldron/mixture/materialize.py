"""Kept samples of a source to training and validation shards, or a list of rows instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cauldron.curate.decisions import kept, left_out
from cauldron.curate.pictures_left_out import without_pictures
from cauldron.curate.rewritten import read_rewritten, with_changes, with_sizes
from cauldron.errors import UsageError
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
        table = read_table(signals, columns)
        table = with_sizes(_images_left(table, decisions), read_rewritten(decisions))
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


def _images_left(table: pa.Table, decisions: Sequence[str]) -> pa.Table:
    """Return signals with pictures that were left out no longer counted."""
    gone = np.array([len(images) for images in left_out(decisions, table.num_rows)], np.int64)
    place = table.column_names.index("n_images")
    return table.set_column(place, "n_images", pa.array(table["n_images"].to_numpy() - gone))


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
    parts: Sequence[PartUrls],
    folder: str,
    seed: int,
    share: float,
    materialize: bool,
) -> dict[str, Any]:
    """Write the shards of one source, or only the selection of its rows.

    Returns:
        `train` and `validation` sizes, `shards` and `validation_shards` with checksums.
    """
    split = split_rows(parts, seed, share)
    if not materialize:
        _require_whole(source, parts)
    sizes = {
        "train": sizes_of([(train, table) for train, _, table in split]),
        "validation": sizes_of([(held, table) for _, held, table in split]),
    }
    if materialize:
        shards, held_shards = (
            _write(
                source,
                [(part, found[side]) for part, found in zip(parts, split, strict=True)],
                folder,
                kind,
            )
            for side, kind in enumerate((_TRAIN, _HELD_OUT))
        )
    else:
        shards = [
            _select(source, parts, split, folder, number, kind)
            for number, kind in enumerate((_TRAIN, _HELD_OUT))
        ]
        shards, held_shards = shards[:1], shards[1:]
    return {"source": source, **sizes, "shards": shards, "validation_shards": held_shards}


def _write(
    source: str, masked: Sequence[tuple[PartUrls, Any]], folder: str, kind: str
) -> list[dict[str, Any]]:
    """Write the masked rows as shards of a fixed number of rows."""
    total = sum(int(mask.sum()) for _, mask in masked)
    tables = _rows(masked)
    shards = []
    carry = _Carry(tables)
    for number in range(-(-total // ROWS_PER_SHARD)):
        name = f"{source}-{number:05d}.parquet"
        url = files.join(folder, kind, name)
        shard = write_shard(url, carry.take(ROWS_PER_SHARD), SAMPLE_SCHEMA, indexed=True)
        shards.append({**shard.as_dict(), "url": f"{kind}/{name}"})
        del shards[-1]["name"]
    return shards


def _rows(masked: Sequence[tuple[PartUrls, Any]]) -> Iterator[pa.Table]:
    for (url, _, decisions), mask in masked:
        start, leaving = 0, left_out(decisions, len(mask))
        changes = read_rewritten(decisions)
        for batch in iter_batches(url):
            end = start + batch.num_rows
            chosen = mask[start:end]
            rows = (start + np.flatnonzero(chosen)).tolist()
            table = pa.Table.from_batches([batch]).filter(pa.array(chosen))
            table = with_changes(table, rows, changes)
            yield without_pictures(table, [leaving[row] for row in rows])
            start = end


def _require_whole(source: str, parts: Sequence[PartUrls]) -> None:
    """Check that no sample is changed by a step: a selection of rows cannot say so.

    Raises:
        UsageError: if one is.
    """
    for samples, _, decisions in parts:
        rows = len(read_table(samples, ["id"]))
        if any(left_out(decisions, rows)) or read_rewritten(decisions):
            raise UsageError(
                f"pictures, turns or paragraphs of samples of '{source}' change; that takes shards",
                hint="add --materialize",
            )


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
