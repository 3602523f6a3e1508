"""Rows that are scattered by many jobs are gathered whole, in order, by where they were sent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauldron.storage.shuffle import gather, gathered, scatter

SCHEMA = pa.schema([("row", pa.int64()), ("to", pa.int64())])
CHUNKS = st.lists(st.lists(st.integers(0, 4), max_size=9), max_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shuffle")


@given(jobs=st.lists(CHUNKS, min_size=1, max_size=3), n=st.integers(1, 5))
@settings(max_examples=20, deadline=None)
def test_what_is_sent_arrives_in_order(folder: Path, jobs: list[list[list[int]]], n: int) -> None:
    for scheme in ("", "memory://"):
        urls, sent, row = [], [], 0
        for number, chunks in enumerate(jobs):
            tables = []
            for chunk in chunks:
                to = np.array(chunk, np.int64) % n
                table = pa.table({"row": range(row, row + len(to)), "to": to.astype(np.int32)})
                row += len(to)
                sent += zip(table["row"].to_pylist(), to.tolist(), strict=True)
                tables.append((table, to if n > 1 else None))
            url = f"{scheme}{folder}/{number}"
            assert scatter(url, SCHEMA, tables, n) == sum(map(len, chunks))
            urls.append(url)
        for place in range(n):
            wanted = [r for r, to in sent if to == place]
            table = gathered(urls, place, n, SCHEMA)
            assert table.schema == SCHEMA and table["row"].to_pylist() == wanted
            assert all(batch.num_rows for batch in gather(urls, place, n))
