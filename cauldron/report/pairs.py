"""Duplicates beside what was kept of them, and leaks beside the items of benchmarks."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image

from cauldron.lineage import find_sample
from cauldron.media.images import open_rgb
from cauldron.report.gallery import Card, card_at, thumbnail_of
from cauldron.sample import content_hash
from cauldron.storage import files
from cauldron.storage import work as places
from cauldron.storage.shards import open_parquet

CLUSTERS, COPIES, LEAKS = 8, 3, 12
_OF, _TEXT = "of:", "text_only"
_LOOK_PX = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A sample that was kept, and some that were dropped as copies of it."""

    kept: Card | None
    copies: tuple[Card, ...]
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A sample beside the benchmark item that it overlaps with.

    Args:
        item: the item, with its picture where the benchmark's samples lie in the work folder, else
            with the look that the index has of it.
        question: what both ask, where they do.
    """

    benchmark: str
    kind: str
    sample: Card | None
    item: Card | None
    item_id: str
    question: str


def clusters(work: str, folder: str, seed: int | str) -> list[Cluster]:
    """Draw clusters of duplicates by hash, and write their thumbnails."""
    found: dict[str, list[tuple[str, str, int, str]]] = {}
    for source in places.sources(work):
        for part in places.parts(work, source):
            for of, row, reason in _copies(places.decisions(work, "dedup", source, part)):
                found.setdefault(of, []).append((source, part, row, reason))
    drawn = sorted(found, key=lambda of: content_hash(seed, "cluster", of))[:CLUSTERS]
    return [_cluster(work, folder, of, found[of]) for of in drawn]


def _copies(url: str) -> Iterator[tuple[str, int, str]]:
    """Yield what a dropped row is a copy of, its number and its reason."""
    if not files.exists(url):
        return
    with open_parquet(url) as file:
        table = file.read(columns=["keep", "reason", "detail"])
    for row, (keep, reason, detail) in enumerate(zip(*(c.to_pylist() for c in table), strict=True)):
        if not keep and (detail or "").startswith(_OF):
            yield detail.removeprefix(_OF), row, reason


def _cluster(work: str, folder: str, of: str, copies: list[tuple[str, str, int, str]]) -> Cluster:
    shown = copies[:COPIES]
    return Cluster(
        kept=_card(work, folder, of),
        copies=tuple(card_at(work, folder, s, p, row, "dedup", why) for s, p, row, why in shown),
        size=len(copies) + 1,
    )


def leaks(work: str, folder: str) -> list[Leak]:
    """Return examples of leaks by benchmark and kind, as decontamination wrote them down."""
    url = places.ledger(work, "decontaminate")
    told = files.read_json(url) if files.exists(url) else {}
    examples = (told.get("examples") if isinstance(told, dict) else None) or []
    return [_leak(work, folder, example) for example in examples[:LEAKS]]


def _leak(work: str, folder: str, told: dict[str, Any]) -> Leak:
    benchmark, item = str(told["benchmark"]), str(told["item"] or "")
    own = files.join(work, "benchmarks", benchmark)
    sample, question = _card(work, folder, str(told["id"])), str(told.get("question") or "")
    look = base64.b64decode(told.get("look") or "")
    shown = _card(own, folder, item) if files.exists(own) else None
    if shown is None and look:
        shown = _looked(folder, look, item, question, sample if told["kind"] != _TEXT else None)
    return Leak(
        benchmark=benchmark,
        kind=str(told["kind"]),
        sample=sample,
        item=shown,
        item_id=item,
        question=question,
    )


def _looked(folder: str, look: bytes, item: str, question: str, sample: Card | None) -> Card:
    """Return the card of an item by the small square look that an index has of its picture.

    Args:
        sample: whose picture is near and tells the sides.
    """
    size = (sample.width, sample.height) if sample and sample.width else (_LOOK_PX, _LOOK_PX)
    drawn = io.BytesIO()
    open_rgb(look).resize(size, Image.Resampling.BICUBIC).save(drawn, "JPEG", quality=90)
    name, size = thumbnail_of(folder, drawn.getvalue())
    return Card(
        id=item,
        thumbnail=name,
        width=size[0],
        height=size[1],
        more_images=0,
        turns=(("question", question),) if question else (),
        step="",
        reason="",
    )


def _card(work: str, folder: str, sample_id: str) -> Card | None:
    place = find_sample(work, sample_id) if sample_id else None
    return card_at(work, folder, *place, "", "") if place else None
