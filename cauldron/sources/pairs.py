"""Any set of image-text pairs: tables and lists with a picture and a text, or downloads of them.

For your own pairs and for sets without a source of their own. A picture is an address, looked for
in a store below the raw folders, or a file. Columns are found by their usual names, or named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cauldron.errors import SourceError, StorageError
from cauldron.phrasing import text
from cauldron.readers import columns, csv_rows, parquet_groups
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Picture, Reject
from cauldron.sources._downloads import PICTURES, download_forms
from cauldron.sources._layouts import split_names
from cauldron.sources._pairs import NSFW, Pair, kept, list_form, split_of
from cauldron.sources._places import cell_picture
from cauldron.sources._records import records
from cauldron.sources.base import Option, Source

IMAGES = ("image", "image_path", "img_path", "filepath", "file_name", "filename", "file", "path")
ADDRESSES = ("url", "image_url", "img_url", "image_link", "image")
TEXTS = ("caption", "text", "txt", "title", "description", "alt_text", "alt")
_TABLES = ("*.jsonl", "*.json", "*.tsv", "*.csv")
_FIELD = Option(name="image", read=str, help="the column of the picture or of its address")
_TEXT = Option(name="text", read=str, help="the column of the text")
_HTTP = ("http://", "https://")


def _files(raw: Raw, split: str) -> list[Found]:
    """Return tables of one kind, Parquet before the others, whose first record has both.

    A file beside a picture of its name is that picture's sidecar, and no table.
    """
    pictures = {file.url.rpartition(".")[0] for file in raw.find(*(f"*.{e}" for e in PICTURES))}
    for pattern in ("*.parquet", *_TABLES):
        found = [file for file in raw.find(pattern) if split_of(file) == split_names(split)[0]]
        alone = [file for file in found if file.url.rpartition(".")[0] not in pictures]
        fits = [file for file in alone if _fits(raw, file, split)]
        if fits:
            return fits
    return []


def _fits(raw: Raw, file: Found, split: str) -> bool:
    """Say whether the first record has a picture and a text, and is no account of a download."""
    if file.path.endswith(".parquet"):
        names = {name.lower() for name in columns(file)}
    else:
        try:
            first = next(_rows(raw, file, split), None)
        except (SourceError, StorageError):
            return False
        data = first.data if first else None
        names = {str(name).lower() for name in data} if isinstance(data, dict) else set()
    told = bool(names & {*TEXTS}) and bool(names & {*IMAGES, *ADDRESSES})
    return told and "status" not in names


def _rows(raw: Raw, file: Found, split: str) -> Iterator[Row]:
    if file.path.endswith(".parquet"):
        yield from parquet_groups(raw, file, split, "pairs")
    elif file.path.endswith((".jsonl", ".json")):
        yield from records(raw, file, split, "pairs")
    else:
        delimiter = "," if file.path.endswith(".csv") else "\t"
        yield from csv_rows(raw, file, split, "pairs", delimiter=delimiter)


def _read(row: Row) -> Pair | Reject:
    fields = {name.lower(): value for name, value in row.data.items()}
    said = _first(fields, (row.options["text"].lower(),) if "text" in row.options else TEXTS)
    own = (row.options["image"].lower(),) if "image" in row.options else ()
    address = next(
        (v for v in _values(fields, own or ADDRESSES) if isinstance(v, str) and _is_address(v)), ""
    )
    cell = next((v for v in _values(fields, own or IMAGES) if not _is_address(v)), None)
    if cell is None and not address:
        return Reject(reason="image_missing", detail="no address and no file")
    picture = cell_picture(row, cell) if isinstance(cell, dict | bytes) else None
    if isinstance(cell, str):
        name = cell.removeprefix("./")
        picture = Picture(path=name.rpartition("/")[2], candidates=(row.near(name), name))
    return Pair(
        caption=text(said or ""),
        url=address,
        picture=picture,
        extra=kept(row.data, *(name for name in row.data if name.lower() in _TAKEN)),
    )


_TAKEN = {*IMAGES, *ADDRESSES, *TEXTS}


def _values(fields: Mapping[str, Any], names: Iterable[str]) -> list[Any]:
    return [fields[name] for name in names if fields.get(name)]


def _first(fields: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next(iter(_values(fields, names)), "")


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value.lower().startswith(_HTTP)


SOURCE = Source(
    name="pairs",
    forms=(
        list_form(
            "pairs",
            "official",
            _files,
            _rows,
            _read,
            "Parquet, JSON, JSON lines, TSV or CSV with a column of pictures (image, url, ...) and "
            "one of texts (caption, text, ...)",
            key=lambda row: f"{row.file.rpartition('.')[0]}/{row.record}",
            options=(NSFW, _FIELD, _TEXT),
        ),
        *download_forms("pairs"),
    ),
)
