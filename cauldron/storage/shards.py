"""Parquet shards that are ordinary files for everyone and sliceable for a loader.

The picture bytes are stored uncompressed, PLAIN and without a dictionary, in small row groups with
a page index, so that a reader can slice pictures by offset; texts are zstd. A codec costs more to
start than it takes for the few bytes that names and numbers of a row group have, so they have none.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cauldron.errors import StorageError
from cauldron.sample import SCHEMA_VERSION, SCHEMA_VERSION_KEY
from cauldron.storage.cores import spare_cores
from cauldron.storage.files import (
    is_local,
    local_path,
    open_input,
    open_output,
    redacted,
    write_all,
    write_bytes,
)
from cauldron.storage.hashing import HASH_BYTES, HashingFile
from cauldron.storage.index import build_index, index_url
from cauldron.storage.versions import refuse_newer

ROWS_PER_GROUP = 100  # what the hub viewer uses for pictures
BYTES_PER_GROUP = 32 << 20
_BUFFER_BYTES = 256 << 10  # a row group has dozens of small writes beside its pictures
_RUNS_AHEAD = 2  # held for the thread that writes them
_BYTES = (pa.binary(), pa.large_binary())
_DISTINCT = {"id", "origin.record", "images.list.element.path"}
_REPEATED = {
    "source",
    "license",
    "origin.file",
    "messages.list.element.role",
    "messages.list.element.content.list.element.type",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A written shard: its file name, rows, size and sha256."""

    name: str
    rows: int
    size_bytes: int
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict."""
        return asdict(self)


def _leaves(schema: pa.Schema) -> dict[str, pa.DataType]:
    def walk(prefix: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
        if pa.types.is_struct(kind):
            for field in kind:
                yield from walk(f"{prefix}.{field.name}", field.type)
        elif pa.types.is_list(kind):
            yield from walk(f"{prefix}.list.element", kind.value_type)
        else:
            yield prefix, kind

    return {leaf: kind for field in schema for leaf, kind in walk(field.name, field.type)}


def _is_bytes(kind: pa.DataType) -> bool:
    return kind in _BYTES


@contextlib.contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Write to a file that is there and empty.

    It is not made empty again: file systems would then flush it when it is closed.
    """
    leaves = _leaves(schema)
    plain = {leaf for leaf, kind in leaves.items() if _is_bytes(kind)} | _DISTINCT | _REPEATED
    with (
        pa.BufferedOutputStream(pa.OSFile(str(path), "ab"), _BUFFER_BYTES) as file,
        pq.ParquetWriter(
            file,
            schema,
            compression={leaf: "none" if leaf in plain else "zstd" for leaf in leaves},
            use_dictionary=[leaf for leaf in leaves if leaf in _REPEATED],
            write_statistics=["id"] if "id" in leaves else False,
            write_page_index=True,
        ) as writer,
    ):
        yield writer


