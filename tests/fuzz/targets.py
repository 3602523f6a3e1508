"""Every reader of foreign bytes, its seeds, and what it may raise: that ends as a reject."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from cauldron.config import load_yaml
from cauldron.errors import CauldronError
from cauldron.media.html import PageError, read_page
from cauldron.media.images import ImageError, open_rgb, upright_facts
from cauldron.media.limits import LIMITS
from cauldron.media.pdf import PdfAsked, PdfError, PdfFacts, is_available, read_pages
from cauldron.media.svg import _require_closed
from cauldron.planning import MALFORMED
from cauldron.readers import (
    csv_rows,
    json_lines,
    npz_arrays,
    open_parquet,
    parquet_groups,
    xml_element,
)
from cauldron.readers.json_stream import members, parsed
from cauldron.readers.raw import Raw
from cauldron.readers.warc import records
from cauldron.sample import Reject
from tests import web_archives
from tests.trust.archives import member, tar_of, zip_of
from tests.trust.pdfs import hostile_pdfs
from tests.trust.pictures import encoded, gif_of

REJECTED: tuple[type[BaseException], ...] = (CauldronError, *MALFORMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A reader: called with bytes and a folder of its own."""

    read: Callable[[bytes, Path], Any]
    seeds: Callable[[], list[bytes]]
    rejects: tuple[type[BaseException], ...] = REJECTED
    real: str = ""
    """Seeds of the shared samples as well, where they are there."""


def _picture(data: bytes, folder: Path) -> None:
    with contextlib.suppress(ImageError):
        upright_facts(data)
    open_rgb(data)


def _pictures(*formats: str) -> Callable[[], list[bytes]]:
    def made() -> list[bytes]:
        grey = Image.effect_noise((24, 18), 60)
        colour = Image.merge("RGB", (grey, grey.rotate(90).resize((24, 18)), grey))
        exif = Image.Exif()
        exif[0x0112] = 6
        out = []
        for name in formats:
            for mode in ("RGB", "L", "P", "RGBA", "CMYK", "I;16", "1"):
                try:
                    out.append(encoded(colour.convert(mode), name, exif=exif.tobytes()))
                except (OSError, ValueError, KeyError):
                    continue
        return [*out, gif_of(3)] if "GIF" in formats else out

    return made


def _pdf(data: bytes, folder: Path) -> None:
    list(read_pages(data, PdfFacts(), PdfAsked(pictures=False)))


def _spent(rows: Iterable[Any]) -> None:
    """Read rows to their end."""
    for _ in rows:
        pass


def _json(data: bytes, folder: Path) -> None:
    with contextlib.suppress(ValueError):
        parsed(data)
    for opener in "[{":
        with contextlib.suppress(CauldronError):
            _spent(members(io.BytesIO(data), "x", (), opener))


def _file(data: bytes, folder: Path, name: str) -> tuple[Raw, Any]:
    (folder / name).write_bytes(data)
    raw = Raw([str(folder / name)])
    return raw, raw.find("*")[0]


def _lines(data: bytes, folder: Path) -> None:
    raw, found = _file(data, folder, "a.jsonl")
    _spent(json_lines(raw, found, "train", "x"))


def _table(data: bytes, folder: Path) -> None:
    raw, found = _file(data, folder, "a.csv")
    _spent(csv_rows(raw, found, "train", "x", delimiter=","))


def _columns(data: bytes, folder: Path) -> None:
    raw, found = _file(data, folder, "a.parquet")
    for row in parquet_groups(raw, found, "train", "x"):
        if not isinstance(row.data, Reject):
            _spent(open_parquet(row, raw))


def _archive(name: str) -> Callable[[bytes, Path], None]:
    def read(data: bytes, folder: Path) -> None:
        (folder / name).write_bytes(data)
        raw = Raw([str(folder)])
        for found in raw.find("*.txt"):
            with contextlib.suppress(CauldronError):
                raw.read(found.url)
        (folder / name).unlink()

    return read


def _warc(data: bytes, folder: Path) -> None:
    (folder / "a.warc").write_bytes(data)
    _spent(records(str(folder / "a.warc")))


def _page(data: bytes, folder: Path) -> None:
    read_page(data, path="p.html")


def _drawing(data: bytes, folder: Path) -> None:
    _require_closed(data, LIMITS)


