"""Documents as they read: texts and pictures in their order."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.compute as pc

from cauldron.lineage import read_row
from cauldron.report.gallery import thumbnail_of
from cauldron.sample import content_hash
from cauldron.stats import sample_ids, verdicts
from cauldron.storage import work as places
from cauldron.storage.shards import read_table

_SOURCES, _EACH = 8, 1
_CHARS, _PICTURES = 2_400, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A text, or the thumbnail of a picture."""

    text: str = ""
    thumbnail: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The beginning of a document.

    Args:
        left: parts that are not shown.
    """

    id: str
    source: str
    file: str
    parts: tuple[Part, ...]
    left: int


def documents(work: str, folder: str, seed: int | str) -> list[Document]:
    """Draw kept documents of each source by hash, and write thumbnails of their pictures."""
    found: list[Document] = []
    for source in places.sources(work):
        drawn = _drawn(work, source, seed)
        found += [_document(work, folder, source, part, row) for part, row in drawn]
        if len(found) >= _SOURCES * _EACH:
            break
    return found


def _drawn(work: str, source: str, seed: int | str) -> list[tuple[str, int]]:
    """Return part and row of kept documents with pictures before others, by hash of their ids."""
    ranked: list[tuple[bool, int, str, int]] = []
    for part in places.parts(work, source)[:4]:
        url = places.samples(work, source, part)
        table = read_table(url, ["messages"])
        first = pc.list_element(table["messages"].combine_chunks(), 0)
        roles = pc.struct_field(first, "role").to_pylist()
        if "document" not in roles:
            continue
        ids = sample_ids(work, source, part)
        keep = verdicts(work, source, part, ids).keep
        contents = pc.struct_field(first, "content").to_pylist()
        for row, (role, content, name) in enumerate(
            zip(roles, contents, ids.to_pylist(), strict=True)
        ):
            if role == "document" and keep[row]:
                bare = not any(p["type"] == "image" for p in content)
                ranked.append((bare, content_hash(seed, "document", name), part, row))
    return [(part, row) for _, _, part, row in sorted(ranked)[:_EACH]]


def _document(work: str, folder: str, source: str, part: str, row: int) -> Document:
    sample = read_row(
        places.samples(work, source, part), row, ["id", "messages", "images", "origin"]
    )
    shown: list[Part] = []
    chars = number = 0
    content = sample["messages"][0]["content"]
    for piece in content:
        if piece["type"] == "image":
            data = sample["images"][number]["bytes"] or b""
            number += 1
            if number <= _PICTURES:
                name, (width, height) = thumbnail_of(folder, data)
                shown.append(Part(thumbnail=name, width=width, height=height))
        elif chars < _CHARS:
            text = piece["text"] or ""
            cut = text[: _CHARS - chars]
            shown.append(Part(text=cut + ("…" if len(cut) < len(text) else "")))
            chars += len(cut)
    return Document(
        id=sample["id"],
        source=source,
        file=sample["origin"]["file"] or "",
        parts=tuple(shown),
        left=len(content) - len(shown),
    )
