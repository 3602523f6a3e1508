"""The report's page: gathers the facts of a work folder and renders them."""

from __future__ import annotations

from typing import Any

import jinja2

from cauldron import __version__
from cauldron.lineage import manifests
from cauldron.report import facts
from cauldron.report.charts import HEIGHT, WIDTH, charts
from cauldron.report.gallery import gallery
from cauldron.stats import work_stats
from cauldron.storage import files
from cauldron.storage import work as places

_SEED = "report"


def write_report(work: str) -> str:
    """Write WORK/report/index.html and its thumbnails; return the page's place.

    The same work folder gives the same bytes. Thumbnails of an earlier report are removed.

    Raises:
        StorageError: if the folder holds no samples, or cannot be read or written.
    """
    places.require(work)
    folder = files.join(work, "report")
    shelves = gallery(work, folder, _SEED)
    _tidy(folder, {c.thumbnail for s in shelves for c in (*s.kept, *s.dropped)})
    entries = facts.ledger(work)
    rules = [e.get("settings") for e in entries if e.get("step") == "filter"]
    recipes = [manifest.get("recipe") for _, manifest in manifests(work)]
    page = (
        _environment()
        .get_template("index.html.j2")
        .render(
            name=work.rstrip("/").rpartition("/")[2] or "work folder",
            version=__version__,
            stats=work_stats(work),
            mixtures=facts.mixtures(work),
            charts=charts(work, rules or [_rules(recipe) for recipe in recipes]),
            shelves=shelves,
            quarantine=facts.quarantine(work),
            licences=facts.licences(work),
            runs=facts.runs(entries),
            results=facts.results(work),
            chart_width=WIDTH,
            chart_height=HEIGHT,
        )
    )
    url = files.join(folder, "index.html")
    files.write_bytes(url, page.encode("utf-8", "replace"))
    return url


def _rules(recipe: Any) -> Any:
    return {k: v for k, v in recipe.items() if k in ("rules", "filter")} if recipe else {}


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
