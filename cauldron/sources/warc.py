"""WARC: web archives (and the older ARC), one interleaved document for each HTML page in them.

Pictures come from the archives themselves, through redirects, and from a store or mirror of
pictures below the raw roots; nothing is fetched. Of pages with one address the newest is taken.
Records that are no pages are counted by what they are, damaged ones are quarantined by offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from cauldron.errors import StorageError
from cauldron.media.http_body import BodyError, plain_body
from cauldron.readers.crawl import FileIndex, archive_files, crawl_of, refused
from cauldron.readers.raw import Found, Raw, Row
from cauldron.readers.store import store_of
from cauldron.readers.warc import read_record
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._opt_out import OPT_OUT
from cauldron.sources._pages import (
    COMPAT,
    FILTERS,
    PAGE_WEIGHT,
    absent_pictures,
    opened_page,
    page_draft,
)
from cauldron.sources.base import Form, Source


def _files(raw: Raw, split: str) -> list[Found]:
    return archive_files(raw) if split == "train" else []


def _splits(raw: Raw) -> list[str]:
    return ["train"] if _files(raw, "train") else []


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    """Yield a row for each page and each damaged place, then one for the rest of each file."""
    for file in found:
        told = refused(file)
        if told:
            yield _row(file, split, "", Reject(reason=told[0], detail=told[1]))
    crawl = crawl_of(raw)
    for index, (file, pages, newest) in zip(crawl.files, crawl.pages(), strict=True):
        for reason, offset, detail in index.damaged:
            yield _row(file, split, str(offset), Reject(reason=reason, detail=detail))
        for page in pages[newest]:
            data = {
                "url": file.url,
                "offset": int(page["offset"]),
                "length": int(page["length"]),
                "unpacked": bool(page["unpacked"]),
            }
            yield _row(file, split, str(data["offset"]), data, PAGE_WEIGHT)
        left_out = _left_out(index, int((~newest).sum()))
        if left_out:
            yield _row(file, split, "", {"left_out": left_out})


def _left_out(index: FileIndex, older: int) -> dict[str, int]:
    return {**index.others, **({"older_copy": older} if older else {})}


def _row(file: Found, split: str, record: str, data: Any, weight: int = 1) -> Row:
    return Row(
        file=file.path,
        record=record,
        data=data,
        folder=file.folder,
        split=split,
        source="warc",
        weight=weight,
    )


def _open(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    """Read a page and its pictures; of the records left out each is one to skip."""
    if "left_out" in row.data:
        for reason, number in sorted(row.data["left_out"].items()):
            for count in range(number):
                yield replace(row, record=f"{reason} {count}", data={"skipped": reason})
        return
    try:
        record = read_record(row.data["url"], row.data["offset"], row.data["unpacked"])
        body = plain_body(record.body, record.head.headers if record.head else {})
    except StorageError as error:
        yield replace(row, data=Reject(reason="warc_record_damaged", detail=error.message))
        return
    except BodyError as error:
        yield replace(row, data=Reject(reason=error.reason, detail=error.detail))
        return
    facts = {
        "url": record.url,
        "crawled": record.date,
        "warc_filename": row.file,
        "warc_record_offset": row.data["offset"],
        "warc_record_length": row.data["length"],
    }
    row = replace(row, data={**row.data, "facts": facts})

    def look_up(address: str) -> bytes | str:
        return _look_up(address, raw)

    for opened in opened_page(row, look_up, body, url=record.url, charset=record.charset):
        if record.truncated and not isinstance(opened.data, Reject):
            notes = {**opened.data["notes"], "page_truncated": 1}
            opened = replace(opened, data={**opened.data, "notes": notes})
        yield opened


def _look_up(address: str, raw: Raw) -> bytes | str:
    found = crawl_of(raw).picture(address)
    if found is None:
        found = store_of(raw).find(address)
    return "image_unresolved" if found is None else found


def _convert(row: Row) -> Draft | Reject | Skip:
    if "skipped" in row.data:
        return Skip(reason=row.data["skipped"])
    return page_draft(row, row.data["facts"])


def _key(row: Row) -> str:
    if "offset" in row.data:
        return f"{row.file}/{row.record}"
    return f"{row.file} {row.record or 'left out'}"


SOURCE = Source(
    name="warc",
    forms=(
        Form(
            name="interleaved",
            files=_files,
            splits=_splits,
            rows=_rows,
            key=_key,
            convert=_convert,
            open=_open,
            absent=absent_pictures,
            options=(COMPAT, FILTERS, OPT_OUT),
            wanted="WARC or ARC files (.warc, .arc, also as .gz, .zst, .xz, .bz2), "
            "and where you have them folders of pictures",
        ),
    ),
)
