"""Samples and manifests as they show in a notebook.

from cauldron.notebook import manifest, samples

manifest("work/mixture/small")     # a table of its sources
samples("work", "vsr", n=3)        # pictures and turns
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from cauldron.errors import StorageError
from cauldron.lineage import read_row
from cauldron.media.images import ImageError, open_rgb
from cauldron.mixture.manifest import folder_of, manifest_rows, read_manifest
from cauldron.storage import files, work
from cauldron.storage.shards import iter_batches

_SIDE = 240
_CHARS = 1_200
_CARD = "border:1px solid #8884;border-radius:8px;padding:10px 14px;margin:0 0 10px;max-width:70ch"


@dataclass(frozen=True, slots=True)
class SampleView:
    """A sample: `view.sample` is its plain values."""

    sample: Mapping[str, Any]

    def _repr_html_(self) -> str:
        images = iter(self.sample["images"] or ())
        parts = [f"<div style='{_CARD}'><code>{_shown(self.sample['id'])}</code>"]
        for message in self.sample["messages"]:
            parts.append(f"<p><b>{_shown(message['role'])}</b></p>")
            for part in message["content"]:
                is_image = part["type"] == "image"
                parts.append(_picture(next(images, None)) if is_image else _text(part["text"]))
        return "".join([*parts, "</div>"])


@dataclass(frozen=True, slots=True)
class ManifestView:
    """A manifest: `view.manifest` is its plain values."""

    manifest: Mapping[str, Any]

    def _repr_html_(self) -> str:
        columns = ("name", "license", "share_asked", "share", "samples", "images", "epochs")
        head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{_cell(source[name])}</td>" for name in columns) + "</tr>"
            for source in self.manifest["sources"]
        )
        told = f"seed {self.manifest['seed']}, shares of {_shown(self.manifest['unit'])}"
        title = f"<b>{_shown(self.manifest['name'])}</b> ({told})"
        return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


class Samples(list[SampleView]):
    """Samples that show one below the other."""

    def _repr_html_(self) -> str:
        return "".join(view._repr_html_() for view in self)


def manifest(path: str) -> ManifestView:
    """Return a manifest, or that of a folder.

    Raises:
        StorageError: if there is none.
    """
    return ManifestView(read_manifest(path))


def samples(place: str, source: str = "", n: int = 3) -> Samples:
    """Return the first samples of a source of a work folder or a manifest.

    Raises:
        StorageError: if there is no such source.
    """
    if place.endswith(".json") or files.exists(files.join(place, "manifest.json")):
        found = _of_manifest(place, source, n)
    else:
        work.require(place)
        found = _of_work(place, source or work.sources(place)[0], n)
    if not found:
        raise StorageError(f"no samples of '{source}'", place=place)
    return Samples(SampleView(sample) for sample in found)


def _of_work(place: str, source: str, n: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for part in work.parts(place, source):
        for batch in iter_batches(work.samples(place, source, part), rows=n):
            found += batch.to_pylist()
            if len(found) >= n:
                return found[:n]
    return found


def _of_manifest(path: str, source: str, n: int) -> list[dict[str, Any]]:
    for name, tables in manifest_rows(read_manifest(path), folder_of(path)):
        if source in ("", name):
            places: Sequence[tuple[str, int]] = [(u, row) for u, rows, _ in tables for row in rows]
            return [read_row(url, row) for url, row in places[:n]]
    return []


def _picture(image: Mapping[str, Any] | None) -> str:
    try:
        picture = open_rgb((image or {}).get("bytes") or b"")
    except ImageError as error:
        return f"<p><i>{_shown(error.reason)}</i></p>"
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    encoded = base64.b64encode(out.getvalue()).decode()
    return f"<img alt='picture' src='data:image/jpeg;base64,{encoded}'>"


def _text(text: str | None) -> str:
    told = text or ""
    cut = told[:_CHARS] + ("…" if len(told) > _CHARS else "")
    return f"<p style='white-space:pre-wrap'>{_shown(cut)}</p>"


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else _shown(value)


def _shown(value: Any) -> str:
    return html.escape(str(value), quote=True)
