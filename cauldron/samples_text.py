"""Samples as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from cauldron.errors import UsageError
from cauldron.lineage import explain, find_sample, read_row
from cauldron.media.images import ImageError, inspect
from cauldron.mixture.manifest import folder_of, manifest_rows, read_manifest
from cauldron.storage import files
from cauldron.storage import work as places
from cauldron.storage.shards import iter_batches


def chosen(place: str, sample_id: str | None, number: int) -> Iterator[dict[str, Any]]:
    """Yield one sample by id, or the first `number` of each source, pictures as facts.

    Args:
        place: a work folder or a manifest.

    Raises:
        UsageError: if no sample has this id.
        StorageError: if the place is neither.
    """
    if place.endswith(".json") or files.exists(files.join(place, "manifest.json")):
        yield from _of_manifest(place, sample_id, number)
    else:
        places.require(place)
        yield from _of_work(place, sample_id, number)


def _of_manifest(path: str, sample_id: str | None, number: int) -> Iterator[dict[str, Any]]:
    found = False
    for source, tables in manifest_rows(read_manifest(path), folder_of(path)):
        if sample_id and not sample_id.startswith(f"{source}/"):
            continue
        left = number
        for url, rows, ids in tables:
            picked = [r for r, name in zip(rows, ids, strict=True) if name == sample_id]
            for row in picked if sample_id else rows[:left]:
                found = True
                left -= 1
                yield _plain(read_row(url, row))
            if left <= 0:
                break
    if sample_id and not found:
        raise UsageError(f"no sample '{sample_id}'", place=path, hint="cauldron show lists some")


def _of_work(work: str, sample_id: str | None, number: int) -> Iterator[dict[str, Any]]:
    if sample_id:
        found = find_sample(work, sample_id)
        if found is None:
            near = explain(work, sample_id).get("near") or []
            hint = f"near: {', '.join(near)}" if near else "cauldron show WORK lists some"
            raise UsageError(f"no sample '{sample_id}'", place=work, hint=hint)
        source, part, row = found
        yield _plain(read_row(places.samples(work, source, part), row))
        return
    for source in places.sources(work):
        left = number
        for part in places.parts(work, source):
            for batch in iter_batches(places.samples(work, source, part), rows=max(left, 1)):
                for sample in batch.slice(0, left).to_pylist():
                    yield _plain(sample)
                    left -= 1
                break
            if left <= 0:
                break


def _plain(sample: dict[str, Any]) -> dict[str, Any]:
    pictures = []
    for image in sample["images"]:
        data = image["bytes"] or b""
        try:
            facts = inspect(data)
            shape = f"{facts.format} {facts.width} x {facts.height}"
        except ImageError as error:
            shape = error.reason
        pictures.append({"path": image["path"], "size_bytes": len(data), "shape": shape})
    return {**sample, "images": pictures}


def as_text(sample: dict[str, Any]) -> str:
    """Return a sample as it reads: pictures in their places, turns under their roles."""
    lines = [
        f"{sample['id']}   ({sample['license']}; {sample['origin']['file']} "
        f"record {sample['origin']['record'] or '-'})"
    ]
    pictures = iter(sample["images"])
    for message in sample["messages"]:
        lines.append(f"  {message['role']}:")
        for part in message["content"]:
            if part["type"] == "image":
                image = next(pictures, None)
                shape = f"{image['shape']}, {image['size_bytes']:,} bytes" if image else "missing"
                lines.append(f"    [picture {shape}]")
            else:
                text = part["text"] if len(part["text"]) < 1200 else part["text"][:1200] + " ..."
                for paragraph in text.split("\n"):
                    lines += textwrap.wrap(
                        paragraph, 92, initial_indent="    ", subsequent_indent="    "
                    ) or [""]
    return "\n".join(lines)


def why_text(found: dict[str, Any], indent: int = 0) -> str:
    """Return nested facts as indented lines."""
    lines = []
    pad = "  " * indent
    for key, value in found.items():
        if isinstance(value, dict):
            lines += [f"{pad}{key}:", why_text(value, indent + 1)] if value else []
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{pad}{key}:")
            for item in value:
                told = ", ".join(f"{k} {v}" for k, v in item.items() if v not in ("", None, {}))
                lines.append(f"{pad}  - {told}")
        elif value not in (None, "", []):
            lines.append(f"{pad}{key}: {value}")
    return "\n".join(line for line in lines if line)
