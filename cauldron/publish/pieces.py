"""The samples of a manifest in pieces: a source, a split and a range of its rows.

A piece becomes one file of an export. How many pieces a split has follows from the manifest alone,
so that the number of workers, and how often a run was cut off, change no byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cauldron.curate.edits import Edit, edited, read_edits, words_of
from cauldron.errors import StorageError
from cauldron.mixture.manifest import folder_of, read_manifest
from cauldron.storage import files
from cauldron.storage.keys import key_of
from cauldron.storage.shards import open_parquet, read_table

ROWS_PER_PIECE = 2_000
SPLITS = {"train": "shards", "validation": "validation_shards"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,95}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A file that holds samples: the rows of it that a manifest uses.

    Args:
        url: a shard, or a part of a work folder's samples.
        rows: [n] row numbers, rising; None for all `size` rows.
        size: how many rows are used.
        key: hash of what the rows depend on.
        edits: what was changed in rows of the file: a file that says it, or by row.
        work: the work folder whose samples these are, still without their edits.
    """

    url: str
    size: int
    key: str
    rows: npt.NDArray[np.int64] | None = None
    edits: str | Mapping[int, Edit] = ""
    work: str = ""

    def edited(self, low: int, high: int) -> Iterator[tuple[pa.Table, list[Edit | None]]]:
        """Stream used rows `low` to `high`, edits carried out, each row with its edit."""
        rows = np.arange(low, high) if self.rows is None else self.rows[low:high]
        told = read_edits(self.edits) if self.edits and isinstance(self.edits, str) else self.edits
        edits = told if isinstance(told, Mapping) else {}
        wanted = [edits[row] for row in rows.tolist() if row in edits]
        words = words_of(self.work, wanted) if self.work else {}
        first = 0
        for table in _picked(self.url, rows):
            own = [edits.get(row) for row in rows[first : first + table.num_rows].tolist()]
            first += table.num_rows
            yield (edited(table, own, words) if self.work else table), own


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Rows `start` to `stop` of one split of a source.

    Args:
        number: which piece of the split, from 0.
        total: how many pieces the split has.
        shards: the files that hold these rows.
        before: rows of the split in front of those files.
    """

    source: str
    split: str
    number: int
    total: int
    start: int
    stop: int
    shards: tuple[Shard, ...]
    before: int = 0

    @property
    def name(self) -> str:
        """The name of the piece's file without folder and suffix, as on the hub."""
        return f"{self.split}-{self.number:05d}-of-{self.total:05d}"

    @property
    def key(self) -> str:
        """A hash of everything that the rows of the piece depend on."""
        place = (self.source, self.split, self.number, self.total, self.start, self.stop)
        return key_of(place, self.before, [shard.key for shard in self.shards])

    def tables(self) -> Iterator[pa.Table]:
        """Stream the rows in stored order, one row group at a time."""
        for table, _ in self.edited():
            yield table

    def edited(self) -> Iterator[tuple[pa.Table, list[Edit | None]]]:
        """Stream the rows as `tables` does, each with what was changed in it."""
        first = self.before
        for shard in self.shards:
            low, high = max(self.start - first, 0), min(self.stop - first, shard.size)
            if low < high:
                yield from shard.edited(low, high)
            first += shard.size

    def samples(self) -> Iterator[dict[str, Any]]:
        """Stream the rows as plain values of `SAMPLE_SCHEMA`."""
        for table in self.tables():
            for batch in table.to_batches(max_chunksize=16):
                yield from batch.to_pylist()


def _picked(url: str, rows: npt.NDArray[np.int64]) -> Iterator[pa.Table]:
    with open_parquet(url) as file:
        first = 0
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            inside = rows[(rows >= first) & (rows < first + size)] - first
            first += size
            if len(inside) == size:
                yield file.read_row_group(group)
            elif len(inside):
                yield file.read_row_group(group).take(pa.array(inside))
        if len(rows) and rows[-1] >= first:
            raise StorageError(f"holds {first} rows, not {rows[-1] + 1}", place=url)


def pieces(path: str, piece_bytes: int) -> list[Piece]:
    """Cut the samples of a manifest into pieces: training first, sources in their order.

    Args:
        path: a manifest, or the folder that holds it.
        piece_bytes: about the most bytes of samples in a piece.

    Raises:
        StorageError: if the manifest or what it names is missing.
    """
    manifest, folder = read_manifest(path), folder_of(path)
    check_names(manifest, path)
    found: list[Piece] = []
    for split, key in SPLITS.items():
        for source in manifest["sources"]:
            shards, size_bytes = _shards(manifest, folder, source, key)
            found += _cut(source["name"], split, tuple(shards), size_bytes, piece_bytes)
    return found


