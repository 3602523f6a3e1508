"""What steps change in samples that stay: pictures and paragraphs leave, others are merged in.

The samples stay as they are. An edit names positions and ids only, no words; it stands beside the
decisions of its step and is carried out when samples are written. So a mixture whose words may not
be passed on can still tell how it was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa

from cauldron.curate.decisions import left_out
from cauldron.curate.paragraphs_left_out import without_paragraphs
from cauldron.curate.pictures_left_out import without_pictures
from cauldron.curate.turns_merged import joined
from cauldron.errors import CheckError
from cauldron.sample import sample_table
from cauldron.storage import files, work
from cauldron.storage.shards import read_table, write_table

SIZES = ("n_turns", "chars", "answer_tokens", "text_tokens")
"""Signals of a changed sample that stand beside its edit."""

EDIT_COLUMNS: dict[str, pa.DataType] = {
    "images_left_out": pa.list_(pa.int32()),
    "paragraphs_left_out": pa.list_(pa.int32()),
    "merged": pa.list_(
        pa.struct(
            [
                ("source", pa.string()),
                ("part", pa.string()),
                ("row", pa.int64()),
                ("id", pa.string()),
            ]
        )
    ),
}
"""Columns of an edit: numbers of pictures and paragraphs, and the samples merged in, in order."""

_EDITS: pa.Schema = pa.schema([("row", pa.int64()), *EDIT_COLUMNS.items()])
_CHANGED: pa.Schema = pa.schema([*_EDITS, *((name, pa.int64()) for name in SIZES)])


class Place(NamedTuple):
    """Where a sample stands in a work folder, and its id."""

    source: str
    part: str
    row: int
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What changes in one sample.

    Args:
        images: numbers of the pictures that leave.
        paragraphs: numbers of the paragraphs that leave, counted over all its texts.
        merged: samples whose turns are added, in this order.
    """

    images: tuple[int, ...] = ()
    paragraphs: tuple[int, ...] = ()
    merged: tuple[Place, ...] = ()

    def as_row(self) -> dict[str, Any]:
        """Return the edit as a row of `EDIT_COLUMNS`; what does not change is null."""
        return {
            "images_left_out": self.images or None,
            "paragraphs_left_out": self.paragraphs or None,
            "merged": [place._asdict() for place in self.merged] or None,
        }

    @staticmethod
    def of_row(row: Mapping[str, Any]) -> Edit | None:
        """Return the edit of a row, None where nothing changes or the columns are not there."""
        images, paragraphs, merged = (row.get(name) or () for name in EDIT_COLUMNS)
        if not (images or paragraphs or merged):
            return None
        return Edit(
            images=tuple(images),
            paragraphs=tuple(paragraphs),
            merged=tuple(Place(**place) for place in merged),
        )


Edits = Mapping[int, Edit]
"""The edits of a file by row; rows that stay as they are have none."""

Sizes = Mapping[str, int]

CHANGES = pa.schema([("node", pa.int64()), ("change", pa.binary())])
"""Changes on their way to the job that writes them."""


def packed(edit: Edit, sizes: Sizes) -> bytes:
    """Return an edit, with the sizes that the sample has then, as bytes."""
    return orjson.dumps({**edit.as_row(), **sizes})


def unpacked(payload: bytes) -> tuple[Edit, Sizes]:
    """Return what was packed."""
    row = orjson.loads(payload)
    return Edit.of_row(row) or Edit(), {name: row[name] for name in SIZES}


def changes_url(decisions: str) -> str:
    """Return where the changes of a step stand, beside its decisions on a part."""
    return decisions.removesuffix(".parquet") + ".edits"


def write_changes(decisions: str, changes: Mapping[int, tuple[Edit, Sizes]]) -> None:
    """Write edits of a part, with the sizes that samples have then; without any no file is left."""
    url = changes_url(decisions)
    files.remove(url)
    if changes:
        rows = [{"row": r, **edit.as_row(), **sizes} for r, (edit, sizes) in changes.items()]
        write_table(url, pa.Table.from_pylist(sorted(rows, key=_row), schema=_CHANGED))


def edits_of(decisions: Sequence[str], rows: int) -> dict[int, Edit]:
    """Return the edits of a part by row, those of all steps together."""
    edits: dict[int, Edit] = {}
    for url in map(changes_url, decisions):
        if files.exists(url):
            edits |= read_edits(url)
    for row, images in enumerate(left_out(decisions, rows)):
        if images:
            old = edits.get(row, Edit())
            edits[row] = Edit(images=tuple(images), paragraphs=old.paragraphs, merged=old.merged)
    return edits


