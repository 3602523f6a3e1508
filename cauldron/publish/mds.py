"""MosaicML's streaming format (MDS, version 2), written without its package.

A shard: number of samples u32, their offsets u32[samples + 1], the columns as JSON, the samples.
A sample: the size of each column u32, then the columns. Pictures are a `list[jpeg]`, which the
package opens with Pillow whatever their format: u32 zero, u32 number, their sizes u32, their bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from cauldron.publish.pieces import Piece
from cauldron.publish.written import Written
from cauldron.storage import files

COLUMNS = {
    "extra": "str",
    "id": "str",
    "images": "list[jpeg]",
    "license": "str",
    "messages": "json",
    "origin": "json",
    "source": "str",
}
"""Columns in the order of their names, as the format asks."""

_SETTINGS = {
    "column_encodings": list(COLUMNS.values()),
    "column_names": list(COLUMNS),
    "column_sizes": [None] * len(COLUMNS),
    "compression": None,
    "format": "mds",
    "hashes": ["sha256"],
    "size_limit": None,
    "version": 2,
}


def write_mds(piece: Piece, url: str) -> Written:
    """Write a piece as one shard; it is held in memory, so pieces are small."""
    samples = [_encoded(sample) for sample in piece.samples()]
    settings = json.dumps(_SETTINGS, sort_keys=True).encode()
    offsets = [4 + 4 * (len(samples) + 1) + len(settings)]
    for sample in samples:
        offsets.append(offsets[-1] + len(sample))
    with files.open_output(url) as file:
        file.write(_u32([len(samples), *offsets]))
        file.write(settings)
        for sample in samples:
            file.write(sample)
        file.flush()
        receipt = file
    return Written(rows=len(samples), size_bytes=receipt.size_bytes, sha256=receipt.sha256)


def _encoded(sample: Mapping[str, Any]) -> bytes:
    values = [_column(sample[name], kind) for name, kind in COLUMNS.items()]
    return _u32([len(value) for value in values]) + b"".join(values)


def _column(value: Any, kind: str) -> bytes:
    if kind == "str":
        return (value or "").encode()
    if kind == "json":
        return orjson.dumps(value)
    payloads = [image["bytes"] or b"" for image in value]
    return _u32([0, len(payloads), *map(len, payloads)]) + b"".join(payloads)


def _u32(numbers: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


def mds_indexes(dest: str, results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write `index.json` of each split; returns their names relative to `dest`."""
    names = []
    for split in dict.fromkeys(result["split"] for result in results):
        shards = [_indexed(r) for r in results if r["split"] == split and r["rows"]]
        names.append(f"{split}/index.json")
        files.write_json(files.join(dest, names[-1]), {"shards": shards, "version": 2})
    return names


def _indexed(result: Mapping[str, Any]) -> dict[str, Any]:
    raw = {
        "basename": result["file"].partition("/")[2],
        "bytes": result["size_bytes"],
        "hashes": {"sha256": result["sha256"]},
    }
    return {**_SETTINGS, "raw_data": raw, "samples": result["rows"], "zip_data": None}
