"""Records of web archives: WARC and ARC, plain or packed (gzip, zstd, xz, bzip2).

A file is passed over once in constant memory; a record is read again by its offset. A record counts
as whole only when the next one begins where its length says; where that fails the pass goes on at
the next place where a record can be read, and says which bytes it left out. In a `.warc.gz` each
record is a gzip member of its own; a file that is packed as a whole is read through seek points,
or from a scratch file where its packing has none (xz, bzip2), with offsets in what it unpacks to.

FastWARC (Apache-2.0, a kept-up wheel) was tried for this and passes over members 1.3 times as fast
as zlib does. It ends a file in silence where a length is wrong or the last member is cut off, and
finding HTML in pages takes ten times as long as unpacking them, so that no further package is asked
for.
"""

from __future__ import annotations

import contextlib
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urljoin

from cauldron.errors import StorageError
from cauldron.media.http_body import Head, media_type, read_head
from cauldron.media.limits import LIMITS
from cauldron.readers.pieces import Gzip, Piece, Pieces, Plain, Zstd, next_mark
from cauldron.readers.streams import BLOCK, packed_file
from cauldron.readers.unpacking import is_packed_whole, unpacked_whole
from cauldron.readers.warc_heads import RecordHead, bare, read_record_head
from cauldron.storage import files

SUFFIXES = tuple(
    f".{kind}{packing}"
    for kind in ("warc", "arc")
    for packing in ("", ".gz", ".zst", ".xz", ".bz2")
)
_HEAD_BYTES = 64 << 10
_HTML = ("text/html", "application/xhtml+xml")
_UNTOLD = ("", "application/octet-stream", "binary/octet-stream", "unknown/unknown", "no-type")
_PICTURE_NAMES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif")
_REDIRECTS = (301, 302, 303, 307, 308)
_DAMAGED = (OSError, ValueError, EOFError, zlib.error)
_OPEN_FILES = 4


class Record(NamedTuple):
    """One record as the pass found it.

    Args:
        kind: `page`, `picture`, `alias` (a redirect or revisit: `target` says of what), `other`
            or `damaged`.
        reason: why it is no page, or what is damaged.
        length: bytes as stored, up to the next record.
        unpacked: whether offset and length count in what the file unpacks to.
        target: of an alias the address, of damage what was found.
    """

    kind: str
    reason: str
    offset: int
    length: int = 0
    unpacked: bool = False
    url: str = ""
    date: str = ""
    target: str = ""


class Fetched(NamedTuple):
    """A record read by its offset: head (None for one without HTTP) and body as stored."""

    url: str
    date: str
    head: Head | None
    media_type: str
    charset: str
    body: bytes
    truncated: bool


class _SeveralInOne(Exception):
    """A packed piece that holds more than one record."""


def records(url: str) -> Iterator[Record]:
    """Yield the records of a file in order, damaged places among them."""
    size = files.size_bytes(url)
    if not size:
        yield Record("damaged", "warc_empty", 0)
        return
    with contextlib.closing(files.open_input(url)) as file:
        if is_packed_whole(file.read(5)):
            yield from _unpacked(url, size)
            return
        pieces = _packing(file, url)
        try:
            yield from _plain(file, size) if pieces is None else _packed(pieces, size)
        except _SeveralInOne:
            if isinstance(pieces, Zstd):
                yield Record("damaged", "warc_packed_as_one", 0, size, target="several in a frame")
            else:
                with contextlib.closing(_through_seek_points(url)) as whole:
                    for record in _plain(whole, None):
                        yield record._replace(unpacked=True)


def _packing(file: Any, url: str) -> Pieces | None:
    """Return how a file is packed, by its first bytes; where they say nothing, by its name."""
    file.seek(0)
    mark, name = file.read(5), url.lower()
    named = not mark.startswith((b"WARC/", b"file", b"http"))
    if mark.startswith(Gzip.mark) or (named and name.endswith(".gz")):
        return Gzip(file)
    return Zstd(file) if mark.startswith(Zstd.mark) or (named and name.endswith(".zst")) else None


