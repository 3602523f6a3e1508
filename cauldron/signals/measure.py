"""One pass over a shard: every picture opened once, every text read once, one row a sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from cauldron.errors import CauldronError
from cauldron.sample import SAMPLE_SCHEMA
from cauldron.signals.groups import BUILT_IN, Batch, Group, Spec, as_column, empty_schema, group_of
from cauldron.signals.said import Ints, Said, as_ints
from cauldron.storage.files import is_local, local_path
from cauldron.storage.index import picture_views
from cauldron.storage.shards import iter_batches, iter_row_groups, read_table, write_table

ERRORS = "measure_error"
SIGNALS_SCHEMA: pa.Schema = empty_schema().append(pa.field(ERRORS, pa.string()))
"""One row a sample, in the order of the samples; a part holds the groups that were asked for.

Lists hold one value a picture (or a turn). `measure_error` tells which group could not measure a
row, and why; its signals are null.
"""
_TEXT_ROWS = 256
_TEXT_BYTES = 64 << 20

Column = list[pa.Array]
DIED = "worker_died: its worker crashed or took too long, twice"


class Watched(Protocol):
    """Who is told what is measured next, in case that it ends the process."""

    def begin(self, group: int, start: int, rows: int) -> None:
        """Note that group number `group` begins with `rows` rows from `start` on."""

    def end(self) -> None:
        """Note that it is done."""

    def died(self, group: int, start: int, rows: int) -> bool:
        """Say whether a worker died on these rows before."""

    def tried(self, group: int, start: int, rows: int) -> bool:
        """Say whether these rows are known to end no worker, and nothing else is to be found."""


class Unwatched:
    """Nobody is told."""

    def begin(self, group: int, start: int, rows: int) -> None:
        return None

    def end(self) -> None:
        return None

    def died(self, group: int, start: int, rows: int) -> bool:
        return False

    def tried(self, group: int, start: int, rows: int) -> bool:
        return False


UNWATCHED = Unwatched()
Numbered = Sequence[tuple[int, Group]]


def measure_part(
    samples_url: str,
    out_url: str,
    specs: Sequence[Spec],
    keep: Mapping[str, Sequence[str]] | None = None,
    watch: Watched = UNWATCHED,
) -> dict[str, Any]:
    """Measure one samples part and write its signals.

    Args:
        specs: the groups to measure.
        keep: groups that stay, and their columns, which are taken from the file as it is.
        watch: told where this is; of rows on which a worker died each is measured alone, and one
            that ended it alone is given up.

    Returns:
        `rows`, `sha256` and `columns` of the file, and of each group the rows `unmeasured`.
    """
    table, fields = measured_table(samples_url, out_url, specs, keep or {}, watch)
    shard = write_table(out_url, table)
    names = {group: [field.name for field in told] for group, told in fields.items()}
    told = Counter(
        line.partition(":")[0] for text in table[ERRORS].to_pylist() for line in text.splitlines()
    )
    return {"rows": shard.rows, "sha256": shard.sha256, "columns": names, "unmeasured": told}


def measured_table(
    samples_url: str,
    out_url: str,
    specs: Sequence[Spec],
    keep: Mapping[str, Sequence[str]],
    watch: Watched,
) -> tuple[pa.Table, Mapping[str, Sequence[pa.Field]]]:
    """Return the signals of one part, and the columns of each group; nothing is written."""
    groups = [group_of(spec) for spec in specs]
    ids = read_table(samples_url, ["id"])["id"]
    columns: dict[str, Any] = {"id": ids}
    errors = [""] * len(ids)
    fields = {group.name: group.types() for group in groups}
    if keep:
        old = read_table(out_url)
        columns |= {name: old[name] for names in keep.values() for name in names}
        fields |= {group: [old.field(name) for name in names] for group, names in keep.items()}
        errors = [_errors_of(text, keep) for text in old[ERRORS].to_pylist()]
    numbered = list(enumerate(groups))
    of_texts = [(n, group) for n, group in numbered if group.reads == "texts"]
    others = [(n, group) for n, group in numbered if group.reads != "texts"]
    if of_texts:
        columns |= _measured(of_texts, text_batches(samples_url), errors, watch)
    if others:
        reads = {group.reads for _, group in others}
        batches = head_batches(samples_url) if reads == {"heads"} else None
        batches = batches or picture_batches(samples_url, "both" in reads)
        columns |= _measured(others, batches, errors, watch)
    columns[ERRORS] = pa.array(errors, pa.string())
    schema = _schema(fields)
    table = pa.table({name: columns[name] for name in schema.names}).cast(schema)
    return table.combine_chunks(), fields


def _errors_of(text: str, groups: Iterable[str]) -> str:
    names = tuple(f"{group}:" for group in groups)
    return "\n".join(line for line in text.split("\n") if line.startswith(names))


def _schema(fields: Mapping[str, Sequence[pa.Field]]) -> pa.Schema:
    """Return the columns of groups, in an order that does not depend on which came first."""
    places = {name: place for place, name in enumerate(BUILT_IN)}
    ranked = sorted(fields, key=lambda name: (places.get(name, len(places)), name))
    made = [(field.name, _plain(field.type)) for name in ranked for field in fields[name]]
    return pa.schema([("id", pa.string()), *made, (ERRORS, pa.string())])


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return a type as it was before a Parquet file renamed what its lists hold."""
    return pa.list_(_plain(kind.value_type)) if pa.types.is_list(kind) else kind


