"""HTTP answers as archives keep them: head, transfer coding and content coding undone.

Bodies come from anybody, so that every step has a limit on what it may unpack to.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from cauldron.media.limits import LIMITS, Limits

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?\s+(\d{3})")
_CHUNK = re.compile(rb"\s*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_MAX_CODINGS = 3
_STEP = 1 << 20


class BodyError(Exception):
    """A body that cannot or must not be unpacked; `reason` is a reject reason."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Status, and headers by lower-case name; of equal names the values stand behind commas.

    Args:
        size: bytes up to the body.
    """

    status: int
    headers: dict[str, str]
    size: int

    @property
    def media_type(self) -> str:
        """The type without parameters, in lower case."""
        return media_type(self.headers.get("content-type", ""))

    @property
    def charset(self) -> str:
        """The charset of the type, "" when there is none."""
        found = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", self.headers.get("content-type", ""))
        return found[1] if found else ""


def media_type(value: str) -> str:
    """Return a media type without parameters, in lower case."""
    return value.split(";")[0].split(",")[0].strip().lower()


def read_head(block: bytes) -> Head | None:
    """Return the head of an HTTP answer, None for what does not begin with one."""
    status = _STATUS.match(block)
    if not status:
        return None
    ends = [(at, len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (at := block.find(mark)) >= 0]
    end, gap = min(ends, default=(len(block), 0))
    headers: dict[str, str] = {}
    name = ""
    for line in block[:end].decode("utf-8", "replace").splitlines()[1:]:
        if line[:1] in (" ", "\t") and name:  # a folded line goes on
            headers[name] += " " + line.strip()
            continue
        name, mark, value = line.partition(":")
        name = name.strip().lower()
        if mark and name:
            held = headers.get(name)
            headers[name] = value.strip() if held is None else f"{held}, {value.strip()}"
    return Head(status=int(status[1]), headers=headers, size=end + gap)


def plain_body(body: bytes, headers: dict[str, str], limits: Limits = LIMITS) -> bytes:
    """Undo transfer coding, then content coding.

    Archives often keep a body decoded under headers that say otherwise; a body that does not begin
    like its coding is therefore taken as it stands.

    Raises:
        BodyError: body_damaged, body_too_large or content_coding_unknown.
    """
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _unchunked(body)
    codings = [c.strip().lower() for c in headers.get("content-encoding", "").split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity", "none", "utf-8")]
    if len(codings) > _MAX_CODINGS:
        raise BodyError("content_coding_unknown", ", ".join(codings)[:200])
    for coding in reversed(codings):
        if coding not in _CODINGS:
            raise BodyError("content_coding_unknown", coding[:100])
        if body:
            body = _CODINGS[coding](body, limits)
    return body


def _unchunked(body: bytes) -> bytes:
    """Join chunks; a body that ends within a chunk is damaged, one without any is plain."""
    out: list[bytes] = []
    at = 0
    while match := _CHUNK.match(body, at):
        size = int(match[1], 16)
        if not size:
            return b"".join(out)
        at = match.end() + size
        if at > len(body):
            raise BodyError("body_damaged", "ends within a chunk")
        out.append(body[match.end() : at])
    if at and at < len(body):
        raise BodyError("body_damaged", f"no chunk at byte {at}")
    return b"".join(out) if at else body


def _most(packed: bytes, limits: Limits) -> int:
    return min(limits.max_body_bytes, max(_STEP, len(packed) * limits.max_body_ratio))


def _inflated(body: bytes, limits: Limits, bits: int) -> bytes:
    """Unpack one gzip or zlib stream after another."""
    most = _most(body, limits)
    out: list[bytes] = []
    size = 0
    while body:
        engine = zlib.decompressobj(bits)
        try:
            payload = engine.decompress(body, most - size + 1)
        except zlib.error as error:
            if out:
                break  # what follows a whole stream is filling
            raise BodyError("body_damaged", str(error)) from error
        size += len(payload)
        if size > most:
            raise BodyError("body_too_large", f"over {most} bytes unpacked")
        if not engine.eof:
            raise BodyError("body_damaged", "packed bytes end too early")
        out.append(payload)
        body = engine.unused_data
    return b"".join(out)


def _gzip(body: bytes, limits: Limits) -> bytes:
    return _inflated(body, limits, 31) if body.startswith(b"\x1f\x8b") else body


def _deflate(body: bytes, limits: Limits) -> bytes:
    """Unpack deflate, which servers send with and without the zlib head."""
    with_head = body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    try:
        return _inflated(body, limits, 15 if with_head else -15)
    except BodyError as error:
        if error.reason == "body_damaged" and _is_text(body):
            return body
        raise


def _zstd(body: bytes, limits: Limits) -> bytes:
    if not body.startswith(b"\x28\xb5\x2f\xfd"):
        return body
    return _streamed("zstd", body, limits)


def _brotli(body: bytes, limits: Limits) -> bytes:
    try:
        return _streamed("brotli", body, limits)
    except BodyError as error:
        if error.reason == "body_damaged" and _is_text(body):
            return body
        raise


def _is_text(body: bytes) -> bool:
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def _streamed(codec: str, body: bytes, limits: Limits) -> bytes:
    import pyarrow as pa

    most = _most(body, limits)
    out: list[bytes] = []
    size = 0
    try:
        unpacked = pa.CompressedInputStream(pa.BufferReader(body), codec)
        while payload := unpacked.read(_STEP):
            size += len(payload)
            if size > most:
                raise BodyError("body_too_large", f"over {most} bytes unpacked")
            out.append(payload)
    except (OSError, ValueError) as error:
        raise BodyError("body_damaged", str(error)[:200]) from error
    return b"".join(out)


_CODINGS: dict[str, Callable[[bytes, Limits], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
