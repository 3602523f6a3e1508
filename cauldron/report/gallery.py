"""Kept samples beside dropped ones, drawn by hash so that a second run draws the same."""

from __future__ import annotations

import hashlib
import heapq
import io
from dataclasses import dataclass
from typing import Any

from PIL import Image

from cauldron.lineage import read_row
from cauldron.media.images import ImageError, open_rgb
from cauldron.sample import content_hash
from cauldron.stats import sample_ids, verdicts
from cauldron.storage import files
from cauldron.storage import work as places

THUMBNAIL_PX = 256
_SOURCES, _EACH = 64, 6
_TEXT_CHARS = 320
_COLUMNS = ["id", "messages", "images"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One sample of the gallery: its first picture's file, its words, its verdict."""

    id: str
    thumbnail: str
    width: int
    height: int
    more_images: int
    turns: tuple[tuple[str, str], ...]
    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Kept and dropped samples of one source."""

    source: str
    kept: tuple[Card, ...]
    dropped: tuple[Card, ...]


def gallery(work: str, folder: str, seed: int | str = 0) -> list[Shelf]:
    """Draw samples of each source and write their thumbnails into `folder`/thumbs."""
    shelves = []
    for source in places.sources(work)[:_SOURCES]:
        kept, dropped = _drawn(work, source, seed)
        shelf = Shelf(
            source=source,
            kept=tuple(card_at(work, folder, source, *place) for place in kept),
            dropped=tuple(card_at(work, folder, source, *place) for place in dropped),
        )
        if shelf.kept or shelf.dropped:
            shelves.append(shelf)
    return shelves


def _drawn(work: str, source: str, seed: int | str) -> tuple[list[Any], list[Any]]:
    """Return places (part, row, step, reason) with the smallest hashes; each reason first once."""
    kept: list[Any] = []
    by_reason: dict[tuple[str, str], list[Any]] = {}
    for part in places.parts(work, source):
        ids = sample_ids(work, source, part)
        verdict = verdicts(work, source, part, ids)
        found: dict[tuple[str, str], list[Any]] = {}
        for row, sample_id in enumerate(ids.to_pylist()):
            why = (verdict.step[row], verdict.reason[row])
            drawn = (content_hash(seed, sample_id), part, row, *why)
            found.setdefault(why, []).append(drawn)
        for why, items in found.items():
            best = heapq.nsmallest(_EACH, items)
            if why == ("", ""):
                kept = heapq.nsmallest(_EACH, [*kept, *best])
            else:
                by_reason[why] = heapq.nsmallest(_EACH, [*by_reason.get(why, []), *best])
    rounds = [(turn, item) for items in by_reason.values() for turn, item in enumerate(items)]
    dropped = [item for _, item in heapq.nsmallest(_EACH, rounds)]
    return [item[1:] for item in kept], [item[1:] for item in dropped]


def card_at(
    work: str, folder: str, source: str, part: str, row: int, step: str, reason: str
) -> Card:
    """Return the card of a row of a part, and write its thumbnail."""
    sample = read_row(places.samples(work, source, part), row, _COLUMNS)
    images = sample["images"] or []
    thumbnail, size = "", (0, 0)
    if images and images[0]["bytes"]:
        thumbnail, size = thumbnail_of(folder, images[0]["bytes"])
    return Card(
        id=sample["id"],
        thumbnail=thumbnail,
        width=size[0],
        height=size[1],
        more_images=max(len(images) - 1, 0),
        turns=_turns(sample["messages"] or []),
        step=step,
        reason=reason,
    )


def thumbnail_of(folder: str, data: bytes) -> tuple[str, tuple[int, int]]:
    """Write a JPEG of at most 256 px a side, named by the hash of the original bytes."""
    try:
        picture = open_rgb(data)
    except ImageError:
        return "", (0, 0)
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
    name = f"thumbs/{hashlib.sha256(data).hexdigest()[:32]}.jpg"
    out = io.BytesIO()
    picture.save(out, format="JPEG", quality=82, optimize=True)
    files.write_bytes(files.join(folder, name), out.getvalue())
    return name, picture.size


def _turns(messages: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Return role and shortened words of the first two messages that have words."""
    turns = []
    for message in messages:
        parts = [part["text"] or "" for part in message["content"] if part["type"] == "text"]
        words = "\n".join(parts).strip()
        if words:
            cut = words[:_TEXT_CHARS].rstrip() + ("…" if len(words) > _TEXT_CHARS else "")
            turns.append((message["role"], cut))
        if len(turns) == 2:
            break
    return tuple(turns)
