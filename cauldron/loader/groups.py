"""Rows of Parquet files without an index: row groups through a cache of bounded size."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import ExitStack
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cauldron.errors import StorageError
from cauldron.storage import files
from cauldron.storage.index import PICTURES
from cauldron.storage.shards import open_parquet

MAX_OPEN_FILES = 64
_TEXTS = ("id", "messages", "extra")


class RowGroups:
    """Rows of Parquet files through a cache of row groups, least recently used out first.

    Args:
        cache_bytes: most bytes of decoded row groups that are kept; the last one always is.
    """

    def __init__(self, cache_bytes: int) -> None:
        self._cache_bytes, self._held_bytes = cache_bytes, 0
        self._tables: OrderedDict[tuple[str, int, bool], pa.Table] = OrderedDict()
        self._open: OrderedDict[str, tuple[ExitStack, pq.ParquetFile, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def row(self, url: str, row: int, pictures: bool = True) -> dict[str, Any]:
        """Return `id`, `messages`, `extra` and `images` ([{"bytes"}]) of a row.

        Raises:
            StorageError: if the file cannot be read or has no such row.
        """
        with self._lock:
            file, ends = self._file(url)
            if row >= ends[-1]:
                raise StorageError(f"holds {ends[-1]} rows, not {row + 1}", place=_shown(url))
            group = int(np.searchsorted(ends, row, side="right"))
            table = self._table(url, file, group, pictures)
        first = int(ends[group - 1]) if group else 0
        found: dict[str, Any] = table.slice(row - first, 1).to_pylist()[0]
        found["images"] = [{"bytes": image["bytes"]} for image in found.get("images", ())]
        return found

    def close(self) -> None:
        """Close all files and forget all row groups."""
        with self._lock:
            for stack, _, _ in self._open.values():
                stack.close()
            self._open.clear()
            self._tables.clear()
            self._held_bytes = 0

    def _table(self, url: str, file: pq.ParquetFile, group: int, pictures: bool) -> pa.Table:
        key = (url, group, pictures)
        if key in self._tables:
            self._tables.move_to_end(key)
            return self._tables[key]
        columns = [*_TEXTS, PICTURES] if pictures else list(_TEXTS)
        try:
            table = file.read_row_group(group, columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise StorageError(f"cannot read rows: {error}", place=_shown(url)) from error
        self._tables[key] = table
        self._held_bytes += table.nbytes
        while self._held_bytes > self._cache_bytes and len(self._tables) > 1:
            self._held_bytes -= self._tables.popitem(last=False)[1].nbytes
        return table

    def _file(self, url: str) -> tuple[pq.ParquetFile, Any]:
        if url not in self._open:
            while len(self._open) >= MAX_OPEN_FILES:
                self._open.popitem(last=False)[1][0].close()
            stack = ExitStack()
            file = stack.enter_context(open_parquet(url))
            sizes = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
            self._open[url] = (stack, file, np.cumsum([*sizes] or [0]))
        self._open.move_to_end(url)
        return self._open[url][1:]


def _shown(url: str) -> str:
    return files.redacted(url)
