"""Records of web archives: WARC (plain, gzip, zstd) and the older ARC, with their byte offsets.

A file is passed over once in constant memory; a record is then read again by its offset. In a
`.warc.gz` each record is a gzip member of its own. One that is packed as a whole, and any
`.arc.gz`, is read through seek points, with offsets in what it unpacks to. Where bytes are damaged
the pass goes on at the next record that can be read.
"""

from __future__ import annotations

import contextlib
import importlib.util
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urljoin

from cauldron.errors import SourceError, StorageError
from cauldron.media.http_body import Head, media_type, read_head
from cauldron.media.limits import LIMITS
from cauldron.readers.arc import arc_records, read_arc
from cauldron.readers.streams import BLOCK, packed_file
from cauldron.storage import files

SUFFIXES = (".warc", ".warc.gz", ".warc.zst", ".arc", ".arc.gz")
_MARKS = {".gz": b"\x1f\x8b\x08", ".zst": b"\x28\xb5\x2f\xfd", "": b"WARC/"}
_HEAD_BYTES = 16 << 10
_HTML = ("text/html", "application/xhtml+xml")
_REDIRECTS = (301, 302, 303, 307, 308)
_OPEN_FILES = 4


class Record(NamedTuple):
    """One record as the pass found it.

    Args:
        kind: `page`, `picture`, `alias` (a redirect or revisit: `target` says of what), `other`
            or `damaged`.
        reason: why it is no page, or what is damaged.
        unpacked: whether the offset counts in what the file unpacks to.
        length: bytes up to the next record, as stored.
    """

    kind: str
    reason: str
    offset: int
    length: int
    unpacked: bool
    url: str = ""
    date: str = ""
    target: str = ""


class Fetched(NamedTuple):
    """A record read by its offset: head (None for one without HTTP) and body as stored."""

    url: str
    head: Head | None
    media_type: str
    charset: str
    body: bytes
    truncated: bool


def is_available() -> bool:
    """Say whether FastWARC is installed."""
    return importlib.util.find_spec("fastwarc") is not None


def is_web_archive(name: str) -> bool:
    """Say whether a file name is that of a WARC or ARC file."""
    return name.lower().endswith(SUFFIXES)


def records(url: str) -> Iterator[Record]:
    """Yield the records of a file in order, damaged places among them.

    Raises:
        SourceError: if FastWARC is missing, or the file cannot be opened.
    """
    if not is_available():
        raise SourceError("FastWARC is missing", place="warc", hint="pip install cauldron[web]")
    size = files.size_bytes(url)
    if not size:
        yield Record("damaged", "warc_empty", 0, 0, False)
    found = _arc(url) if _is_arc(url) else _warc(url, size)
    last: Record | None = None
    for record in found:
        if last:
            yield last._replace(length=max(record.offset - last.offset, 0))
        last = record
    if last:
        yield last if last.unpacked else last._replace(length=size - last.offset)


def read_record(url: str, offset: int, unpacked: bool) -> Fetched:
    """Read one record by its offset.

    Raises:
        StorageError: if it is damaged, or over the limit.
    """
    with files.reported(url, "read"), _damaged(url, offset):
        if _is_arc(url):
            found = read_arc(_handle(url, unpacked), offset, _most() + 1)
            if found is None or found.block is None:
                raise ValueError("no record here")
            address, kind, block, charset, http = found.url, found.media_type, found.block, "", True
            truncated = len(block) < found.size
        else:
            record = _record_at(url, offset, unpacked)
            block = bytes(record.reader.read(_most() + 1))
            address, kind = _address(record), record.headers.get("Content-Type") or ""
            charset = record.headers.get("WARC-Identified-Content-Charset") or ""
            http = media_type(kind) == "application/http"
            truncated = len(block) < record.content_length
    if len(block) > _most():
        raise StorageError(f"larger than {_most()} bytes", place=f"{files.redacted(url)}:{offset}")
    head = read_head(block) if http else None
    if head is None:
        return Fetched(address, None, media_type(kind), charset, block, truncated)
    body = block[head.size :]
    return Fetched(
        address, head, head.media_type, head.charset or charset.split(",")[0], body, truncated
    )


def _most() -> int:
    return LIMITS.max_body_bytes


@contextlib.contextmanager
def _damaged(url: str, offset: int) -> Iterator[None]:
    place = f"{files.redacted(url)}:{offset}"
    try:
        yield
    except StopIteration as error:
        raise StorageError("no record here", place=place) from error
    except (OSError, ValueError, EOFError) as error:
        raise StorageError(f"damaged record: {error}", place=place) from error


@lru_cache(maxsize=_OPEN_FILES)
def _handle(url: str, unpacked: bool) -> Any:
    return _opened(url, unpacked)


def _opened(url: str, unpacked: bool) -> Any:
    if not unpacked:
        return files.open_input(url)
    from indexed_gzip import IndexedGzipFile

    return IndexedGzipFile(packed_file(url), spacing=4 << 20, buffer_size=BLOCK)


def _is_arc(url: str) -> bool:
    return url.lower().endswith((".arc", ".arc.gz"))


def _iterated(handle: Any, start: int) -> Iterator[Any]:
    from fastwarc.warc import ArchiveIterator

    handle.seek(start)
    return iter(ArchiveIterator(handle, parse_http=False))


def _arc(url: str) -> Iterator[Record]:
    packed = url.lower().endswith(".gz")
    with contextlib.closing(_opened(url, packed)) as handle:
        for found in arc_records(handle, _HEAD_BYTES):
            if found.block is None:
                yield _broken(found.offset, found.media_type, packed)
                continue
            head = read_head(found.block)
            if head is None:
                yield Record("other", "not_response", found.offset, 0, packed, found.url)
            else:
                place = Record("", "", found.offset, 0, packed, found.url, found.date)
                yield _answer(place, head, found.media_type)


