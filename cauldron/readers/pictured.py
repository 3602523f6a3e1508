"""Parquet rows that repeat a picture, as questions on one picture do, gathered by its bytes.

Mirrors name no pictures, so that only their bytes tell which rows belong together. The rows are
listed with all but their pictures, which are read once to be told apart and again, in a worker,
where a sample is made.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pyarrow as pa

from cauldron.errors import StorageError
from cauldron.readers.columnar import opened_parquet, plain_rows
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject

_BATCH_ROWS = 32


def pictured_rows(
    raw: Raw, found: Iterable[Found], split: str, source: str, pictures: Sequence[str]
) -> Iterator[Row]:
    """One row for each Parquet row, without the cells of its picture columns.

    Every row gets three more values: `shown`, file and record of the first row that shows the same
    pictures; `first`, whether it is that row; `cells`, where the pictures stand. Memory holds a
    few bytes for each different picture.
    """
    seen: dict[bytes, tuple[str, str, str]] = {}
    for file in found:
        base = Row(
            file=file.path, record="", data=None, folder=file.folder, split=split, source=source
        )
        try:
            for number, digest, values in _listed(file.url, pictures):
                record = str(number)
                if isinstance(values, Reject):
                    yield replace(base, record=record, data=values)
                    continue
                own = (file.path, record, file.url)
                shown = seen.setdefault(digest, own) if digest else own
                facts = {
                    "shown": shown[:2],
                    "first": shown == own,
                    "cells": [shown[2], int(shown[1])],
                }
                yield replace(base, record=record, data={**values, **facts})
        except StorageError as error:
            yield replace(base, data=Reject(reason="parquet_unreadable", detail=error.message))


def _listed(
    url: str, pictures: Sequence[str]
) -> Iterator[tuple[int, bytes, dict[str, Any] | Reject]]:
    """Yield number, digest of the pictures and all other values of each row."""
    number = 0
    with opened_parquet(url) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            others = batch.drop_columns([name for name in pictures if name in batch.schema.names])
            cells = zip(*(_encoded(batch, name) for name in pictures), strict=True)
            for shown, values in zip(cells, plain_rows(others), strict=True):
                if isinstance(values, Reject):
                    yield number, b"", values
                    number += 1
                    continue
                kept = {k: v for k, v in values.items() if not isinstance(v, bytes)}
                yield number, _digest(shown), kept
                number += 1


def _encoded(batch: pa.RecordBatch, name: str) -> list[Any]:
    """Return what tells the pictures of a column apart: their bytes, else their paths."""
    column = batch.column(name)
    if not pa.types.is_struct(column.type):
        return [_buffer(cell) for cell in column]
    fields = [field.name for field in column.type]
    held, paths = (
        [_buffer(cell) for cell in column.field(field)] if field in fields else [b""] * len(column)
        for field in ("bytes", "path")
    )
    return [
        payload or (b"path:" + bytes(path) if path else b"")
        for payload, path in zip(held, paths, strict=True)
    ]


def _buffer(cell: pa.Scalar) -> Any:
    return cell.as_buffer() if cell.is_valid and hasattr(cell, "as_buffer") else b""


def _digest(payloads: Sequence[Any]) -> bytes:
    """Return a digest of encoded pictures, nothing when one is missing."""
    digest = hashlib.blake2b(digest_size=16)
    for payload in payloads:
        if not len(payload):
            return b""
        digest.update(len(payload).to_bytes(8, "big"))
        digest.update(payload)
    return digest.digest()


def open_pictured(*pictures: str) -> Callable[[Row, Raw], Iterable[Row | Reject]]:
    """Return an opener that puts the cells of the picture columns back into a row."""

    def opened(row: Row, raw: Raw) -> Iterator[Row | Reject]:
        url, number = row.data["cells"]
        try:
            yield replace(row, data={**row.data, **cells_at(url, number, pictures)})
        except StorageError as error:
            yield Reject(reason="parquet_unreadable", detail=error.message)

    return opened


@lru_cache(maxsize=2)
def cells_at(url: str, number: int, pictures: tuple[str, ...]) -> dict[str, Any]:
    """Return cells of a row; rows that share them ask one after the other, in ascending order.

    Raises:
        StorageError: if they cannot be read.
    """
    return _cursor(url, pictures).at(number)


_open_cursors: dict[tuple[str, tuple[str, ...]], _Cursor] = {}


def _cursor(url: str, pictures: tuple[str, ...]) -> _Cursor:
    """Return the place where reading a file has come to; a process keeps one file open."""
    if (url, pictures) not in _open_cursors:
        for cursor in _open_cursors.values():
            cursor.close()
        _open_cursors.clear()
        _open_cursors[url, pictures] = _Cursor(url, pictures)
    return _open_cursors[url, pictures]


class _Cursor:
    """Reads the rows of a file in ascending order as a stream, row group by row group."""

    def __init__(self, url: str, pictures: tuple[str, ...]) -> None:
        self._stack = ExitStack()
        self._url, self._pictures = url, list(pictures)
        self._file = self._stack.enter_context(opened_parquet(url))
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._batch: pa.RecordBatch | None = None
        self._start = self._end = 0  # of the batch; of its row group

    def at(self, number: int) -> dict[str, Any]:
        """Return the cells of a row.

        Raises:
            StorageError: if the file is damaged or has fewer rows.
        """
        try:
            if not self._start <= number < self._end:
                self._begin_group(number)
            while self._batch is None or number >= self._start + len(self._batch):
                self._start += len(self._batch) if self._batch is not None else 0
                self._batch = next(self._batches)
        except (pa.ArrowException, OSError, IndexError, StopIteration) as error:
            self._batch, self._end = None, 0
            raise StorageError(f"row {number} cannot be read: {error}", place=self._url) from error
        (cells,) = plain_rows(self._batch.slice(number - self._start, 1))
        if isinstance(cells, Reject):
            raise StorageError(f"row {number} cannot be read: {cells.detail}", place=self._url)
        return cells

    def _begin_group(self, number: int) -> None:
        sizes = [
            self._file.metadata.row_group(n).num_rows for n in range(self._file.num_row_groups)
        ]
        ends = list(itertools.accumulate(sizes))
        group = bisect.bisect_right(ends, number)
        self._start, self._end = ends[group] - sizes[group], ends[group]
        self._batch = None
        self._batches = self._file.iter_batches(
            batch_size=_BATCH_ROWS, row_groups=[group], columns=self._pictures
        )

    def close(self) -> None:
        self._stack.close()