def _unpacked(url: str, size: int) -> Iterator[Record]:
    """Yield the records of a file that is packed as a whole, by xz or bzip2."""
    try:
        whole, problem = unpacked_whole(url)
    except StorageError as error:
        yield Record("damaged", "warc_too_large", 0, size, target=error.message)
        return
    with contextlib.closing(whole):
        end = whole.seek(0, 2)
        for record in _plain(whole, end) if end else ():
            yield record._replace(unpacked=True)
    if problem:
        yield Record("damaged", "warc_packing_damaged", end, target=problem[:200])


def _through_seek_points(url: str) -> Any:
    with contextlib.closing(files.open_input(url)) as file:
        if is_packed_whole(file.read(5)):
            return unpacked_whole(url)[0]
    from indexed_gzip import IndexedGzipFile

    return IndexedGzipFile(packed_file(url), spacing=4 << 20, buffer_size=BLOCK)


def _packed(pieces: Pieces, size: int) -> Iterator[Record]:
    """Yield the records of a file with a record in each packed piece."""
    offset, yielded = 0, False
    while offset < size:
        try:
            piece = pieces.open(offset)
            found = _whole(piece, offset) if piece.blank() else None
            if piece.blank():
                several = piece.peek(5) in (b"WARC/", b"http:", b"https")
                if several and not yielded:
                    raise _SeveralInOne
                raise ValueError("holds more than its head says")
        except _DAMAGED as error:
            following = next_mark(pieces, offset + 1, pieces.marks, _begins(pieces))
            end = size if following is None else following
            if not _is_filling(pieces, offset, end):
                yield _broken(offset, end - offset, error)
        else:
            end = pieces.end
            if found is not None:
                yielded = True
                yield found._replace(length=end - offset)
        offset = end


def _begins(pieces: Plain | Pieces) -> Callable[[int], bool]:
    """Return the test whether a record begins at an offset."""

    def begins(offset: int) -> bool:
        with contextlib.suppress(*_DAMAGED):
            return bool(read_record_head(pieces.open(offset)).kind)
        return False

    return begins


def _is_filling(pieces: Pieces, offset: int, end: int) -> bool:
    """Say whether bytes are zeros, as some file systems leave behind."""
    pieces.file.seek(offset)
    left = end - offset
    while left > 0 and (block := pieces.file.read(min(BLOCK, left))):
        if block.strip(b"\0\r\n"):
            return False
        left -= len(block)
    return True


def _plain(file: Any, size: int | None) -> Iterator[Record]:
    """Yield the records of bytes that are not packed, each once the next one was found."""
    plain, start = Plain(file), 0
    piece = plain.open(0)
    held: Record | None = None
    body, missing = 0, False
    while True:
        at = start + piece.place
        try:
            if missing:
                raise EOFError("ends too early")
            if not piece.blank():
                break
            at = start + piece.place
            head = read_record_head(piece)
        except _DAMAGED as error:
            bad, after = (held.offset, body) if held else (at, at + 1)
            following = _resumed(plain, after)
            end = following or size or at
            yield _broken(bad, max(end - bad, 0), error)
            if following is None:
                return
            held, missing = None, False
            piece, start = plain.open(following), following
            continue
        if held:
            yield held._replace(length=at - held.offset)
        body = start + piece.place
        held, missing = _seen(head, piece, at)
    if held:
        yield held._replace(length=(size or at) - held.offset)


def _resumed(plain: Plain, after: int) -> int | None:
    """Return where the next record begins behind a damaged place; None where nothing does."""
    with contextlib.suppress(*_DAMAGED):
        return next_mark(plain, after, Plain.marks, _begins(plain))
    return None


def _seen(head: RecordHead, piece: Piece, offset: int) -> tuple[Record, bool]:
    """Return a record by its head, and whether the block is shorter than the head says."""
    block = piece.read(min(head.size, _HEAD_BYTES))
    left = head.size - len(block)
    return _classified(head, block, offset), piece.skip(left) < left or left < 0


