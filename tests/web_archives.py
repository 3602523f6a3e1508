"""Web archives for tests, written by hand: any header, coding, packing and damage."""

from __future__ import annotations

import gzip

WHEN = "2024-03-01T10:00:00Z"


def http(body: bytes, kind: str = "text/html", status: str = "200 OK", **headers: str) -> bytes:
    """Return an HTTP answer."""
    named = {"Content-Type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def record(
    url: str, block: bytes, kind: str = "response", version: str = "1.0", **headers: str
) -> bytes:
    """Return a WARC record."""
    named = {
        "WARC-Type": kind,
        "WARC-Target-URI": url,
        "WARC-Date": WHEN,
        "Content-Type": "application/http; msgtype=response",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    named.setdefault("Content-Length", str(len(block)))
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    return f"WARC/{version}\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def arc(url: str, block: bytes, date: str = "20240301100000", kind: str = "text/html") -> bytes:
    """Return an ARC record."""
    return f"{url} 10.0.0.1 {date} {kind} {len(block)}\n".encode() + block + b"\n"


def gz(*records: bytes) -> bytes:
    """Return records as gzip members of their own, without a date in them."""
    return b"".join(gzip.compress(one, mtime=0) for one in records)


def chunked(body: bytes, size: int = 7) -> bytes:
    """Return a body in chunks."""
    pieces = [body[n : n + size] for n in range(0, len(body), size)]
    return b"".join(b"%x;x=y\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
