"""The report's page: gathers the facts of a work folder and renders them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from cauldron import __version__
from cauldron.lineage import manifests
from cauldron.report import facts
from cauldron.report.charts import HEIGHT, WIDTH, charts
from cauldron.report.documents import Document, documents
from cauldron.report.gallery import Card, Shelf, gallery
from cauldron.report.pairs import Cluster, Leak, clusters, leaks
from cauldron.stats import work_stats
from cauldron.storage import files
from cauldron.storage import work as places

_SEED = "report"


def write_report(work: str, stats: Mapping[str, Any] | None = None) -> str:
    """Write WORK/report/index.html and its thumbnails; return the page's place.

    The same work folder gives the same bytes. Thumbnails of an earlier report are removed.

    Args:
        stats: the counts of the folder, where they are known.

    Raises:
        StorageError: if the folder holds no samples, or cannot be read or written.
    """
    places.require(work)
    folder = files.join(work, "report")
    shelves = gallery(work, folder, _SEED)
    copies, overlaps = clusters(work, folder, _SEED), leaks(work, folder)
    read = documents(work, folder, _SEED)
    _tidy(folder, _thumbnails(shelves, copies, overlaps, read))
    entries = facts.ledger(work)
    rules = [e.get("settings") for e in entries if e.get("step") == "filter"]
    recipes = [manifest.get("recipe") for _, manifest in manifests(work)]
    environment = _environment()
    loader = environment.loader
    assert loader is not None
    script, _, _ = loader.get_source(environment, "report.js")
    page = environment.get_template("index.html.j2").render(
        name=work.rstrip("/").rpartition("/")[2] or "work folder",
        version=__version__,
        stats=work_stats(work) if stats is None else stats,
        mixtures=facts.mixtures(work),
        charts=charts(work, rules or [_rules(recipe) for recipe in recipes]),
        shelves=shelves,
        reasons=_reasons(shelves),
        clusters=copies,
        leaks=overlaps,
        documents=read,
        script=Markup(script),
        script_hash=_hash(script),
        quarantine=facts.quarantine(work),
        licences=facts.licences(work),
        runs=facts.runs(entries),
        results=facts.results(work),
        chart_width=WIDTH,
        chart_height=HEIGHT,
    )
    files.sweep(folder)
    url = files.join(folder, "index.html")
    files.write_bytes(url, page.encode("utf-8", "replace"))
    return url


def _rules(recipe: Any) -> Any:
    return {k: v for k, v in recipe.items() if k in ("rules", "filter")} if recipe else {}


def _thumbnails(
    shelves: list[Shelf], copies: list[Cluster], overlaps: list[Leak], read: list[Document]
) -> set[str]:
    """Return the names of all thumbnails that the page shows."""
    cards: list[Card | None] = [c for s in shelves for c in (*s.kept, *s.dropped)]
    cards += [card for c in copies for card in (c.kept, *c.copies)]
    cards += [card for leak in overlaps for card in (leak.sample, leak.item)]
    pictures = {part.thumbnail for document in read for part in document.parts}
    return {card.thumbnail for card in cards if card} | pictures


def _reasons(shelves: list[Shelf]) -> list[str]:
    return sorted({card.reason for shelf in shelves for card in shelf.dropped})


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _tidy(folder: str, used: set[str]) -> None:
    for name in files.list_names(files.join(folder, "thumbs"), ".jpg"):
        if f"thumbs/{name}" not in used:
            files.remove(files.join(folder, "thumbs", name))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cauldron.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(count=_count, percent=_percent, size=_size, words=_words)
    return environment


def _count(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float) and value != int(value):
        return f"{value:,.3g}"
    return f"{int(value):,}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _size(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _words(reason: str) -> str:
    """Write a snake_case reason as words."""
    return reason.replace("_", " ")
