"""Byte ranges of remote files: neighbours in one request, requests side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cauldron.storage import files

MAX_GAP_BYTES = 64 << 10
"""Ranges this close are read in one request: a request costs more than the bytes between."""
MAX_REQUEST_BYTES = 8 << 20

Range = tuple[str, int, int]
"""URL, first byte, and the byte after the last."""


@dataclass(slots=True)
class _Request:
    """Bytes asked for at once, and the numbers of the ranges inside."""

    url: str
    start: int
    end: int
    numbers: list[int]


def fetch(wanted: Sequence[Range]) -> list[bytes]:
    """Return the bytes of ranges, which may lie in any files of any stores.

    A range that ends behind its file gives what there is.

    Raises:
        StorageError: if a file is missing or its store does not answer.
    """
    out = [b""] * len(wanted)
    requests = _requests(wanted)
    schemes = dict.fromkeys(request.url.partition("://")[0] for request in requests)
    for scheme in schemes:
        here = [r for r in requests if r.url.partition("://")[0] == scheme]
        for request, block in zip(here, _read(here), strict=True):
            for number in request.numbers:
                _, start, end = wanted[number]
                out[number] = block[start - request.start : end - request.start]
    return out


def _requests(wanted: Sequence[Range]) -> list[_Request]:
    """Join ranges that lie close together, as long as a request stays bounded."""
    out: list[_Request] = []
    for number in sorted(range(len(wanted)), key=wanted.__getitem__):
        url, start, end = wanted[number]
        last = out[-1] if out else None
        if (
            last
            and last.url == url
            and start <= last.end + MAX_GAP_BYTES
            and end <= max(last.end, last.start + MAX_REQUEST_BYTES)
        ):
            last.end = max(last.end, end)
            last.numbers.append(number)
        else:
            out.append(_Request(url, start, end, [number]))
    return out


def _read(requests: Sequence[_Request]) -> list[bytes]:
    with files.reported(requests[0].url, "read"):
        found = [files.filesystem(request.url) for request in requests]
        blocks: list[bytes] = found[0][0].cat_ranges(
            [path for _, path in found],
            [request.start for request in requests],
            [request.end for request in requests],
            on_error="raise",
        )
        return blocks