def _yaml(data: bytes, folder: Path) -> None:
    (folder / "a.yaml").write_bytes(data)
    load_yaml(str(folder / "a.yaml"))


def _npz() -> list[bytes]:
    out = io.BytesIO()
    np.savez_compressed(out, a=np.arange(40), b=np.ones((3, 4), np.float32))
    return [out.getvalue()]


def _parquet() -> list[bytes]:
    table = pa.table(
        {"a": list(range(300)), "b": ["x" * n for n in range(300)], "c": [[1, None]] * 300}
    )
    made = []
    for compression in ("none", "snappy", "zstd"):
        out = io.BytesIO()
        pq.write_table(table, out, compression=compression)
        made.append(out.getvalue())
    return made


def _archives() -> dict[str, bytes]:
    words = {"a.txt": b"words " * 40, "b/c.txt": b"more", "d.txt": b""}
    return {"tar": tar_of(*(member(n, p) for n, p in words.items())), "zip": zip_of(words)}


def _warcs() -> list[bytes]:
    one = web_archives.record("http://h.example/", web_archives.http(b"<p>words</p>"))
    return [one * 2, web_archives.gz(one, one), web_archives.arc("http://h.example/", b"x" * 50)]


PAGE = (
    b"<!doctype html><html><head><title>t</title><meta charset=utf-8><base href=x/></head><body>"
    b"<h1>Words</h1><p>Some <b>bold</b> &amp; text<img src=a.png alt=b srcset='c 1x, d 2x'>"
    b"<table><tr><th rowspan=2>a<td colspan=3>b</table><ul><li>c<ol><li>d</ol></ul><pre>e\n f</pre>"
    b"<math><annotation encoding=tex>x</annotation></math><figure><figcaption>g</figure></body>"
)
XML = b'<?xml version="1.0"?><!DOCTYPE a><a b="c"><d>e &amp; f</d><![CDATA[g]]><!-- h --></a>'
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg"><use href="#a"/><style>b{fill:url(#c)}</style></svg>'
)
JSON = json.dumps(
    [{"a": [1, -2.5e3, None, True], "b": {"c": "d\u00e9\n\U0001f600"}}, [], {}]
).encode()
YAML = b"schema_version: 1\nname: small\ningest:\n  - {source: vsr, raw: [a, 'b']}\nmix: {by: x}\n"

TARGETS: dict[str, Target] = {
    **{
        name.lower(): Target(read=_picture, seeds=_pictures(name), rejects=(ImageError,), real=real)
        for name, real in {
            "JPEG": "images*/*.jpg", "PNG": "images*/*.png", "WEBP": "images*/*.webp",
            "GIF": "images*/*.gif", "TIFF": "images*/*.tif*", "BMP": "images*/*.bmp",
        }.items()
    },
    "json": Target(read=_json, seeds=lambda: [JSON, b'{"a": 1, "a": [2]}'], real="json/*"),
    "lines": Target(read=_lines, seeds=lambda: [JSON + b"\n" + JSON], real="json/*"),
    "csv": Target(read=_table, seeds=lambda: [b'a,b\n1,"x\ny"\n\n"",2\n', b"\xe4,b\n1,2"]),
    "parquet": Target(read=_columns, seeds=_parquet, real="parquet/*"),
    "html": Target(read=_page, seeds=lambda: [PAGE], rejects=(PageError,)),
    "xml": Target(read=lambda d, f: xml_element(d), seeds=lambda: [XML], real="xml/*"),
    "svg": Target(read=_drawing, seeds=lambda: [SVG], rejects=(ImageError,)),
    "tar": Target(read=_archive("a.tar"), seeds=lambda: [_archives()["tar"]]),
    "zip": Target(read=_archive("a.zip"), seeds=lambda: [_archives()["zip"]]),
    "npz": Target(read=lambda d, f: npz_arrays(d), seeds=_npz),
    "warc": Target(read=_warc, seeds=_warcs),
    "yaml": Target(
        read=_yaml, seeds=lambda: [YAML, b"a: !!b c\n? [d]\n: |\n  e\n"], rejects=(CauldronError,)
    ),
}  # fmt: skip
if is_available():
    TARGETS["pdf"] = Target(
        read=_pdf,
        seeds=lambda: [d for d in hostile_pdfs().values() if len(d) < 5_000],
        rejects=(PdfError,),
        real="pdf/*",
    )
