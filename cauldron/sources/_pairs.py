"""Image-text pairs: a picture, then its caption, from lists of addresses or from downloads.

A list names pictures by web address or by file; nothing is fetched. A picture comes from a store
below the raw folders (the outputs of img2dataset, or a mirror under `host/path`), and a pair whose
picture is not there is skipped with a counted reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.readers import columns, open_parquet, parquet_groups
from cauldron.readers.raw import Found, Raw, Row
from cauldron.readers.store import store_of
from cauldron.sample import Draft, Picture, Reject, Skip
from cauldron.sources._layouts import SPLITS, split_names, splits_of
from cauldron.sources._opt_out import OPT_OUT, has_picture, list_of
from cauldron.sources._options import one_of
from cauldron.sources._places import stem
from cauldron.sources.base import Form, Option
from cauldron.web.opt_out import OptOut

UNSAFE_TAGS = ("NSFW", "UNSURE")  # Idefics2, filters of LAION COCO
NSFW = Option(
    name="nsfw",
    read=one_of("drop", "keep"),
    help="pairs that their set tags NSFW or UNSURE; drop at first, as for Idefics2",
)
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError)
_TAGS = ("nsfw", "NSFW")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A pair as a set tells it.

    Args:
        url: the address of the picture, looked for in the store.
        picture: the picture itself, or places of its file; looked for before the address.
        extra: what is kept beside it.
        license: of this pair, where it differs from the card's.
    """

    caption: str
    url: str = ""
    picture: Picture | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    license: str | None = None


Read = Callable[[Row], Pair | Reject | Skip]
Opened = Callable[[Row, Raw], Iterable[Row | Reject]]


def unless_opted_out(opener: Opened) -> Opened:
    """Return an opener of pairs that passes by those on the list that was asked for."""

    def opened(row: Row, raw: Raw) -> Iterator[Row | Reject]:
        opted_out = list_of(row)
        for one in opener(row, raw):
            if opted_out and isinstance(one, Row) and _is_opted_out(opted_out, one, raw):
                one = replace(one, data={**one.data, "pair": Skip(reason="opted_out")})
            yield one

    return opened


def _is_opted_out(opted_out: OptOut, row: Row, raw: Raw) -> bool:
    """Say whether the list has the picture of a pair, or an address that the pair tells."""
    pair = row.data["pair"]
    if not isinstance(pair, Pair):
        return False
    told = [pair.url, *(value for value in pair.extra.values() if isinstance(value, str))]
    if any(opted_out.has_address(value) for value in told if "://" in value):
        return True
    return pair.picture is not None and has_picture(opted_out, pair.picture, raw, row.folder)


def as_read(read: Read) -> Opened:
    """Return an opener of listed rows: each is read, and its picture looked up by address."""

    def opened(row: Row, raw: Raw) -> Iterator[Row | Reject]:
        rows = open_parquet(row, raw) if _is_run(row) else (row,)
        for one in rows:
            yield one if isinstance(one, Reject) else _looked_up(one, raw, read)

    return opened


def _is_run(row: Row) -> bool:
    return isinstance(row.data, dict) and row.data.keys() == {"url", "start", "count"}


def _looked_up(row: Row, raw: Raw, read: Read) -> Row:
    try:
        pair = read(row)
    except _MALFORMED as error:
        pair = Reject(reason="malformed_record", detail=f"{type(error).__name__}: {error}"[:300])
    if isinstance(pair, Pair) and pair.url and not _is_there(pair, raw):
        try:
            found = store_of(raw).find(pair.url)
        except StorageError as error:
            pair = Reject(reason="image_unreadable", detail=str(error)[:300])
        else:
            name = pair.picture.path if pair.picture else _name(pair.url)
            pair = (
                Skip(reason="no_image_resolved", detail=pair.url)
                if found is None
                else replace(pair, picture=Picture(path=name, bytes=found))
            )
    fields = row.data if isinstance(row.data, dict) else {}
    return replace(row, data={**fields, "pair": pair})


