"""WIT: pictures of Wikipedia with the captions and descriptions around them.

Srinivasan et al. 2021, WIT: Wikipedia-based Image Text Dataset for Multimodal Multilingual Machine
Learning, arXiv:2103.01913. Of each row the first text that is there is taken: the caption under the
picture, its description on Commons, its alt text. English rows are read at first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cauldron.phrasing import text
from cauldron.readers import csv_rows
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject, Skip
from cauldron.sources._downloads import download_forms
from cauldron.sources._layouts import split_names
from cauldron.sources._options import one_of
from cauldron.sources._pairs import Pair, kept, list_form
from cauldron.sources.base import Option, Source

_TEXTS = {
    "reference": "caption_reference_description",
    "attribution": "caption_attribution_description",
    "alt": "caption_alt_text_description",
}
_NAMES = {
    "train": ("wit_v1.train.*.tsv", "wit_v1.train.tsv"),
    "val": ("wit_v1.val.*.tsv",),
    "test": ("wit_v1.test.*.tsv",),
}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9-]{1,12})?|all")
_ENGLISH = re.compile(r"^English:\s*")
_ABOUT = ("language", "page_url", "page_title", "section_title", "mime_type", "is_main_image")
_DRAWINGS = ("image/svg", "image/gif+xml")


def _language(words: str) -> str:
    if not _LANGUAGE.fullmatch(words):
        raise ValueError("a language such as en, or all, is expected")
    return words


def _files(raw: Raw, split: str) -> list[Found]:
    own = raw.find(*_NAMES.get((split_names(split) or ("",))[0], ()))
    if own or split != "train" or raw.find(*(n for names in _NAMES.values() for n in names)):
        return own
    return [found for found in raw.find("*.tsv") if _is_wit(raw, found)]


def _is_wit(raw: Raw, found: Found) -> bool:
    """Say whether a list of another name, a part of it, has the columns of WIT."""
    with raw.open(found.url) as stream:
        head = stream.readline(10_000)
    return {b"language", b"image_url"} <= set(head.strip().split(b"\t"))


def _rows(raw: Raw, file: Found, split: str) -> Iterator[Row]:
    yield from csv_rows(raw, file, split, "wit", delimiter="\t")


def _read(row: Row) -> Pair | Reject | Skip:
    data = row.data
    wanted = row.options.get("language", "en")
    if wanted not in ("all", data["language"]):
        return Skip(reason="other_language", detail=text(data["language"]))
    if text(data.get("mime_type") or "").startswith(_DRAWINGS):
        return Skip(reason="image_svg")
    choice = row.options.get("caption", "first")
    names = [choice] if choice in _TEXTS else list(_TEXTS)
    found = [said for name in names if (said := _said(data.get(_TEXTS[name])))]
    caption = "\n".join(dict.fromkeys(found)) if choice == "all" else next(iter(found), "")
    if not caption:
        return Skip(reason="no_caption")
    return Pair(
        caption=caption,
        url=text(data["image_url"]),
        extra=kept({name: data.get(name) for name in _ABOUT}),
    )


def _said(value: object) -> str:
    return _ENGLISH.sub("", text(value or "")).strip()


SOURCE = Source(
    name="wit",
    forms=(
        list_form(
            "wit",
            "official",
            _files,
            _rows,
            _read,
            "wit_v1.train.all-00000-of-00010.tsv.gz and its like of google-research-datasets/wit, "
            "and a store of their pictures (img2dataset)",
            splits=_NAMES,
            options=(
                Option(name="language", read=_language, help="en at first; all for every one"),
                Option(
                    name="caption",
                    read=one_of("first", "all", *_TEXTS),
                    help="which text of a picture; first: the first of these that is there",
                ),
            ),
        ),
        *download_forms("wit"),
    ),
)