def check_names(manifest: Mapping[str, Any], place: str) -> None:
    """Check that the sources' names can be names of files and of configs.

    Raises:
        StorageError: if one cannot.
    """
    for source in manifest["sources"]:
        if not _NAME.fullmatch(str(source["name"])):
            raise StorageError(f"{source['name']!r} cannot be the name of a source", place=place)


def _cut(
    source: str, split: str, shards: tuple[Shard, ...], size_bytes: int, piece_bytes: int
) -> Iterator[Piece]:
    ends = np.cumsum([shard.size for shard in shards], dtype=np.int64)
    rows = int(ends[-1]) if len(ends) else 0
    total = min(max(-(-rows // ROWS_PER_PIECE), -(-size_bytes // piece_bytes)), rows)
    for number in range(total):
        start, stop = rows * number // total, rows * (number + 1) // total
        held = slice(
            int(np.searchsorted(ends, start, "right")), int(np.searchsorted(ends, stop)) + 1
        )
        yield Piece(
            source=source,
            split=split,
            number=number,
            total=total,
            start=start,
            stop=stop,
            shards=shards[held],
            before=int(ends[held.start - 1]) if held.start else 0,
        )


def _shards(
    manifest: Mapping[str, Any], folder: str, source: Mapping[str, Any], key: str
) -> tuple[list[Shard], int]:
    """Return the files of one side of a source, and about how many bytes they hold."""
    edits = {listed["of"]: listed for listed in source.get("edits", ())}
    if not manifest["materialized"]:
        return _selected(folder, source, key, edits)
    shards = [
        Shard(
            url=files.join(folder, s["url"]),
            size=s["rows"],
            key=s["sha256"],
            edits=files.join(folder, edits[s["url"]]["url"]) if s["url"] in edits else "",
        )
        for s in source[key]
    ]
    return shards, sum(s["size_bytes"] for s in source[key])


def _selected(
    folder: str, source: Mapping[str, Any], key: str, edits: Mapping[str, Mapping[str, Any]]
) -> tuple[list[Shard], int]:
    """Follow the selection of a source into the samples of the work folder."""
    shards, size_bytes = [], 0
    work = _work_of(folder)
    samples = files.join(work, "samples", source["name"])
    sums = _part_sums(work, source["name"])
    merged = [_part_sums(work, name) for name in source.get("merged_from", ())] if edits else []
    for listed in source[key]:
        table = read_table(files.join(folder, listed["url"]), ["part", "row"])
        names, rows = table["part"].to_numpy(), table["row"].to_numpy()
        for name in dict.fromkeys(names.tolist()):
            url, chosen = files.join(samples, name), rows[names == name]
            with open_parquet(url) as file:
                held = max(file.metadata.num_rows, 1)
            size_bytes += files.size_bytes(url) * len(chosen) // held
            edit = edits.get(f"samples/{source['name']}/{name}")
            mark = [
                sums.get(name.removesuffix(".parquet"), ""),
                *([edit["sha256"], sums, merged] if edit else ()),
            ]
            shards.append(
                Shard(
                    url=url,
                    size=len(chosen),
                    key=key_of(listed["sha256"], name, *mark),
                    rows=chosen,
                    edits=files.join(folder, edit["url"]) if edit else "",
                    work=work,
                )
            )
    return shards, size_bytes


def _work_of(folder: str) -> str:
    """Return the work folder of WORK/mixture/NAME."""
    if files.is_local(folder):
        return str(files.local_path(folder).resolve().parents[1])
    return folder.rstrip("/").rsplit("/", 2)[0]


def _part_sums(work: str, source: str) -> dict[str, str]:
    """Return the checksums of a source's parts as its ingests wrote them down."""
    ledger = files.join(work, "ledger")
    sums: dict[str, str] = {}
    for name in files.list_names(ledger, ".json"):
        if name.startswith(f"ingest-{source}-"):
            entry = files.read_json(files.join(ledger, name))
            if entry.get("source") == source:
                sums |= {part["name"]: part["sha256"] for part in entry.get("parts", ())}
    return sums