def text_batches(url: str) -> Iterator[Batch]:
    """Yield the texts of a part in batches of bounded size."""
    columns = ["messages", "extra", "images.list.element.path"]
    for batch in iter_batches(url, columns, rows=_TEXT_ROWS):
        for piece in _bounded(batch):
            yield Batch(_said(piece), _list_lengths(piece["images"]))


def _bounded(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if batch.num_rows > 1 and batch.nbytes > _TEXT_BYTES:
        half = batch.num_rows // 2
        yield from _bounded(batch.slice(0, half))
        yield from _bounded(batch.slice(half))
    else:
        yield batch


def picture_batches(url: str, texts: bool = False) -> Iterator[Batch]:
    """Yield pictures of a part, and texts if asked, a row group at a time: bytes are bounded."""
    columns = ["images.list.element.bytes", *(["messages", "extra"] if texts else [])]
    for table in iter_row_groups(url, columns):
        (batch,) = table.combine_chunks().to_batches()
        pictures = batch["images"].flatten().field("bytes").fill_null(b"").to_pylist()
        said = _said(batch) if texts else _no_texts()
        yield Batch(said, _list_lengths(batch["images"]), pictures)


def head_batches(url: str) -> Iterator[Batch] | None:
    """Return the pictures of a local part as views of its file, None where that cannot be."""
    held = picture_views(local_path(url)) if is_local(url) else None
    if held is None:
        return None
    n_images, views = held
    return iter([Batch(_no_texts(), n_images, views)])


def _said(batch: pa.RecordBatch) -> Said:
    return Said(batch["messages"], batch["extra"])


@cache
def _no_texts() -> Said:
    empty = SAMPLE_SCHEMA.empty_table().combine_chunks()
    return Said(empty["messages"].chunk(0), empty["extra"].chunk(0))


def _list_lengths(lists: pa.ListArray) -> Ints:
    return as_ints(lists.value_lengths().fill_null(0))


def _measured(
    groups: Numbered, batches: Iterator[Batch], errors: list[str], watch: Watched
) -> dict[str, pa.ChunkedArray]:
    """Measure groups batch by batch; a row that a group cannot measure alone gets nulls."""
    pieces: dict[str, Column] = {name: [] for _, group in groups for name in group.columns}
    start = 0
    for batch in batches:
        for number, group in groups:
            rows = _Rows(number, group, errors, watch)
            for name, column in rows.columns(batch, start).items():
                pieces[name].append(column)
        start += len(batch.n_images)
    kinds = {field.name: field.type for _, group in groups for field in group.types()}
    return {name: pa.chunked_array(made, kinds[name]) for name, made in pieces.items()}


@dataclass(frozen=True, slots=True)
class _Rows:
    """What one group makes of rows, and what becomes of those that it cannot measure."""

    number: int
    group: Group
    errors: list[str]
    watch: Watched

    def columns(self, batch: Batch, start: int) -> dict[str, pa.Array]:
        """Return the columns of a batch that begins at row `start`."""
        rows = len(batch.n_images)
        if self.watch.tried(self.number, start, rows):
            return {field.name: pa.nulls(rows, field.type) for field in self.group.types()}
        if self.watch.died(self.number, start, rows):
            return self._given_up(start, DIED) if rows == 1 else self._one_by_one(batch, start)
        self.watch.begin(self.number, start, rows)
        try:
            made = _whole(self.group, batch)
        except CauldronError:
            raise
        except Exception as error:  # a row that breaks a group must not take the others along
            if rows > 1:
                return self._one_by_one(batch, start)
            made = self._given_up(start, f"{type(error).__name__}: {error}")
        self.watch.end()
        return made

    def _given_up(self, row: int, why: str) -> dict[str, pa.Array]:
        told = f"{self.group.name}: {why}"[:300].replace("\n", " ")
        self.errors[row] = "\n".join(filter(None, [self.errors[row], told]))
        return {field.name: pa.nulls(1, field.type) for field in self.group.types()}

    def _one_by_one(self, batch: Batch, start: int) -> dict[str, pa.Array]:
        made = [self.columns(one, start + row) for row, one in enumerate(_single_rows(batch))]
        return {name: pa.concat_arrays([p[name] for p in made]) for name in self.group.columns}


def _whole(group: Group, batch: Batch) -> dict[str, pa.Array]:
    values = group.measure(batch)
    out = {name: as_column(values[name], kind) for name, kind in group.fields}
    offsets = pa.array(np.concatenate([[0], np.cumsum(batch.n_images)]).astype(np.int32))
    for name, kind in group.picture_fields:
        out[name] = pa.ListArray.from_arrays(offsets, as_column(values[name], kind))
    return out


def _single_rows(batch: Batch) -> Iterator[Batch]:
    ends = np.cumsum(batch.n_images)
    for row, (end, many) in enumerate(zip(ends, batch.n_images, strict=True)):
        pictures = batch.pictures[end - many : end]
        said = batch.said.row(row) if batch.said.samples else batch.said
        yield Batch(said, batch.n_images[row : row + 1], pictures)


def spoken_text(messages: list[dict[str, Any]]) -> str:
    """Return all texts of a sample in order, a line feed between messages."""
    said = (
        "\n".join(p["text"] or "" for p in message["content"] if p["type"] == "text")
        for message in messages
    )
    return "\n".join(said)