def _is_there(pair: Pair, raw: Raw) -> bool:
    """Say whether a picture is at hand or under one of its places."""
    if pair.picture is None:
        return False
    if pair.picture.bytes is not None:
        return True
    try:
        return raw.picture(pair.picture.candidates, LIMITS.max_image_bytes) is not None
    except StorageError:
        return True  # reading will say why


def _name(url: str) -> str:
    try:
        return unquote(urlsplit(url).path.rpartition("/")[2])[-200:]
    except ValueError:
        return ""


def convert(row: Row) -> Draft | Reject | Skip:
    """Return an opened row as a document of its picture and its caption."""
    pair = row.data["pair"]
    if not isinstance(pair, Pair):
        assert isinstance(pair, Reject | Skip)
        return pair
    tag = next((str(pair.extra[name]) for name in _TAGS if pair.extra.get(name)), "")
    if tag.upper() in UNSAFE_TAGS and row.options.get("nsfw", "drop") == "drop":
        return Skip(reason="nsfw_tag", detail=tag)
    if not pair.caption.strip():
        return Reject(reason="empty_caption")
    if pair.picture is None:
        return Reject(reason="image_missing", detail="no address and no file")
    extra = {**pair.extra, "url": pair.url} if pair.url else pair.extra
    return Draft(
        images=(pair.picture,),
        parts=(0, pair.caption.strip()),
        extra=extra,
        license=pair.license,
    )


def kept(fields: Mapping[str, Any], *without: str) -> dict[str, Any]:
    """Return the fields of a record that are not empty and not named, as JSON can hold them."""
    gone = {"exif", *without}
    return {
        name: value if isinstance(value, str | int | float | list | dict) else str(value)
        for name, value in fields.items()
        if name not in gone and value not in (None, "", []) and not isinstance(value, bytes)
    }


def list_form(
    source: str,
    name: str,
    files: Callable[[Raw, str], list[Found]],
    rows: Callable[[Raw, Found, str], Iterator[Row]],
    read: Read,
    wanted: str,
    *,
    key: Callable[[Row], str] | None = None,
    splits: Mapping[str, tuple[str, ...]] = SPLITS,
    options: tuple[Option, ...] = (),
    pictures: str = "",
) -> Form:
    """Return the form of a published list.

    Args:
        rows: the rows of one file.
        key: what names a row, of the fields as listed; file and number when not given.
        pictures: what to download besides, where pictures are named by file.
    """

    def all_rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        for file in found:
            yield from rows(raw, file, split)

    return Form(
        name=name,
        files=files,
        splits=splits_of(files, splits),
        rows=all_rows,
        key=key or (lambda row: f"{stem(row.file)}/{row.record}"),
        convert=convert,
        open=unless_opted_out(as_read(read)),
        wanted=wanted,
        options=(*options, OPT_OUT),
        pictures=pictures,
    )


def table_form(
    source: str,
    fits: Callable[[set[str]], bool],
    read: Read,
    wanted: str,
    *,
    name: str = "mirror",
    options: tuple[Option, ...] = (),
) -> Form:
    """Return the form of Parquet files of any name that have such columns."""

    def files(raw: Raw, split: str) -> list[Found]:
        found = [file for file in raw.find("*.parquet") if split_of(file) == split_names(split)[0]]
        known = [(file, columns(file)) for file in found]
        some = any(has and fits(has) for _, has in known)
        return [file for file, has in known if some and (not has or fits(has))]

    def rows(raw: Raw, file: Found, split: str) -> Iterator[Row]:
        return parquet_groups(raw, file, split, source)

    return list_form(
        source,
        name,
        files,
        rows,
        read,
        wanted,
        key=lambda row: f"{row.file.removesuffix('.parquet')}/{row.record}",
        options=options,
    )


def split_of(file: Found) -> str:
    """Return the split that a file's name begins with; one that tells none is train."""
    word = PurePosixPath(file.path).name.lower().replace("_", "-").replace(".", "-").split("-")[0]
    return next((split for split, names in SPLITS.items() if word in names), "train")
