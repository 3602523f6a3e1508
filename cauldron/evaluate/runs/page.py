"""An HTML page of one result: what was scored how, tables, and wrong and right answers.

Everything stands in the one file; it asks for nothing from outside, and what data sets and models
wrote is shown as text.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jinja2

from cauldron.evaluate.benchmarks.base import Item
from cauldron.media.images import ImageError, open_rgb
from cauldron.storage import files

PAGE = "index.html"
_SIDE = 224
_MOST_PICTURES = 4
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("cauldron.evaluate.runs", "."),
    autoescape=True,
    undefined=jinja2.Undefined,
)


def write_page(
    folder: str,
    summary: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    chosen: Sequence[str],
    items: Iterable[Item],
) -> None:
    """Write index.html.

    Args:
        chosen: ids of the questions that are shown, in this order.
        items: all items, for their pictures.
    """
    wanted = set(chosen)
    pictures = {
        item.id: [_thumbnail(p.read()) for p in item.images[:_MOST_PICTURES]]
        for item in items
        if item.id in wanted
    }
    by_id = {row["id"]: row for row in rows if row["id"] in wanted}
    shown = [{**by_id[name], "pictures": pictures[name]} for name in chosen]
    text = _ENVIRONMENT.get_template("page.html.j2").render(summary=summary, shown=shown)
    files.write_bytes(files.join(folder, PAGE), text.encode("utf-8", "replace"))


def _thumbnail(payload: bytes) -> str:
    """Return a small JPEG as a data URL, or an empty text if the picture cannot be read."""
    try:
        image = open_rgb(payload)
    except ImageError:
        return ""
    image.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
