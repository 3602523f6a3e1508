"""Hostile archives, made of nothing."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from pathlib import Path


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """Return a tar of these members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for info, payload in members:
            archive.addfile(info, io.BytesIO(payload))
    return out.getvalue()


def member(name: str, payload: bytes = b"") -> tuple[tarfile.TarInfo, bytes]:
    """Return a regular member."""
    info = tarfile.TarInfo(name)
    info.size = len(payload)
    return info, payload


def special(name: str, kind: bytes, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """Return a link, a device or a pipe."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.devmajor, info.devminor = kind, link, 1, 8
    return info, b""


def zip_of(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method, compresslevel=9) as archive:
        for name, payload in members.items():
            archive.writestr(name, payload)
    return out.getvalue()


def bomb_42(depth: int = 4, wide: int = 16, size: int = 20 << 20) -> bytes:
    """Return a zip of zips of zips ..., 16 each, with zeros at the bottom: 3 TB in few bytes."""
    inner = zip_of({"0.json": bytes(size)})
    for _ in range(depth):
        inner = zip_of({f"{n}.zip": inner for n in range(wide)})
    return inner


def overlapping_zip(copies: int = 2_000) -> bytes:
    """Return a zip whose directory names one packed member many times over (Fifield 2019)."""
    one = zip_of({"00000.json": bytes(15 << 20)})
    start = one.index(b"PK\x01\x02")
    end = one.index(b"PK\x05\x06")
    entry, tail = one[start:end], bytearray(one[end:])
    names = (entry.replace(b"00000.json", b"%05d.json" % n) for n in range(copies))
    directory = b"".join(names)
    tail[8:12] = copies.to_bytes(2, "little") * 2
    tail[12:16] = len(directory).to_bytes(4, "little")
    return one[:start] + directory + bytes(tail)


def hostile_archives(outside: Path) -> dict[str, bytes]:
    """Return archives by file name, each with one good record beside the hostile member."""
    good = member("good.jsonl", b'{"text": "good"}\n')
    rows = b'{"text": "evil"}\n'
    through = [special("d", tarfile.SYMTYPE, str(outside)), member("d/evil.jsonl", rows)]
    return {
        "up.tar": tar_of(good, member("../evil.jsonl", rows)),
        "absolute.tar": tar_of(good, member(str(outside / "evil.jsonl"), rows)),
        "through_link.tar": tar_of(good, *through),
        "hard_link.tar": tar_of(good, special("evil.jsonl", tarfile.LNKTYPE, "/etc/passwd")),
        "symlink.tar": tar_of(good, special("evil.jsonl", tarfile.SYMTYPE, "/etc/passwd")),
        "device.tar": tar_of(good, special("evil.jsonl", tarfile.CHRTYPE)),
        "pipe.tar": tar_of(good, special("evil.jsonl", tarfile.FIFOTYPE)),
        "up.zip": zip_of({"good.jsonl": good[1], "../evil.jsonl": rows}),
        "backslash.zip": zip_of({"good.jsonl": good[1], "..\\evil.jsonl": rows}),
        "drive.zip": zip_of({"good.jsonl": good[1], "C:/evil.jsonl": rows}),
        "nested.zip": zip_of({"good.jsonl": good[1], "inner.zip": zip_of({"evil.jsonl": rows})}),
        "42.zip": bomb_42(),
        "overlapping.zip": overlapping_zip(),
        "ratio.zip": zip_of({"good.jsonl": good[1], "bomb.jsonl": bytes(60 << 20)}),
        "cut.zip": zip_of({"good.jsonl": good[1]})[:-30],
        "noise.tar": bytes(range(256)) * 40,
        "gzip_bomb.jsonl.gz": _gzip(bytes(100 << 20)),
    }


def _gzip(payload: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(payload) + packer.flush()
