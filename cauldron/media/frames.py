"""Frames between two processes: a length, a JSON head, then raw bytes.

JSON and not pickle: what a process that reads hostile files answers must not be able to run code.
"""

from __future__ import annotations

from typing import IO, Any

import orjson

_LENGTH_BYTES = 8


def write_frame(out: IO[bytes], head: dict[str, Any], blobs: list[bytes]) -> None:
    """Write a frame."""
    packed = orjson.dumps({**head, "blobs": [len(blob) for blob in blobs]})
    out.write(len(packed).to_bytes(_LENGTH_BYTES, "big"))
    out.write(packed)
    for blob in blobs:
        out.write(blob)
    out.flush()


def read_frame(source: IO[bytes]) -> tuple[dict[str, Any], list[bytes]] | None:
    """Read a frame; None where the other side has ended."""
    length = source.read(_LENGTH_BYTES)
    if len(length) < _LENGTH_BYTES:
        return None
    size = int.from_bytes(length, "big")
    packed = source.read(size)
    if len(packed) < size:
        return None
    head: dict[str, Any] = orjson.loads(packed)
    blobs = []
    for size in head.pop("blobs"):
        blob = source.read(size)
        if len(blob) < size:
            return None
        blobs.append(blob)
    return head, blobs
