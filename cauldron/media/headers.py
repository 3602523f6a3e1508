"""A fast look at a picture's header: pictures without any oddity need no second look."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

from cauldron.media.limits import LIMITS, Limits

_JPEG_HEAD = b"\xff\xd8\xff"
_PNG_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_PNG_PLAIN = {b"gAMA", b"sRGB", b"pHYs", b"cHRM", b"bKGD", b"tRNS", b"PLTE", b"sBIT", b"tIME"}
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
JPEG_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
PROGRESSIVE = 0xC2
JPEG_TABLES = frozenset((0xC4, 0xDD, 0xFE, *range(0xE0, 0xF0)))
_SCAN = 0xDA
_SCAN_MARK, _END_MARK = b"\xff\xda", b"\xd9"
_MARK = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")  # none of those among coded pixels
_QUANTISATION = 0xDB
_EXIF = 0xE1  # may say that the picture is to be turned
_MPF = 0xE2  # may announce further pictures in the same file
_Plain = tuple[int, int, bool, bool]  # width, height, transparency, EXIF
_segment = struct.Struct(">BBH").unpack_from  # 0xFF, mark, size
_frame = struct.Struct(">BHHB").unpack_from  # bits, height, width, components


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainFacts:
    """What an ordinary header says: format, sides in pixels as stored, transparency, EXIF."""

    format: str
    width: int
    height: int
    alpha: bool = False
    exif: bool = False


def plainly_sound(data: bytes | memoryview, limits: Limits = LIMITS) -> bool:
    """Say whether a JPEG or PNG has an ordinary header, is complete and within limits.

    False says nothing: `inspect` then looks closer and gives the reason.
    """
    return _plain(data, limits) is not None


def plain_facts(data: bytes | memoryview, limits: Limits = LIMITS) -> PlainFacts | None:
    """Return the facts of a JPEG or PNG that is `plainly_sound`, None for any other bytes."""
    plain = _plain(data, limits)
    if plain is None:
        return None
    width, height, alpha, exif = plain
    kind = "JPEG" if data[:2] == _JPEG_HEAD[:2] else "PNG"
    return PlainFacts(format=kind, width=width, height=height, alpha=alpha, exif=exif)


def _plain(data: bytes | memoryview, limits: Limits) -> _Plain | None:
    if len(data) > limits.max_image_bytes:
        return None
    if data[:3] == _JPEG_HEAD:
        return _jpeg(data, limits) if data[-2:] == b"\xff\xd9" else None
    if data[: len(_PNG_HEAD)] == _PNG_HEAD and data[-8:] == b"IEND\xaeB`\x82":
        return _png(data, limits)
    return None


def _fits(width: int, height: int, limits: Limits) -> bool:
    return (
        width > 0
        and height > 0
        and width * height <= limits.max_pixels
        and max(width, height) <= limits.max_side
    )


def _jpeg(data: bytes | memoryview, limits: Limits) -> _Plain | None:
    """Walk the segments up to the first scan, behind a frame that fits."""
    at, quantised, exif, progressive, width, height, n = 2, False, False, False, 0, 0, 0
    last = len(data) - 4
    while at <= last:
        lead, mark, size = _segment(data, at)
        if lead != 0xFF or size < 2:
            return None
        if mark == _SCAN:
            whole = width and quantised and at + 2 + size <= len(data)
            several = progressive or size < 6 + 2 * n  # not all components in the first
            if several and too_many_scans(data, limits):
                return None
            return (width, height, False, exif) if whole else None
        if mark == _QUANTISATION:
            quantised = _quantises(data[at + 4 : at + 2 + size])
            if not quantised:
                return None
        elif mark in JPEG_FRAMES:
            if width or at + 10 > len(data):
                return None
            depth, height, width, n = _frame(data, at + 4)
            progressive = mark == PROGRESSIVE
            if depth != 8 or n not in (1, 3, 4) or size != 8 + 3 * n:
                return None
            if not _fits(width, height, limits):
                return None
        elif mark not in JPEG_TABLES or (mark == _MPF and data[at + 4 : at + 8] == b"MPF\x00"):
            return None
        elif mark == _EXIF:
            exif = True
        at += 2 + size
    return None


def too_many_scans(data: bytes | memoryview, limits: Limits = LIMITS) -> bool:
    """Say whether a JPEG has more scans than any encoder writes, whatever follows its end."""
    raw = bytes(data)
    if raw.count(_SCAN_MARK) <= limits.max_scans:
        return False
    scans, at = 0, 2
    while scans <= limits.max_scans and (mark := _MARK.search(raw, at)):
        scans += mark[1] == _SCAN_MARK[1:]
        if mark[1] == _END_MARK:
            break
        at = mark.end() + int.from_bytes(raw[mark.end() : mark.end() + 2], "big")
    return scans > limits.max_scans


def _quantises(tables: bytes | memoryview) -> bool:
    at = 0
    while at < len(tables):
        precision, number = divmod(tables[at], 16)
        if precision > 1 or number > 3:
            return False
        at += 1 + 64 * (1 + precision)
    return at == len(tables)


def _png(data: bytes | memoryview, limits: Limits) -> _Plain | None:
    """Check the head's sum and values, then that only plain chunks stand before the pixels."""
    depth, colour, packing, filtering, interlace = data[24:29]
    if zlib.crc32(data[12:29]).to_bytes(4, "big") != data[29:33]:
        return None
    if depth not in _PNG_DEPTHS.get(colour, ()) or packing or filtering or interlace > 1:
        return None
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if not _fits(width, height, limits):
        return None
    at, alpha = 33, colour in (4, 6)
    while at + 12 <= len(data):
        kind = bytes(data[at + 4 : at + 8])
        if kind == b"IDAT":
            return width, height, alpha, False
        if kind not in _PNG_PLAIN:
            return None
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if zlib.crc32(data[at + 4 : end]).to_bytes(4, "big") != data[end : end + 4]:
            return None
        alpha = alpha or kind == b"tRNS"
        at = end + 4
    return None
