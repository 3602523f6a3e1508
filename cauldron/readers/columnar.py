"""Parquet files to rows: one cheap row a row group, expanded inside a worker."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.readers.archives import split_url
from cauldron.readers.members import open_url
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject
from cauldron.storage.shards import open_parquet as open_plain

ROWS_PER_ROW = 200


def parquet_groups(raw: Raw, found: Found, split: str, source: str) -> Iterator[Row]:
    """One row for each run of at most 200 rows; `open_parquet` expands it.

    A file that is not readable Parquet gives one row whose data is a `Reject`.
    """
    base = Row(
        file=found.path, record="", data=None, folder=found.folder, split=split, source=source
    )
    try:
        with opened_parquet(found.url) as file:
            total = file.metadata.num_rows
    except StorageError as error:
        yield replace(base, data=Reject(reason="parquet_unreadable", detail=error.message))
        return
    for start in range(0, total, ROWS_PER_ROW):
        count = min(ROWS_PER_ROW, total - start)
        data = {"url": found.url, "start": start, "count": count}
        yield replace(base, record=str(start), data=data, weight=count)


def open_parquet(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Expand a row of `parquet_groups` to one row a Parquet row, as plain Python values."""
    url, start, count = row.data["url"], row.data["start"], row.data["count"]
    seen = 0
    try:
        with opened_parquet(url) as file:
            groups: list[int] = []
            first = 0
            for number in range(file.num_row_groups):
                size = file.metadata.row_group(number).num_rows
                if first < start + count and first + size > start:
                    if not groups:
                        seen = first
                    groups.append(number)
                first += size
            for batch in file.iter_batches(batch_size=100, row_groups=groups):
                inside = range(max(start - seen, 0), min(start + count - seen, batch.num_rows))
                for offset in inside:
                    (values,) = plain_rows(batch.slice(offset, 1))
                    if isinstance(values, Reject):
                        yield replace(values, detail=f"row {seen + offset}: {values.detail}")
                        continue
                    yield replace(row, record=str(seen + offset), data=values, weight=1)
                seen += batch.num_rows
    except StorageError as error:
        yield Reject(reason="parquet_unreadable", detail=error.message)


def plain_rows(batch: pa.RecordBatch) -> list[dict[str, Any] | Reject]:
    """Return rows as plain Python values; one whose values Python does not have is a `Reject`."""
    try:
        return list(batch.to_pylist())
    except (ValueError, OverflowError) as error:  # a date beyond the year 9999, text in no UTF-8
        if batch.num_rows > 1:
            rows = (batch.slice(number, 1) for number in range(batch.num_rows))
            return [values for row in rows for values in plain_rows(row)]
        return [Reject(reason="malformed_record", detail=f"{type(error).__name__}: {error}"[:300])]


def parquet_rows(
    raw: Raw, found: Iterable[Found], split: str, source: str, names: Iterable[str] = ()
) -> Iterator[Row]:
    """One row for each row of Parquet files without pictures, so that rows of a key are gathered.

    Args:
        names: columns that are kept; all where none is given.
    """
    wanted = set(names)
    for file in found:
        for group in parquet_groups(raw, file, split, source):
            opened = (group,) if isinstance(group.data, Reject) else open_parquet(group, raw)
            for row in opened:
                if isinstance(row, Reject):
                    yield replace(group, data=row)
                elif isinstance(row.data, dict) and wanted:
                    yield replace(row, data={n: v for n, v in row.data.items() if n in wanted})
                else:
                    yield row


def columns(found: Found) -> set[str]:
    """Return the column names of a Parquet file; none for an unreadable one."""
    try:
        with opened_parquet(found.url) as file:
            return set(file.schema_arrow.names)
    except StorageError:
        return set()


@contextlib.contextmanager
def opened_parquet(url: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, also one inside an archive; a deflated member is read as a whole."""
    if split_url(url) is None:
        with open_plain(url) as file:
            yield file
        return
    try:
        with open_url(url) as stream:
            whole = stream if stream.seekable() else io.BytesIO(stream.read(LIMITS.max_file_bytes))
            with pq.ParquetFile(whole) as file:
                yield file
    except pa.ArrowException as error:
        raise StorageError(f"cannot read Parquet: {error}", place=url) from error