def _warc(url: str, size: int) -> Iterator[Record]:
    packing = next(ending for ending in _MARKS if url.lower().endswith(ending))
    mark = _MARKS[packing]
    with contextlib.closing(files.open_input(url)) as beside:
        if packing and _packed_as_one(url, beside, mark):
            if packing == ".gz":
                yield from _unpacked(url)
            else:
                yield Record("damaged", "warc_packed_as_one", 0, 0, False)
            return
        start: int | None = 0
        while start is not None:
            last = start - 1
            try:
                for record in _walk(url, start, unpacked=False):
                    if not _begins(beside, record.offset, mark):
                        raise ValueError("a record that does not begin where its file says")
                    last = record.offset
                    yield record
                left = _left_over(beside, last, size) if packing == ".gz" else None
                if left is None:
                    return
            except (OSError, ValueError):
                left = last + 1
            start = _next_record(url, beside, mark, left)
            goes_on = "to the end of the file" if start is None else f"up to byte {start}"
            yield _broken(left, goes_on, False)


def _unpacked(url: str) -> Iterator[Record]:
    last = 0
    try:
        for record in _walk(url, 0, unpacked=True):
            last = record.offset
            yield record
    except (OSError, ValueError, EOFError) as error:
        yield _broken(last + 1, str(error)[:200], True)


def _broken(offset: int, told: str, unpacked: bool) -> Record:
    return Record("damaged", "warc_record_damaged", offset, 0, unpacked, target=told)


def _packed_as_one(url: str, beside: Any, mark: bytes) -> bool:
    """Say whether the second record lies in the same packed piece as the first."""
    with contextlib.closing(files.open_input(url)) as handle, contextlib.suppress(OSError):
        found = _iterated(handle, 0)
        first, second = next(found, None), None
        second = next(found, None) if first is not None else None
        return second is not None and not _begins(beside, second.stream_pos, mark)
    return False


def _begins(beside: Any, offset: int, mark: bytes) -> bool:
    beside.seek(offset)
    return bool(beside.read(len(mark)) == mark)


def _left_over(beside: Any, last: int, size: int) -> int | None:
    """Return where bytes lie behind the last record of a .warc.gz; None where it ends there."""
    beside.seek(max(last, 0))
    engine = zlib.decompressobj(31)
    while block := beside.read(BLOCK):
        while block and not engine.eof:
            engine.decompress(block, BLOCK)
            block = engine.unconsumed_tail
        if engine.eof:
            rest = engine.unused_data
            return beside.tell() - len(rest) if rest.strip(b"\0") else None
    return None if last >= 0 or not size else 0


def _next_record(url: str, beside: Any, mark: bytes, after: int) -> int | None:
    """Return the next offset at which a record can be read."""
    at, held = after, b""
    beside.seek(after)
    while block := beside.read(BLOCK):
        held += block
        found = held.find(mark)
        while found >= 0:
            with contextlib.suppress(OSError, StopIteration, ValueError):
                _record_at(url, at + found, False)
                return at + found
            found = held.find(mark, found + 1)
        kept = len(mark) - 1
        at += len(held) - len(held[-kept:])
        held = held[-kept:]
        beside.seek(at + len(held))
    return None


def _record_at(url: str, offset: int, unpacked: bool) -> Any:
    record = next(_iterated(_handle(url, unpacked), offset))
    if record.stream_pos != offset:
        raise ValueError("another record begins here")
    return record


def _walk(url: str, start: int, unpacked: bool) -> Iterator[Record]:
    with contextlib.closing(_opened(url, unpacked)) as handle:
        for record in _iterated(handle, start):
            yield _seen(record, unpacked)


def _seen(record: Any, unpacked: bool) -> Record:
    """Return what the pass keeps of a record."""
    headers = record.headers
    place = Record(
        "", "", record.stream_pos, 0, unpacked, _address(record), headers.get("WARC-Date") or ""
    )
    kind = (headers.get("WARC-Type") or "").strip().lower()
    identified = media_type(headers.get("WARC-Identified-Payload-Type") or "")
    told = headers.get("Content-Type") or ""
    if kind == "revisit":
        target = _bare(headers.get("WARC-Refers-To-Target-URI") or "")
        if target and target != place.url:
            return place._replace(kind="alias", reason="revisit", target=target)
        return place._replace(kind="other", reason="revisit")
    if kind == "resource":
        return _typed(place, media_type(told) or identified)
    if kind != "response" or media_type(told) != "application/http":
        return place._replace(kind="other", reason="not_response")
    head = read_head(bytes(record.reader.read(_HEAD_BYTES)))
    if head is None:
        return place._replace(kind="other", reason="http_head_missing")
    return _answer(place, head, identified)


def _answer(place: Record, head: Head, otherwise: str) -> Record:
    """Classify an HTTP answer; `otherwise` is its type where the server gave none."""
    if head.status in _REDIRECTS and (target := head.headers.get("location")):
        with contextlib.suppress(ValueError):
            target = urljoin(place.url, target)
            return place._replace(kind="alias", reason="http_status", target=target)
    if head.status != 200:
        return place._replace(kind="other", reason="http_status")
    return _typed(place, head.media_type or otherwise)


def _typed(place: Record, kind: str) -> Record:
    if kind in _HTML:
        return place._replace(kind="page")
    if kind.startswith("image/"):
        return place._replace(kind="picture", reason="not_html")
    return place._replace(kind="other", reason="not_html")


def _address(record: Any) -> str:
    return _bare(record.headers.get("WARC-Target-URI") or "")


def _bare(address: str) -> str:
    return address.strip().removeprefix("<").removesuffix(">")