def _groups(tables: Iterable[pa.Table | pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Regroup rows so that no group passes the row and byte limits (one row always fits).

    The groups depend on the rows alone, not on how they come in tables. One that is full does not
    wait for the row behind it.
    """
    held: list[pa.Table] = []
    rows = size = 0
    for item in tables:
        table = _in_schema(item, schema)
        sizes = _picture_bytes(table)
        if rows + len(sizes) < ROWS_PER_GROUP and size + sum(sizes) <= BYTES_PER_GROUP:
            held.append(table)
            rows, size = rows + len(sizes), size + sum(sizes)
            continue
        start = 0
        for end, row_bytes in enumerate(sizes, start=1):
            if rows and size + row_bytes > BYTES_PER_GROUP:
                yield _in_one_chunk([*held, table.slice(start, end - 1 - start)])
                held, rows, size, start = [], 0, 0, end - 1
            rows, size = rows + 1, size + row_bytes
            if rows == ROWS_PER_GROUP:
                yield _in_one_chunk([*held, table.slice(start, end - start)])
                held, rows, size, start = [], 0, 0, end
        if rows:
            held.append(table.slice(start))
    if rows:
        yield _in_one_chunk(held)


def _in_schema(item: pa.Table | pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    table = pa.Table.from_batches([item]) if isinstance(item, pa.RecordBatch) else item
    same = table.schema.equals(schema, check_metadata=True)
    return table if same else table.cast(schema)


def _in_one_chunk(tables: list[pa.Table]) -> pa.Table:
    """Join tables so that every column is one chunk; pictures are copied only where needed."""
    tables = [table for table in tables if table.num_rows]
    table = tables[0] if len(tables) == 1 else pa.concat_tables(tables)
    whole = all(column.num_chunks == 1 for column in table.columns)
    return table if whole else table.combine_chunks()


def _picture_bytes(table: pa.Table) -> list[int]:
    """Return the bytes of all pictures of each row, in `images` or a column of bytes alone."""
    sizes = np.zeros(table.num_rows, np.int64)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if table.num_rows and (name == "images" or _is_bytes(column.type)):
            sizes += np.concatenate([_row_bytes(chunk) for chunk in column.chunks])
    listed: list[int] = sizes.tolist()
    return listed


def _row_bytes(array: pa.Array) -> npt.NDArray[np.int64]:
    if _is_bytes(array.type):
        return np.diff(_offsets(array))
    payloads = array.values.field("bytes")
    if not len(payloads):
        return np.zeros(len(array), np.int64)
    ends: npt.NDArray[np.int64] = _offsets(payloads)[_offsets(array)]
    return np.diff(ends)


def _offsets(array: pa.Array) -> npt.NDArray[Any]:
    """Return the offsets of a list or binary array, read from its buffer.

    `to_numpy` would do the same, but imports pandas first.
    """
    kind = np.dtype(np.int64 if pa.types.is_large_binary(array.type) else np.int32)
    return np.frombuffer(array.buffers()[1], kind, len(array) + 1, kind.itemsize * array.offset)


def write_shard(
    url: str,
    batches: Iterable[pa.RecordBatch | pa.Table],
    schema: pa.Schema,
    indexed: bool = False,
) -> Shard:
    """Write rows as one shard, atomically and with bounded memory.

    Row groups are written, and hashed, while the next ones are made.

    Args:
        indexed: write the index of pictures and texts beside it.

    Raises:
        StorageError: if the place cannot be written or the file does not read back.
    """
    rows = 0
    with open_output(url) as file:
        with _writer(file.path, schema) as writer, ThreadPoolExecutor(1) as ahead:
            writing: deque[Future[None]] = deque()
            for run in _runs(_groups(batches, schema)):
                if len(writing) == _RUNS_AHEAD:
                    writing.popleft().result()
                writing.append(ahead.submit(_add, writer, run, file))
                rows += sum(group.num_rows for group in run)
            for write in writing:
                write.result()
        file.follow()
        file.flush()
        index = build_index(file.path) if indexed else b""
        receipt = file
    if index:
        write_bytes(index_url(url), index)
    return _checked(url, rows, receipt.size_bytes, receipt.sha256)


def _runs(groups: Iterable[pa.Table]) -> Iterator[list[pa.Table]]:
    """Yield row groups so many at a time that handing them to a thread takes little beside."""
    held: list[pa.Table] = []
    size = 0
    for group in groups:
        held.append(group)
        size += group.get_total_buffer_size()  # more than a slice has, but told at once
        if size >= HASH_BYTES:
            yield held
            held, size = [], 0
    if held:
        yield held


def _add(writer: pq.ParquetWriter, run: list[pa.Table], file: HashingFile) -> None:
    """Write row groups and let them be hashed, in long calls while the next ones are made."""
    for group in run:
        writer.write_table(group, row_group_size=group.num_rows)
    file.follow(HASH_BYTES)


def write_table(url: str, table: pa.Table) -> Shard:
    """Write a small table (signals, decisions) atomically, zstd."""
    with open_output(url) as file:
        file.write(_as_parquet(table))
        receipt = file
    return _checked(url, table.num_rows, receipt.size_bytes, receipt.sha256)


def write_tables(tables: Iterable[tuple[str, pa.Table]]) -> None:
    """Write small tables, none of which appears under its name before all are on disk."""
    write_all((url, _as_parquet(table)) for url, table in tables)


def _as_parquet(table: pa.Table) -> memoryview:
    """Return a small table as a Parquet file; in a dictionary is what repeats."""
    repeated = [f.name for f in table.schema if pa.types.is_string(f.type) and f.name != "id"]
    made = pa.BufferOutputStream()
    with pq.ParquetWriter(
        made,
        table.schema,
        compression="zstd",
        use_dictionary=repeated,
        write_page_index=True,
    ) as writer:
        writer.write_table(table)
    return memoryview(made.getvalue())


def _checked(url: str, rows: int, size: int, digest: str) -> Shard:
    with open_parquet(url) as file:
        found = file.metadata.num_rows
    if found != rows:
        raise StorageError(f"wrote {rows} rows, found {found}", place=redacted(url))
    return Shard(name=PurePosixPath(url).name, rows=rows, size_bytes=size, sha256=digest)


@contextlib.contextmanager
def open_parquet(url: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file anywhere.

    Raises:
        StorageError: if it is missing or not readable as Parquet.
    """
    try:
        if is_local(url):
            with pq.ParquetFile(local_path(url)) as file:
                _refuse_newer(file, url)
                yield file
        else:
            with open_input(url) as raw, pq.ParquetFile(raw) as file:
                _refuse_newer(file, url)
                yield file
    except (pa.ArrowException, OSError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise StorageError(f"cannot read Parquet: {first}", place=redacted(url)) from error


def _refuse_newer(file: pq.ParquetFile, url: str) -> None:
    version = (file.metadata.metadata or {}).get(SCHEMA_VERSION_KEY.encode(), str(SCHEMA_VERSION))
    told = version.decode("ascii", "replace") if isinstance(version, bytes) else version
    refuse_newer("a shard of", told, SCHEMA_VERSION, redacted(url))


def read_table(url: str, columns: list[str] | None = None) -> pa.Table:
    """Read a whole Parquet file, or some of its columns; pictures by all cores."""
    with open_parquet(url) as file:
        groups, threads = file.num_row_groups, min(file.num_row_groups, spare_cores())
        names = [n for n in file.schema_arrow.names if columns is None or n in columns]
        if not (groups > 1 and is_local(url) and _holds_bytes(file.schema_arrow, names)):
            return file.read(columns=columns)
        bounds = [groups * k // threads for k in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            read = partial(_read_groups, local_path(url), file.metadata, names)
            return pa.concat_tables(list(pool.map(read, map(range, bounds, bounds[1:]))))


def _read_groups(
    path: Path, metadata: pq.FileMetaData, columns: list[str], groups: range
) -> pa.Table:
    """Read row groups in pieces that are copied once: from mapped pages, to where they stay."""
    with pq.ParquetFile(path, metadata=metadata, memory_map=True) as file:
        options: dict[str, Any] = {"columns": columns, "use_threads": False}
        pieces = file.iter_batches(ROWS_PER_GROUP, row_groups=list(groups), **options)
        schema = pa.schema(
            [file.schema_arrow.field(n) for n in columns], file.schema_arrow.metadata
        )
        return pa.Table.from_batches(pieces, schema)


def _holds_bytes(schema: pa.Schema, names: list[str]) -> bool:
    return any(map(_is_bytes, _leaves(pa.schema([schema.field(n) for n in names])).values()))


def iter_batches(
    url: str, columns: list[str] | None = None, rows: int = 100
) -> Iterator[pa.RecordBatch]:
    """Stream a Parquet file in batches of at most `rows` rows, in file order."""
    with open_parquet(url) as file:
        yield from file.iter_batches(batch_size=rows, columns=columns)


def largest_row(url: str) -> tuple[int, int]:
    """Return the bytes of pictures of the largest row of a shard, and its number.

    Row groups that are smaller as a whole than what is known already are not read.
    """
    largest, row, first = 0, 0, 0
    with open_parquet(url) as file:
        for number in range(file.num_row_groups):
            group = file.metadata.row_group(number)
            if group.total_byte_size > max(largest, BYTES_PER_GROUP // 2):
                sizes = _picture_bytes(file.read_row_group(number, ["images"]))
                best = max(range(len(sizes)), key=sizes.__getitem__)
                if sizes[best] > largest:
                    largest, row = sizes[best], first + best
            first += group.num_rows
    return largest, row


def iter_row_groups(url: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield the row groups of a Parquet file, whose bytes the writer has bounded."""
    with open_parquet(url) as file:
        for number in range(file.metadata.num_row_groups):
            # one column of pictures is nearly all of it, so threads would only wait for each other
            yield file.read_row_group(number, columns=columns, use_threads=False)


def file_sha256(url: str) -> str:
    """Return the sha256 of a file as hex."""
    digest = hashlib.sha256()
    with open_input(url) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
