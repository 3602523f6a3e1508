"""Parquet in hub layout: our own columns, The Cauldron's, or messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from cauldron.publish.pieces import Piece
from cauldron.publish.shapes import (
    CAULDRON_SCHEMA,
    MESSAGES_SCHEMA,
    Row,
    cauldron_row,
    messages_row,
)
from cauldron.publish.written import Written
from cauldron.sample import SAMPLE_SCHEMA
from cauldron.storage.shards import Shard, write_shard


def write_samples(piece: Piece, url: str) -> Written:
    """Write a piece with all columns of `SAMPLE_SCHEMA`."""
    return _written(write_shard(url, piece.tables(), SAMPLE_SCHEMA), Counter())


def write_cauldron(piece: Piece, url: str) -> Written:
    """Write a piece in The Cauldron's form: `images` and `texts[{user, assistant, source}]`."""
    return _shaped(piece, url, cauldron_row, CAULDRON_SCHEMA)


def write_messages(piece: Piece, url: str) -> Written:
    """Write a piece as `messages` with typed parts and their `images`."""
    return _shaped(piece, url, messages_row, MESSAGES_SCHEMA)


def _shaped(
    piece: Piece, url: str, shape: Callable[[Mapping[str, Any]], Row | str], schema: pa.Schema
) -> Written:
    left_out: Counter[str] = Counter()

    def tables() -> Iterator[pa.Table]:
        for table in piece.tables():
            shaped = [shape(sample) for sample in table.to_pylist()]
            left_out.update(reason for reason in shaped if isinstance(reason, str))
            rows = [row for row in shaped if not isinstance(row, str)]
            yield pa.Table.from_pylist(rows, schema=schema)

    return _written(write_shard(url, tables(), schema), left_out)


def _written(shard: Shard, left_out: Counter[str]) -> Written:
    return Written(
        rows=shard.rows,
        size_bytes=shard.size_bytes,
        sha256=shard.sha256,
        left_out=dict(sorted(left_out.items())),
    )
