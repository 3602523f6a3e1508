"""Lists of two columns without a head: an address and a caption, as Conceptual Captions has."""

from __future__ import annotations

from collections.abc import Iterator

from cauldron.readers import csv_rows
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject, Skip
from cauldron.sources._downloads import download_forms
from cauldron.sources._layouts import Names, split_names
from cauldron.sources._pairs import Pair, list_form
from cauldron.sources.base import Form

_HEADS = ({"caption", "url"}, {"caption", "image_url"}, {"text", "url"})


def two_column_forms(source: str, names: Names, wanted: str) -> tuple[Form, ...]:
    """Return the forms of such a set.

    The two columns stand in either order: the address is the one that begins like one.
    """

    def files(raw: Raw, split: str) -> list[Found]:
        own = raw.find(*names.get((split_names(split) or ("",))[0], ()))
        if own or split != "train" or raw.find(*(n for listed in names.values() for n in listed)):
            return own
        return raw.find("*.tsv")  # a part of it under another name

    def rows(raw: Raw, file: Found, split: str) -> Iterator[Row]:
        columns = ("one", "two")
        yield from csv_rows(raw, file, split, source, columns=columns, delimiter="\t", quote="")

    listed = list_form(source, "official", files, rows, _read, wanted, splits=names)
    return (listed, *download_forms(source))


def _read(row: Row) -> Pair | Reject | Skip:
    one, two = row.data["one"].strip(), row.data["two"].strip()
    if row.record == "0" and {one.lower(), two.lower()} in _HEADS:
        return Skip(reason="head_row")
    if _is_address(one) and not _is_address(two):
        one, two = two, one
    if not _is_address(two):
        return Reject(reason="malformed_record", detail="no address in either column")
    return Pair(caption=one, url=two)


def _is_address(words: str) -> bool:
    return words.lower().startswith(("http://", "https://", "//"))
