"""Ids and hashes of samples whose bytes are not published: enough to make them again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pyarrow as pa

from cauldron.curate.edits import EDIT_COLUMNS, Edit
from cauldron.publish.pieces import Piece
from cauldron.publish.shapes import STRING, hub_schema
from cauldron.storage import files
from cauldron.storage.shards import write_shard

_INT = {"dtype": "int32", "_type": "Value"}
_PLACE = {
    "source": STRING,
    "part": STRING,
    "row": {"dtype": "int64", "_type": "Value"},
    "id": STRING,
}
IDS_SCHEMA = hub_schema(
    {
        "id": pa.string(),
        "source": pa.string(),
        "file": pa.string(),
        "record": pa.string(),
        "text_sha256": pa.string(),
        "image_sha256": pa.list_(pa.string()),
        **EDIT_COLUMNS,
    },
    {
        **dict.fromkeys(("id", "source", "file", "record", "text_sha256"), STRING),
        "image_sha256": {"feature": STRING, "_type": "List"},
        "images_left_out": {"feature": _INT, "_type": "List"},
        "paragraphs_left_out": {"feature": _INT, "_type": "List"},
        "merged": {"feature": _PLACE, "_type": "List"},
    },
)
"""One row a sample: its id, where it stood in the raw data, hashes of what it holds, and what was
changed in it since it was read."""
_UNCHANGED = Edit().as_row()


def ids_file(piece: Piece) -> str:
    """Return the place of a piece's ids in a repository."""
    return f"ids/{piece.source}/{piece.name}.parquet"


def write_ids(piece: Piece, dest: str) -> dict[str, Any]:
    """Write ids and hashes of a piece.

    Returns:
        `source`, `split`, `file`, `rows`, `size_bytes` and `sha256`.
    """
    file = ids_file(piece)
    shard = write_shard(files.join(dest, file), _tables(piece), IDS_SCHEMA).as_dict()
    del shard["name"]
    return {"source": piece.source, "split": piece.split, "file": file, **shard}


def _tables(piece: Piece) -> Iterator[pa.Table]:
    for table, edits in piece.edited():
        rows = [
            row_hashes(sample) | (edit.as_row() if edit else _UNCHANGED)
            for sample, edit in zip(table.to_pylist(), edits, strict=True)
        ]
        yield pa.Table.from_pylist(rows, schema=IDS_SCHEMA)


def row_hashes(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return id, origin and hashes of a sample as in `IDS_SCHEMA`."""
    return {
        "id": sample["id"],
        "source": sample["source"],
        "file": sample["origin"]["file"],
        "record": sample["origin"]["record"],
        "text_sha256": hashlib.sha256(orjson.dumps(sample["messages"])).hexdigest(),
        "image_sha256": [hashlib.sha256(i["bytes"] or b"").hexdigest() for i in sample["images"]],
    }
