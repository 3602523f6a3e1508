"""Files that tools stumble over, made of nothing, for the sources of `hostile.OWN`."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, PngImagePlugin

from tests.trust.pictures import chunk, encoded, jpeg_of_scans

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")


def odd_pictures() -> dict[str, bytes]:
    """Pictures cut at every tenth, of odd modes, of two kinds at once, of vast or bad parts."""
    made = dict(_cut()) | dict(_modes()) | dict(_vast()) | dict(_two_at_once())
    png = encoded(_colour(), "PNG")
    head = png[: png.index(b"IDAT") - 4]
    bomb = zlib.compress(bytes(200 << 20), 9)
    exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08" + b"\xff" * 60_000
    return made | {
        "text_bomb.png": head + chunk(b"zTXt", b"a\0\0" + bomb) + png[len(head) :],
        "profile_bomb.png": head + chunk(b"iCCP", b"a\0\0" + bomb) + png[len(head) :],
        "many_chunks.png": head + chunk(b"tEXt", b"a\0b") * 100_000 + png[len(head) :],
        "long_chunk.png": head + b"\xff\xff\xff\xffIDAT" + png[len(head) + 8 :],
        "no_pixels.png": head + chunk(b"IEND", b""),
        "animation.png": head + chunk(b"acTL", b"\xff" * 8) + png[len(head) :],
        "exif_noise.jpg": _with_exif(exif),
        "exif_loop.jpg": _with_exif(b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\x08"),
        "scans.jpg": jpeg_of_scans(5_000),
        "tiff_loop.tif": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
        "tiff_many.tif": b"II*\0\x08\0\0\0\xff\xff" + b"\0" * 900,
        "empty.png": b"",
        "zeros.jpg": bytes(5_000),
        "name.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>x</script></svg>",
    }


def _colour() -> Image.Image:
    grey = Image.linear_gradient("L").resize((40, 30))
    return Image.merge("RGB", (grey, grey.transpose(Image.Transpose.FLIP_LEFT_RIGHT), grey))


def _with_exif(exif: bytes) -> bytes:
    whole = encoded(_colour(), "JPEG")
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + whole[2:]


def _cut() -> Iterator[tuple[str, bytes]]:
    for name in FORMATS:
        whole = encoded(_colour(), name)
        for tenth in range(11):
            yield f"cut{tenth}.{name.lower()}", whole[: len(whole) * tenth // 10]


def _modes() -> Iterator[tuple[str, bytes]]:
    frames = [_colour().rotate(10 * n) for n in range(5)]
    for name in ("PNG", "WEBP", "GIF", "TIFF"):
        options = {"save_all": True, "append_images": frames[1:]}
        yield f"animated.{name.lower()}", encoded(frames[0], name, **options)
    for mode in ("CMYK", "YCbCr", "LAB", "I;16", "I", "F", "1", "P", "PA", "LA", "RGBA", "RGBX"):
        for name in FORMATS:
            try:
                yield f"{mode}.{name.lower()}", encoded(_colour().convert(mode), name)
            except (OSError, ValueError, KeyError):
                continue
    wide = Image.fromarray(np.arange(1_200, dtype=np.uint16).reshape(30, 40) * 50)
    yield "16bit.png", encoded(wide, "PNG")
    told = PngImagePlugin.PngInfo()
    told.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>&lol;</x:xmpmeta>")
    yield "xmp.png", encoded(_colour(), "PNG", pnginfo=told)
    yield "profile.jpg", encoded(_colour(), "JPEG", icc_profile=b"\xff" * 70_000)


def _vast() -> Iterator[tuple[str, bytes]]:
    side = 2**31 - 1
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    yield "vast.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x")
    for name, at, order, size in (
        ("GIF", 6, "<HH", 65_535),
        ("BMP", 18, "<ii", side),
        ("BMP", 18, "<ii", -5),
        ("BMP", 18, "<ii", 0),
    ):
        whole = bytearray(encoded(_colour(), name))
        struct.pack_into(order, whole, at, size, size)
        yield f"sides{size}.{name.lower()}", bytes(whole)
    yield "line.png", encoded(Image.new("1", (19_999, 1)), "PNG")
    yield "long_line.png", encoded(Image.new("1", (20_001, 1)), "PNG")
    yield "dot.gif", encoded(Image.new("P", (1, 1)), "GIF")


def _two_at_once() -> Iterator[tuple[str, bytes]]:
    jpeg, script = encoded(_colour(), "JPEG"), b"<script>alert(1)</script>"
    yield "page.jpg", b"<!doctype html><html>" + script
    yield "page_behind.jpg", jpeg + script
    yield "zip_behind.jpg", jpeg + b"PK\x03\x04" + bytes(60)
    yield "film_behind.jpg", jpeg + b"\0\0\0\x18ftypmp42" + bytes(9_000)
    yield "two.jpg", jpeg + jpeg
    yield "script.gif", b"GIF89a/*" + script + b"*/=1;"
    yield "pdf.png", b"%PDF-1.4\n1 0 obj<<>>endobj"
    yield "program.png", b"\x7fELF" + bytes(200)
    yield "gif.png", encoded(_colour(), "GIF")
    yield "zip.png", b"PK\x05\x06" + bytes(18)


def odd_objects() -> dict[str, bytes]:
    """JSON that parsers take in different ways."""
    text = '{"a": "é"}'
    deep = {f"deep{n}": b'{"a":' * n + b"1" + b"}" * n for n in (900, 100_000)}
    return deep | {
        "nan": b'{"a": NaN}',
        "infinity": b'[{"a": -Infinity}, {"a": 1e999}]',
        "surrogate": b'{"a": "\\ud800"}',
        "surrogates": b'{"a": "\\udc00\\ud800"}',
        "raw_surrogate": b'{"a": "\xed\xa0\x80"}',
        "overlong": b'{"a": "\xc0\xaf"}',
        "bom": b"\xef\xbb\xbf" + text.encode(),
        "utf16": text.encode("utf-16"),
        "utf32": text.encode("utf-32"),
        "latin": text.encode("latin-1"),
        "twice": b'{"a": "x", "a": {"b": 1}}',
        "digits": b'{"a": ' + b"9" * 10_000 + b"}",
        "small": b'{"a": 1e-9999}',
        "nul": b'{"a": "x\\u0000y"}',
        "zero": b'{"a": "x\x00y"}',
        "comma": b'[{"a": "x"},]',
        "behind": b'{"a": "x"} {"a": "y"}',
        "comment": b'{"a": 1 /* */}',
        "single": b"{'a': 'x'}",
        "scalar": b"7",
        "text": b'"a"',
        "empty": b"",
        "blank": b" \n\t",
        "types": b'[1, null, [], "a", {"a": []}, {"a": {"b": [[[]]]}}, {"a": true}, {"a": "fine"}]',
        "keys": b'{"": 1, "a\\u0000": 2, "__class__": 3, "a": "x"}',
        "cut": b'[{"a": "x"}, {"a": "',
        "controls": b'{"a": "\x01\x02"}',
        "escapes": '{"a": "\\u202e\\u0007 \u202e"}'.encode(),
        "many": b"[" + b'{"a": "x"},' * 3_000 + b'{"a": "y"}]',
    }


def odd_lines() -> dict[str, bytes]:
    """Lines of JSON with other ends, other encodings and other things between them."""
    one = b'{"text": "fine"}'
    return {
        "crlf": one + b"\r\n" + one + b"\r\n",
        "cr": one + b"\r" + one,
        "bom": b"\xef\xbb\xbf" + one,
        "bom_between": one + b"\n\xef\xbb\xbf" + one,
        "blank": b"\n\n" + one + b"\n \n\x0b\n",
        "no_end": one + b"\n" + one[:-3],
        "nul": one + b"\n\x00\x00\n" + one,
        "separators": '{"text": "a\u2028b\u0085c"}'.encode(),
        "bytes": b"\xff\xfe\n" + one,
        "list": b"[" + one + b"]",
        "html": b"<html>404</html>",
        "long": b'{"text": "' + b"x" * 9_000_000,
        "gzip_name": b"\x1f\x8b\x08" + bytes(40),
        "inside": b'{"text": "a\nb"}\n' + one,
        "types": b'{"text": 1}\n{"text": null}\n{"text": ["a"]}\n{"text": {"b": 1}}\n{"t": ""}\n7',
    }


def odd_cells() -> dict[str, bytes]:
    """CSV with formulas, open quotes, other encodings and rows of other lengths."""
    return {
        "formulas": b'text\n=1+1\n+1\n-1\n@SUM(A1)\n"=HYPERLINK(""http://h"")"\n\tx\n',
        "quote": b'text\n"open\n' + b"x,\n" * 5_000,
        "nul": b"text\na\x00b\n",
        "lengths": b"text\na,b,c\n\n",
        "bom": b"\xef\xbb\xbftext\na\n",
        "utf16": "text\na\n".encode("utf-16"),
        "cr": b"text\ra\rb\r",
        "twice": b"text,text\na,b\n",
        "no_head": b"",
        "only_head": b"text\n",
        "latin": b"text\ncaf\xe9\n",
        "wide": b",".join(b"c%d" % n for n in range(20_000)) + b",text\n" + b"1," * 20_000 + b"a\n",
        "long": b"text\n" + b"x" * 3_000_000 + b"\n",
        "semicolon": b"text;b\na;c\n",
        "binary": bytes(range(256)),
    }


def odd_columns() -> dict[str, bytes]:
    """Parquet files of types nobody asked for, of no rows, and of many rows in few bytes."""
    deep: object = "x"
    for _ in range(60):
        deep = [deep]
    tables = {
        "none": pa.table({"a": pa.array([], pa.string())}),
        "nulls": pa.table({"a": pa.nulls(5)}),
        "numbers": pa.table({"a": [1.0, float("nan"), float("inf"), -0.0]}),
        "bytes": pa.table({"a": pa.array([b"\xff", b"\xed\xa0\x80", b""], pa.binary())}),
        "invalid": pa.table({"a": pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())}),
        "deep": pa.table({"a": [deep]}),
        "map": pa.table({"a": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))}),
        "time": pa.table({"a": pa.array([2**62], pa.timestamp("ns"))}),
        "date": pa.table({"a": pa.array([0, 2**62, 1], pa.timestamp("us"))}),
        "names": pa.table([["x"], ["y"]], ["a", "a"]),
        "other": pa.table({"b": ["x"]}),
        "wide": pa.table({f"c{n}": [n] for n in range(3_000)} | {"a": ["x"]}),
        "repeated": pa.table({"a": pa.array(["x"] * 20_000).dictionary_encode()}),
    }
    made = {}
    for name, table in tables.items():
        out = io.BytesIO()
        pq.write_table(table, out)
        made[name] = out.getvalue()
    whole = made["numbers"]
    cuts = {f"cut{n}": whole[: len(whole) * n // 10] for n in range(10)}
    return (
        made
        | cuts
        | {"magic": b"PAR1" * 2, "csv": b"a\nb\n", "size": whole[:-8] + b"\xff" * 4 + b"PAR1"}
    )


def odd_pages() -> dict[str, bytes]:
    """Pages with entities, open tags, other encodings and depths that parsers do not like."""
    entities = [b'<!ENTITY a0 "haha">']
    entities += [b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)]
    billion = b"<!DOCTYPE l [" + b"".join(entities) + b"]><p>&a11;</p>"
    return {
        "entities": billion,
        "deep": b"<div>" * 90_000 + b"x",
        "tables": b"<table><tr><td>" * 4_000,
        "attributes": b"<p " + b"".join(b"a%d=1 " % n for n in range(60_000)) + b">x</p>",
        "open": b"<p>x<!--" + b"y" * 90_000,
        "script": b"<script>" + b"<p>x</p>" * 900,
        "nul": b"<p>a\x00b</p>",
        "utf16": "<p>words of a page</p>".encode("utf-16"),
        "charset": b"<meta charset=utf-7><p>+ADw-b+AD4-",
        "two": b"<meta charset=utf-8><meta charset=big5><p>\xa4\xa4\xff</p>",
        "none": b"",
        "text": b"no tags",
        "span": b"<table><tr><td colspan=999999999 rowspan=999999999>x</table>",
        "xml": b"<?xml version='1.0'?><a/>",
        "pictures": b"<p>x</p>" + b"<img src='data:image/png;base64,AAAA'>" * 2_000,
        "base": b"<base href='file:///etc/'><p>x</p><img src=passwd>",
        "marks": "<p>\u202e\u0000\ufeffx</p>".encode(),
    }
