"""Paragraphs and pictures that leave a document while it is read, when the user asks for it.

`--option filters=obelics` applies the node-level filters of OBELICS with their published
thresholds; those on the size and format of pictures and on whole documents are rules
(`cauldron filter --rules obelics`). `--option opt_out=FILE` leaves out what is on a list.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pyarrow as pa

from cauldron.sample import SAMPLE_SCHEMA, Draft, Picture, Skip, document_messages
from cauldron.signals.said import Said
from cauldron.signals.text import text_signals
from cauldron.web.opt_out import OptOut, opt_out_list

URL_WORDS = ("logo", "button", "icon", "plugin", "widget", "porn", "xxx", "sex")
"""Case-sensitive parts of picture addresses. From: huggingface/OBELICS, step 04."""
MIN_TOKENS_FOR_PUNCTUATION = 12
_TOKEN = re.compile(r"[\w']+|[,;:?!.]")
_ADDRESSES = ("address", "src", "raw_url", "url")


class Bound(NamedTuple):
    """What a paragraph must keep to; the first bound that it breaks is the reason."""

    reason: str
    signal: str
    least: float
    most: float


OBELICS = (
    Bound("paragraph_words", "words", 4, 1_000),
    Bound("paragraph_character_repetition", "char_repetition", 0, 0.1),
    Bound("paragraph_word_repetition", "word_repetition", 0, 0.1),
    Bound("paragraph_special_characters", "special_ratio", 0, 0.3),
    Bound("paragraph_stop_words", "stopword_ratio", 0.3, 1),
    Bound("paragraph_flagged_words", "flagged_ratio", 0, 0.01),
    Bound("paragraph_punctuation", "punctuation_ratio", 0.001, 1),
)
"""From: huggingface/OBELICS, config_filter_web_documents.yaml, node level, in its order.

Left out is the share of common words, whose list was never published."""


def filtered(draft: Draft, options: Mapping[str, Any]) -> Draft | Skip:
    """Return a document without what the options leave out, or why nothing is left of it."""
    notes: Counter[str] = Counter(draft.notes)
    parts = draft.parts
    if told := options.get("opt_out"):
        listed = opt_out_list(told["path"], told["sha256"])
        if any(listed.has_address(url) for url in _page_addresses(draft.extra)):
            return Skip(reason="opted_out")
        parts = _without_pictures(draft, parts, lambda p, a: _opted_out(listed, p, a), notes)
    if options.get("filters") == "obelics":
        parts = _without_pictures(draft, parts, _Repeats(), notes)
        parts = _without_paragraphs(parts, notes)
    return draft if parts is draft.parts else _with_parts(draft, parts, notes)


def _page_addresses(extra: Mapping[str, Any]) -> list[str]:
    page = extra.get("page")
    found = [extra.get("url"), page.get("url") if isinstance(page, Mapping) else None]
    return [url for url in found if isinstance(url, str) and url]


def _opted_out(listed: OptOut, picture: Picture, addresses: list[str]) -> str:
    out = any(map(listed.has_address, addresses)) or listed.has_file(picture.bytes or b"")
    return "image_opted_out" if out else ""


class _Repeats:
    """Tells pictures whose address has a word of furniture, and later copies of an address."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, picture: Picture, addresses: list[str]) -> str:
        if any(word in address for address in addresses for word in URL_WORDS):
            return "image_address_word"
        again = any(address in self._seen for address in addresses)
        self._seen.update(addresses)
        return "image_again_in_document" if again else ""


def _without_pictures(
    draft: Draft,
    parts: tuple[str | int, ...],
    reason_of: Callable[[Picture, list[str]], str],
    notes: Counter[str],
) -> tuple[str | int, ...]:
    about = draft.extra.get("images") or [{}] * len(draft.images)
    out: list[str | int] = []
    for part in parts:
        if isinstance(part, int):
            said = about[part] if part < len(about) else {}
            named = [said[key] for key in _ADDRESSES if isinstance(said.get(key), str)]
            reason = reason_of(draft.images[part], named)
            if reason:
                notes[reason] += 1
                continue
        out.append(part)
    return parts if len(out) == len(parts) else tuple(out)


def _without_paragraphs(parts: tuple[str | int, ...], notes: Counter[str]) -> tuple[str | int, ...]:
    paragraphs = [
        (number, piece)
        for number, part in enumerate(parts)
        if isinstance(part, str)
        for piece in re.split(r"\n\s*\n", part)
    ]
    kept: dict[int, list[str]] = {}
    reasons = paragraph_reasons([text for _, text in paragraphs])
    for (number, text), reason in zip(paragraphs, reasons, strict=True):
        if reason:
            notes[reason] += 1
        else:
            kept.setdefault(number, []).append(text)
    if not any(reasons):
        return parts
    whole = [p if isinstance(p, int) else "\n\n".join(kept.get(n, ())) for n, p in enumerate(parts)]
    return tuple(part for part in whole if part != "")


def paragraph_reasons(paragraphs: list[str]) -> list[str]:
    """Return for each paragraph the first bound of OBELICS that it breaks, "" for none."""
    if not paragraphs:
        return []
    messages = pa.array(
        [document_messages((text,)) for text in paragraphs], SAMPLE_SCHEMA.field("messages").type
    )
    signals = text_signals(Said(messages, pa.array(["{}"] * len(paragraphs))))
    reasons = []
    for number, text in enumerate(paragraphs):
        reason = ""
        for bound in OBELICS:
            if bound.least <= float(signals[bound.signal][number]) <= bound.most:
                continue
            if bound.signal == "punctuation_ratio" and _is_short(text):
                continue
            reason = bound.reason
            break
        reasons.append(reason)
    return reasons


def _is_short(text: str) -> bool:
    return len(_TOKEN.findall(text)) < MIN_TOKENS_FOR_PUNCTUATION


def _with_parts(draft: Draft, parts: tuple[str | int, ...], notes: Counter[str]) -> Draft | Skip:
    """Return the document with fewer parts: pictures numbered anew, neighbouring texts joined."""
    images: list[Picture] = []
    about: list[Any] = []
    known = draft.extra.get("images") or []
    out: list[str | int] = []
    for part in parts:
        if isinstance(part, int):
            out.append(len(images))
            images.append(draft.images[part])
            about += known[part : part + 1]
        elif out and isinstance(last := out[-1], str):
            out[-1] = f"{last}\n\n{part}"
        else:
            out.append(part)
    if not any(isinstance(part, str) for part in out):
        return Skip(reason="no_text")
    if draft.images and not images:
        return Skip(reason="no_image")
    extra = {**draft.extra, "images": about} if known else draft.extra
    return replace(draft, images=tuple(images), parts=tuple(out), extra=extra, notes=dict(notes))
