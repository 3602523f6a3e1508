"""WebDataset tars, and what Energon needs beside them.

A sample is `KEY.json` and its pictures `KEY.000.jpg`, `KEY.001.png`, ... in order, bytes as found.
"""

from __future__ import annotations

import io
import json
import struct
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import orjson
import yaml

from cauldron.publish.pictures import suffix
from cauldron.publish.pieces import Piece
from cauldron.publish.written import Written
from cauldron.storage import files

_SAID = ("id", "source", "messages", "license", "origin", "extra")
_META = ".nv-meta"
_ENERGON_SPLITS = {"train": "train", "validation": "val", "test": "test"}


def write_tar(piece: Piece, url: str) -> Written:
    """Write the samples of a piece as one tar; equal samples give equal bytes."""
    return _write(piece, url)[0]


def write_indexed_tar(piece: Piece, url: str) -> Written:
    """Write a tar and, beside it, the offsets of its samples as Energon reads them."""
    written, offsets = _write(piece, url)
    if written.rows:
        files.write_bytes(_index(url), struct.pack(f"<{len(offsets)}Q", *offsets))
    return written


def _index(url: str) -> str:
    return f"{url}.idx"


def _write(piece: Piece, url: str) -> tuple[Written, list[int]]:
    offsets = []
    with files.open_output(url) as file:
        with tarfile.open(fileobj=file, mode="w|", format=tarfile.GNU_FORMAT) as tar:  # type: ignore[call-overload]
            for number, sample in enumerate(piece.samples(), start=piece.start):
                offsets.append(tar.offset)
                key = f"{piece.source}-{piece.split}-{number:09d}"
                said = {name: sample[name] for name in _SAID}
                _add(tar, f"{key}.json", orjson.dumps(said))
                for k, image in enumerate(sample["images"]):
                    payload = image["bytes"] or b""
                    _add(tar, f"{key}.{k:03d}.{suffix(payload)}", payload)
            offsets.append(tar.offset)
        file.flush()
        receipt = file
    rows = len(offsets) - 1
    return Written(rows=rows, size_bytes=receipt.size_bytes, sha256=receipt.sha256), offsets


def _add(tar: tarfile.TarFile, name: str, payload: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(payload), 0o644
    tar.addfile(entry, io.BytesIO(payload))


def energon_files(dest: str, results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write Energon's description of a folder of tars.

    Args:
        results: one a piece: `file` relative to `dest`, `split` and `rows`.

    Returns:
        The names of the files written.
    """
    shards = {str(r["file"]): int(r["rows"]) for r in results if r["rows"]}
    parts: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for result in results:
        if result["rows"]:
            parts[_ENERGON_SPLITS[result["split"]]].append(result["file"])
    told = {
        ".info.json": json.dumps({"energon_version": "7.0.0", "shard_counts": shards}, indent=2),
        "split.yaml": yaml.safe_dump({"exclude": [], "split_parts": parts}, sort_keys=False),
        "dataset.yaml": yaml.safe_dump(
            {
                "__module__": "megatron.energon",
                "__class__": "CrudeWebdataset",
                "subflavors": {"format": "cauldron"},
            },
            sort_keys=False,
        ),
    }
    for name, text in told.items():
        files.write_bytes(files.join(dest, _META, name), text.encode())
    indexes = [str(PurePosixPath(f"{name}.idx")) for name in shards]
    return [*(f"{_META}/{name}" for name in told), *indexes]