def with_sizes(signals: pa.Table, decisions: Sequence[str]) -> pa.Table:
    """Return signals with the sizes of changed samples."""
    gone = np.array([len(images) for images in left_out(decisions, signals.num_rows)], np.int64)
    signals = _replaced(signals, "n_images", signals["n_images"].to_numpy() - gone)
    for url in map(changes_url, decisions):
        if files.exists(url):
            changed = read_table(url, ["row", *SIZES])
            for name in SIZES:
                values = signals[name].to_numpy().copy()
                values[changed["row"].to_numpy()] = changed[name].to_numpy()
                signals = _replaced(signals, name, values)
    return signals


def _replaced(table: pa.Table, name: str, values: Any) -> pa.Table:
    place = table.column_names.index(name)
    return table.set_column(place, name, pa.array(values, table.schema.field(name).type))


def write_edits(url: str, edits: Edits) -> dict[str, Any]:
    """Write the edits of a file by row; return `rows`, `size_bytes` and `sha256`."""
    rows = [{"row": row, **edit.as_row()} for row, edit in edits.items()]
    table = pa.Table.from_pylist(sorted(rows, key=_row), schema=_EDITS)
    written = write_table(url, table).as_dict()
    del written["name"]
    return written


def read_edits(url: str) -> dict[int, Edit]:
    """Return the edits of a file by row."""
    rows = read_table(url, _EDITS.names).to_pylist()
    return {row["row"]: edit for row in rows if (edit := Edit.of_row(row))}


def _row(row: Mapping[str, Any]) -> int:
    return int(row["row"])


def words_of(place: str, edits: Sequence[Edit | None]) -> dict[str, dict[str, Any]]:
    """Return `id`, `messages` and `extra` by id of all samples that edits merge in.

    They are sought where the edits say, and where others stand there in the whole source.

    Raises:
        CheckError: if one is not in the work folder.
    """
    wanted = {p for edit in edits if edit for p in edit.merged}
    found: dict[str, dict[str, Any]] = {}
    for source, part in sorted({(p.source, p.part) for p in wanted}):
        own = [p for p in wanted if (p.source, p.part) == (source, part)]
        if files.exists(work.samples(place, source, part)):
            found |= _taken(place, source, part, [p.row for p in own])
    lost = {p for p in wanted if p.id not in found}
    for source in sorted({p.source for p in lost}):
        ids = {p.id for p in lost if p.source == source}
        for part in work.parts(place, source, every=True):
            told = read_table(work.samples(place, source, part), ["id"])["id"].to_pylist()
            found |= _taken(place, source, part, [r for r, i in enumerate(told) if i in ids])
    missing = sorted({p.id for p in wanted} - set(found))
    if missing:
        raise CheckError(
            f"{len(missing)} samples that were merged into others are not there, the first: "
            f"{', '.join(missing[:5])}",
            place=place,
        )
    return found


def _taken(place: str, source: str, part: str, rows: Sequence[int]) -> dict[str, dict[str, Any]]:
    if not rows:
        return {}
    table = read_table(work.samples(place, source, part), ["id", "messages", "extra"])
    there = [row for row in rows if row < table.num_rows]
    return {sample["id"]: sample for sample in table.take(pa.array(there, pa.int64())).to_pylist()}


def edited(
    samples: pa.Table, edits: Sequence[Edit | None], words: Mapping[str, dict[str, Any]]
) -> pa.Table:
    """Return samples with their edits carried out.

    Args:
        edits: that of each sample.
        words: as `words_of` returns them for these edits.
    """
    if not any(edits):
        return samples
    rows = zip(samples.to_pylist(), edits, strict=True)
    return sample_table([_edited(row, edit, words) if edit else row for row, edit in rows])


def _edited(
    sample: dict[str, Any], edit: Edit, words: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    if edit.merged:
        sample = sample | joined([sample, *(words[place.id] for place in edit.merged)])
    if edit.paragraphs:
        messages = without_paragraphs(sample["messages"], set(edit.paragraphs))
        sample = {**sample, "messages": messages}
    return without_pictures(sample, set(edit.images)) if edit.images else sample
