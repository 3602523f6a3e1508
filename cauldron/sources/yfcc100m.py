"""YFCC100M: pictures of Flickr under Creative Commons licences, with titles and descriptions.

Thomee et al. 2016, YFCC100M: The New Data in Multimedia Research, arXiv:1503.01817. Read are its
tab-separated files and its SQLite file (texts are written as in web addresses), and tables of the
same fields. Title
and description become the caption; names of files that cameras give are no titles. Each picture
has a licence of its own, which the sample keeps.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

from cauldron.phrasing import text
from cauldron.readers import csv_rows, sqlite_rows
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject, Skip
from cauldron.sources._downloads import download_forms
from cauldron.sources._pairs import Pair, kept, list_form, table_form
from cauldron.sources.base import Source

_FIELDS = (
    "photoid uid unickname datetaken dateuploaded capturedevice title description usertags "
    "machinetags longitude latitude accuracy pageurl downloadurl licensename licenseurl serverid "
    "farmid secret secretoriginal ext marker"
).split()
_WRITTEN = ("title", "description", "unickname", "usertags")
_COLUMNS = [f"c{number}" for number in range(len(_FIELDS) + 2)]
_CAMERA = re.compile(
    r"(?:img|dsc|dscn|dscf|pict?|p|mvi|sam|gopr|cimg|imgp|_mg|photo|image|scan)?"
    r"[ _-]*\d[\d _().-]*(?:\.(?:jpe?g|png|gif|tiff?|cr2|nef))?",
    re.I,
)
_NOT_LINES = (".bz2", ".sql", ".db", ".sqlite", ".parquet", "subset_data.tsv")
_DATABASES = ("yfcc100m_dataset.sql", "yfcc100m_dataset.db", "yfcc100m_dataset.sqlite")
_TABLE = "yfcc100m_dataset"
_BREAK = re.compile(r"<(?:br|/p|/?div)\b[^<>]{0,500}>", re.I)
_TAG = re.compile(r"<[^<>]{1,500}>")
_LICENSE = re.compile(r"creativecommons\.org/(?:licenses/([a-z-]+)|publicdomain/(\w+))/([\d.]+)")


def _files(raw: Raw, split: str) -> list[Found]:
    if split != "train":
        return []
    found = raw.find("yfcc100m_dataset*", "yfcc*.tsv", "yfcc*.txt")
    return [file for file in found if not file.path.endswith(_NOT_LINES)]


def _rows(raw: Raw, file: Found, split: str) -> Iterator[Row]:
    yield from csv_rows(raw, file, split, "yfcc100m", columns=_COLUMNS, delimiter="\t", quote="")


def _read(row: Row) -> Pair | Reject | Skip:
    """Read a line of 23 columns, or of 25 with a line number and a hash around the photo's id."""
    cells = [row.data[name] for name in _COLUMNS]
    if row.record == "0" and "downloadurl" in map(str.lower, cells):
        return Skip(reason="head_row")
    shifted = bool(cells[-1] or cells[-2])
    cells = [cells[1], *cells[3:]] if shifted else cells[: len(_FIELDS)]
    if len(cells) < len(_FIELDS) or not cells[14].startswith("http"):
        return Reject(reason="malformed_record", detail="not the columns of YFCC100M")
    fields = dict(zip(_FIELDS, cells, strict=False))
    return _spelt(row, fields)


def _spelt(row: Row, fields: Mapping[str, str]) -> Pair | Skip:
    """Return the pair of a record whose texts are written as in web addresses."""
    spelt = {name: unquote_plus(fields[name]) for name in _WRITTEN}
    return _told(row, {**fields, **spelt})


def _databases(raw: Raw, split: str) -> list[Found]:
    return raw.find(*_DATABASES) if split == "train" else []


def _database_rows(raw: Raw, file: Found, split: str) -> Iterator[Row]:
    yield from sqlite_rows(raw, file, split, "yfcc100m", _TABLE, _FIELDS)


def _told(row: Row, fields: Mapping[str, Any]) -> Pair | Skip:
    if str(fields.get("marker")) in ("1", "True"):
        return Skip(reason="video")
    title = _clean(fields.get("title"))
    told = ["" if _CAMERA.fullmatch(title) else title, _clean(fields.get("description"))]
    caption = "\n".join(dict.fromkeys(filter(None, told)))
    if not caption:
        return Skip(reason="no_caption")
    about = ("photoid", "uid", "pageurl", "licensename", "licenseurl")
    return Pair(
        caption=caption,
        url=text(fields.get("downloadurl") or fields.get("url") or ""),
        extra=kept({name: fields.get(name) for name in about}),
        license=_license(text(fields.get("licenseurl") or "")),
    )


def _clean(value: object) -> str:
    """Return a text without marks of HTML, entities spelt out (also those written twice)."""
    spelt = html.unescape(html.unescape(text(value or "")))
    return _TAG.sub("", _BREAK.sub("\n", spelt)).replace("\r\n", "\n").strip()


def _license(url: str) -> str | None:
    """Return the SPDX id of a licence by its address, None where it is not one of these."""
    match = _LICENSE.search(url)
    if not match:
        return None
    if match[2]:
        return "CC0-1.0" if match[2] == "zero" else "CC-PDDC"
    return f"CC-{match[1].upper()}-{match[3]}"


SOURCE = Source(
    name="yfcc100m",
    forms=(
        list_form(
            "yfcc100m",
            "official",
            _files,
            _rows,
            _read,
            "yfcc100m_dataset (tab-separated, plain or packed, whole or in parts), a store of its "
            "pictures (img2dataset)",
            splits={"train": ("train",)},
        ),
        list_form(
            "yfcc100m",
            "sqlite",
            _databases,
            _database_rows,
            lambda row: _spelt(row, row.data),
            "yfcc100m_dataset.sql (SQLite), a store of its pictures",
            splits={"train": ("train",)},
        ),
        table_form(
            "yfcc100m",
            {"title", "description", "downloadurl"}.issubset,
            lambda row: _told(row, row.data),
            "Parquet of these fields (title, description, downloadurl, licenseurl)",
        ),
        *download_forms("yfcc100m"),
    ),
)
