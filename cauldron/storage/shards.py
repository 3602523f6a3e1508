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
from cauldron.storage.index import PICTURES, build_index, index_url
from cauldron.storage.versions import refuse_newer

ROWS_PER_GROUP = 100  # what the hub viewer uses for pictures
BYTES_PER_GROUP = 32 << 20
_GROUPS_AHEAD = 2  # held for the thread that writes them
_DISTINCT = {"id", "origin.record", "images.list.element.path", PICTURES}
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


def _leaves(schema: pa.Schema) -> list[str]:
    def walk(prefix: str, kind: pa.DataType) -> Iterator[str]:
        if pa.types.is_struct(kind):
            for field in kind:
                yield from walk(f"{prefix}.{field.name}", field.type)
        elif pa.types.is_list(kind):
            yield from walk(f"{prefix}.list.element", kind.value_type)
        else:
            yield prefix

    return [leaf for field in schema for leaf in walk(field.name, field.type)]


@contextlib.contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    leaves = _leaves(schema)
    with pq.ParquetWriter(
        path,
        schema,
        compression={leaf: "none" if leaf in _DISTINCT | _REPEATED else "zstd" for leaf in leaves},
        use_dictionary=[leaf for leaf in leaves if leaf in _REPEATED],
        write_statistics=["id"] if "id" in leaves else False,
        write_page_index=True,
    ) as writer:
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
    """Return the bytes of all pictures of each row."""
    if "images" not in table.column_names:
        return [0] * table.num_rows
    column = table.column("images")
    lists = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    payloads = lists.values.field("bytes")
    if not len(payloads):
        return [0] * table.num_rows
    ends = _offsets(payloads, len(payloads) + 1)
    sizes: list[int] = np.diff(ends[_offsets(lists, len(lists) + 1)]).tolist()
    return sizes


def _offsets(array: pa.Array, length: int) -> npt.NDArray[np.int32]:
    """Return the offsets of a list or binary array, read from its buffer.

    `to_numpy` would do the same, but imports pandas first.
    """
    return np.frombuffer(array.buffers()[1], np.int32, length, 4 * array.offset)


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
            for group in _groups(batches, schema):
                if len(writing) == _GROUPS_AHEAD:
                    writing.popleft().result()
                writing.append(ahead.submit(_add, writer, group, file))
                rows += group.num_rows
            for write in writing:
                write.result()
        file.follow()
        file.flush()
        index = build_index(file.path) if indexed else b""
        receipt = file
    if index:
        write_bytes(index_url(url), index)
    return _checked(url, rows, receipt.size_bytes, receipt.sha256)


def _add(writer: pq.ParquetWriter, group: pa.Table, file: HashingFile) -> None:
    """Write one row group and let it be hashed, in long calls while the next one is made."""
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
        has_pictures = "images" in (file.schema_arrow.names if columns is None else columns)
        if not (has_pictures and threads > 1 and is_local(url)):
            return file.read(columns=columns)
        bounds = [groups * k // threads for k in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            read = partial(_read_groups, local_path(url), file.metadata, columns)
            return pa.concat_tables(list(pool.map(read, map(range, bounds, bounds[1:]))))


def _read_groups(
    path: Path, metadata: pq.FileMetaData, columns: list[str] | None, groups: range
) -> pa.Table:
    with pq.ParquetFile(path, metadata=metadata) as file:
        return file.read_row_groups(list(groups), columns=columns, use_threads=False)


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
