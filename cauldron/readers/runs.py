"""Parquet rows that follow each other with the same picture, gathered while they are expanded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from cauldron.readers.columnar import open_parquet
from cauldron.readers.raw import Raw, Row
from cauldron.sample import Reject


def open_parquet_runs(*pictures: str) -> Callable[[Row, Raw], Iterable[Row | Reject]]:
    """Return an opener like `open_parquet` for files that repeat a picture row after row.

    Every row gets two more values: `run`, the record of the first row of its run, and `first`,
    whether it is that row. A run ends where the bytes of one of the picture columns change, and
    at the end of a cheap row.
    """

    def opened(row: Row, raw: Raw) -> Iterator[Row | Reject]:
        last, run = b"", ""
        for found in open_parquet(row, raw):
            if isinstance(found, Reject):
                yield found
                continue
            seen = _digest([found.data.get(name) for name in pictures])
            first = not seen or seen != last
            last, run = seen, found.record if first else run
            yield replace(found, data={**found.data, "run": run, "first": first})

    return opened


def _digest(images: list[Any]) -> bytes:
    """Return a digest of encoded pictures, nothing when one is missing."""
    digest = hashlib.sha256()
    for image in images:
        payload = image.get("bytes") if isinstance(image, dict) else None
        if not payload:
            return b""
        digest.update(len(payload).to_bytes(8, "big") + payload)
    return digest.digest()
