"""Bytes of a web page to text: which encoding, and who said so.

The order is that of browsers: byte order mark, HTTP header, what the page declares, a look at the
bytes, then windows-1252. Labels mean what the WHATWG encoding table says they mean. Saved pages are
often UTF-8 and still declare what they were: bytes that are UTF-8 throughout are read as such.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"))
_META_BYTES = 4096  # browsers look at 1024; generators put long comments in front
_BEYOND_CHANCE = 40  # bytes that only continue a character
_DECLARED = re.compile(
    rb"""<meta\b[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)"""
    rb"""|<\?xml\b[^>]*?encoding\s*=\s*["']([\w.:-]+)""",
    re.IGNORECASE,
)

_LABELS = {
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 x-unicode20utf8",
    "cp1252": "windows-1252 cp1252 x-cp1252 iso-8859-1 iso8859-1 iso_8859-1 latin1 l1 ascii "
    "us-ascii cp819 ansi_x3.4-1968",
    "cp1250": "windows-1250 cp1250 x-cp1250",
    "cp1251": "windows-1251 cp1251 x-cp1251",
    "cp1253": "windows-1253 cp1253",
    "cp1254": "windows-1254 cp1254 iso-8859-9 latin5",
    "cp1255": "windows-1255 cp1255",
    "cp1256": "windows-1256 cp1256",
    "cp1257": "windows-1257 cp1257",
    "cp1258": "windows-1258 cp1258",
    "cp874": "windows-874 tis-620 iso-8859-11",
    "cp866": "ibm866 cp866 866",
    "iso8859-2": "iso-8859-2 iso8859-2 latin2",
    "iso8859-3": "iso-8859-3 latin3",
    "iso8859-4": "iso-8859-4 latin4",
    "iso8859-5": "iso-8859-5 cyrillic",
    "iso8859-6": "iso-8859-6 arabic",
    "iso8859-7": "iso-8859-7 greek",
    "iso8859-8": "iso-8859-8 iso-8859-8-i hebrew",
    "iso8859-10": "iso-8859-10 latin6",
    "iso8859-13": "iso-8859-13",
    "iso8859-14": "iso-8859-14",
    "iso8859-15": "iso-8859-15 latin9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "koi8-r koi8 koi",
    "koi8-u": "koi8-u koi8-ru",
    "mac-roman": "macintosh mac x-mac-roman",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "gb18030 gb2312 gbk x-gbk gb_2312-80 chinese csgb2312",
    "big5hkscs": "big5 big5-hkscs cn-big5 x-x-big5",
    "euc_jp": "euc-jp x-euc-jp",
    "iso2022_jp": "iso-2022-jp",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji windows-31j ms932",
    "cp949": "euc-kr ks_c_5601-1987 ksc5601 korean windows-949",
}
_CODECS = {label: codec for codec, labels in _LABELS.items() for label in labels.split()}
# A page that declares UTF-16 in readable ASCII is not UTF-16 (WHATWG prescan).
_CODECS |= {"utf-16": "utf-8", "utf-16le": "utf-8", "utf-16be": "utf-8"}
_GUESSES = ("cp932", "euc_jp", "gb18030", "big5hkscs", "cp949", "cp1251", "koi8-r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The text of a page in UTF-8; `by` is `bom`, `http`, `meta`, `guess` or `fallback`."""

    octets: bytes
    encoding: str
    by: str

    @property
    def text(self) -> str:
        """The text of the page."""
        return self.octets.decode()


def decode(data: bytes, http: str = "") -> Decoded:
    """Decode a web page; bytes that do not fit become U+FFFD.

    Args:
        http: the charset of the HTTP header, when there was one.
    """
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return _as(data[len(mark) :], codec, "bom")
    declared = _DECLARED.search(data, 0, _META_BYTES)
    named = (declared[1] or declared[2]).decode("ascii", "replace") if declared else ""
    for label, by in ((http, "http"), (named, "meta")):
        codec = _CODECS.get(label.strip().lower(), "")
        if codec and codec != "utf-8":
            stale = by == "meta" and _is_utf8_throughout(data)
            return _as(data, "utf-8", "guess") if stale else _as(data, codec, by)
        if codec and (octets := _from_utf8(data)) is not None:
            return Decoded(octets=octets, encoding=codec, by=by)
    if (octets := _from_utf8(data)) is not None:
        return Decoded(octets=octets, encoding="utf-8", by="guess")
    codec = max(_GUESSES, key=lambda name: _likeness(data, name))
    return (
        _as(data, codec, "guess") if _likeness(data, codec) > 0 else _as(data, "cp1252", "fallback")
    )


def _as(data: bytes, codec: str, by: str) -> Decoded:
    octets = data.decode(codec, "replace").encode(errors="ignore")
    return Decoded(octets=octets, encoding=codec, by=by)


def _from_utf8(data: bytes) -> bytes | None:
    """Return bytes that are UTF-8, up to one broken character in a thousand bytes, repaired."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
        is_text = text.count("\ufffd") * 1000 < len(data) - 999
        return text.encode() if is_text else None
    return data


def _is_utf8_throughout(data: bytes) -> bool:
    """Say whether the bytes are UTF-8 and too many of them are not ASCII for that to be chance."""
    try:
        return len(data) - len(data.decode("utf-8")) >= _BEYOND_CHANCE
    except UnicodeDecodeError:
        return False


_FREQUENT = {
    "cp932": re.compile("[\u3041-\u3093\u30a1-\u30f3]"),
    "euc_jp": re.compile("[\u3041-\u3093\u30a1-\u30f3]"),
    "gb18030": re.compile("[的一是不了在人有我他这中大来上国]"),
    "big5hkscs": re.compile("[的一是不了在人有我他這中大來上國]"),
    "cp949": re.compile("[이의는을를가에다고하]"),
    "cp1251": re.compile("[оеаинтсрвл]"),
    "koi8-r": re.compile("[оеаинтсрвл]"),
}


def _likeness(data: bytes, codec: str) -> float:
    """Return the share of frequent letters of a language among all letters that are not ASCII."""
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return 0.0
    foreign = [c for c in text if c > "\x7f"]
    share = len(_FREQUENT[codec].findall(text)) / max(len(foreign), 1)
    floor = 0.5 if codec in ("cp1251", "koi8-r") else 0.08
    return share if share >= floor and len(foreign) >= 8 else 0.0