def _whole(piece: Piece, offset: int) -> Record:
    """Read a record to its end.

    Raises:
        ValueError, EOFError: if there is none, or it ends too early.
    """
    record, missing = _seen(read_record_head(piece), piece, offset)
    if missing:
        raise EOFError("ends too early")
    return record


def _broken(offset: int, length: int, error: object) -> Record:
    return Record("damaged", "warc_record_damaged", offset, length, target=str(error)[:200])


def _classified(head: RecordHead, block: bytes, offset: int) -> Record:
    """Say what a record is, by its head and the first bytes of its block."""
    place = Record("other", "not_response", offset, url=head.url, date=head.date)
    if head.kind == "revisit":
        target = bare(head.headers.get("warc-refers-to-target-uri", ""))
        kind = "alias" if target and target != head.url else "other"
        return place._replace(kind=kind, reason="revisit", target=target)
    if head.kind == "resource":
        return _typed(place, head.media_type)
    if head.kind != "response":
        return place
    if not head.is_http:  # an answer of another protocol, or an ARC block without a head
        return _typed(place, head.media_type)
    answer = read_head(block)
    if answer is None:
        return place._replace(reason="http_head_missing")
    moved = answer.headers.get("location") if answer.status in _REDIRECTS else None
    if moved:
        with contextlib.suppress(ValueError):
            joined = urljoin(head.url, moved)
            return place._replace(kind="alias", reason="http_status", target=joined)
    if answer.status != 200:
        return place._replace(reason="http_status")
    identified = media_type(head.headers.get("warc-identified-payload-type", ""))
    return _typed(place, answer.media_type or identified)


def _typed(place: Record, kind: str) -> Record:
    if kind in _HTML:
        return place._replace(kind="page", reason="")
    named = place.url.split("?")[0].lower().endswith(_PICTURE_NAMES)
    if kind.startswith("image/") or (kind in _UNTOLD and named):
        return place._replace(kind="picture", reason="not_html")
    return place._replace(reason="not_html")


def read_record(url: str, offset: int, unpacked: bool) -> Fetched:
    """Read one record by its offset; a block over the limit is cut and marked as truncated.

    Raises:
        StorageError: if it is damaged.
    """
    place = f"{files.redacted(url)}:{offset}"
    most = LIMITS.max_body_bytes
    with files.reported(url, "read"):
        try:
            piece = _random(url, unpacked).open(offset)
            head = read_record_head(piece)
            block = piece.read(min(head.size, most))
        except _DAMAGED as error:
            raise StorageError(f"damaged record: {error}", place=place) from error
    if len(block) < min(head.size, most):
        raise StorageError("damaged record: ends too early", place=place)
    cut = head.size > most or head.headers.get("warc-truncated", "") not in ("", "no")
    charset = head.headers.get("warc-identified-content-charset", "").split(",")[0].strip()
    answer = read_head(block) if head.is_http else None
    if answer is None:
        return Fetched(head.url, head.date, None, head.media_type, charset, block, cut)
    body = block[answer.size :]
    named = answer.charset or charset
    return Fetched(head.url, head.date, answer, answer.media_type, named, body, cut)


_handles: OrderedDict[tuple[str, bool], Plain | Pieces] = OrderedDict()


def _random(url: str, unpacked: bool) -> Plain | Pieces:
    """Return a file opened for random reads; few are open at a time."""
    key = (url, unpacked)
    if key in _handles:
        _handles.move_to_end(key)
        return _handles[key]
    while len(_handles) >= _OPEN_FILES:
        _handles.popitem(last=False)[1].file.close()
    if unpacked:
        opened: Plain | Pieces = Plain(_through_seek_points(url))
    else:
        file = files.open_input(url)
        opened = _packing(file, url) or Plain(file)
    _handles[key] = opened
    return opened


__all__ = ["SUFFIXES", "Fetched", "Record", "read_record", "records"]
