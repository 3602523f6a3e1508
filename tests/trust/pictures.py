"""Hostile pictures, made of nothing, and what opening them costs."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import orjson
from PIL import Image

MEASURE = """
import sys, time, orjson, resource
from cauldron.media.images import ImageError, inspect, open_rgb
from tests.conftest import picture
open_rgb(picture("PNG")), open_rgb(picture(format_="JPEG")), open_rgb(picture(format_="GIF"))
told = []
for path in sys.argv[1:]:
    data = open(path, "rb").read()
    for look in (inspect, open_rgb):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        try:
            look(data)
            reason = ""
        except ImageError as error:
            reason = error.reason
        took = time.process_time() - start
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
        told.append({"reason": reason, "ms": took * 1000, "bytes": grown})
print(orjson.dumps(told).decode())
""".replace('picture("PNG")', "picture()")


def png_bomb(side: int) -> bytes:
    """Return a whole PNG of black pixels; a side of 30,000 packs 900 Mpx in 130 KB."""
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + side // 8 + 1)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, part) for kind, part in parts)


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpeg_head(side: int) -> bytes:
    """Return a JPEG of nothing but a header that says how large it is, and the end mark."""
    table = b"\xff\xdb\x00\x43\x00" + bytes([1] * 64)
    frame = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", side, side) + b"\x03"
    parts = b"\x01\x11\x00\x02\x11\x00\x03\x11\x00"
    scan = b"\xff\xda\x00\x0c\x03\x01\x00\x02\x00\x03\x00\x00\x3f\x00"
    return b"\xff\xd8" + table + frame + parts + scan + b"\x00" * 64 + b"\xff\xd9"


def jpeg_of_scans(scans: int, progressive: bool = True, hidden: bytes = b"") -> bytes:
    """Return a JPEG whose last scan comes again and again, behind a comment each."""
    colour = Image.linear_gradient("L").resize((64, 64)).convert("RGB")
    whole = encoded(colour, "JPEG", progressive=progressive)
    first, last = whole.index(b"\xff\xda"), whole.rindex(b"\xff\xda")
    comment = b"\xff\xfe" + (len(hidden) + 2).to_bytes(2, "big") + hidden if hidden else b""
    again = (comment + whole[last:-2]) * scans
    return whole[: first if first == last else last] + again + b"\xff\xd9"


def gif_of(frames: int) -> bytes:
    """Return an animated GIF of many frames of one pixel."""
    out = io.BytesIO()
    Image.new("P", (1, 1)).save(out, "GIF")
    one = out.getvalue()
    head, frame = one[: one.index(b",")], one[one.index(b",") : -1]
    return head + frame * frames + b";"


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    """Return a picture's file."""
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def costs(paths: list[Path]) -> list[dict[str, Any]]:
    """Open each file in a fresh process, by its header and by its pixels; return what it cost."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)], capture_output=True, check=True
    )
    found: list[dict[str, Any]] = orjson.loads(done.stdout)
    return found
