"""Planned rows to sample shards, each part by itself.

Parts are converted independently, so that the result does not depend on workers, and a part that
is already written is not made again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson
import pyarrow as pa

from cauldron.drafts import Counts, extra_json, id_part, writable
from cauldron.engine.scout import scouted
from cauldron.engine.watch import Watch, watched
from cauldron.errors import SourceError, StorageError
from cauldron.media.headers import plainly_sound
from cauldron.media.images import ImageError, inspect
from cauldron.media.limits import LIMITS
from cauldron.media.picture_buffer import PictureBuffer
from cauldron.media.svg import looks_like_svg, painted
from cauldron.nodes import filtered
from cauldron.planning import MALFORMED, PartTask, plan_key, spilled_groups
from cauldron.readers.raw import Raw, Row, not_looked_into
from cauldron.sample import (
    SAMPLE_SCHEMA,
    SCHEMA_VERSION,
    Draft,
    Picture,
    Reject,
    Skip,
    Turn,
    chat_messages,
    document_messages,
    sample_table,
)
from cauldron.sources.base import Form, identity
from cauldron.sources.catalogue import form_named
from cauldron.storage import files, work
from cauldron.storage.shards import write_shard

TABLE_ROWS = 100
TABLE_BYTES = 16 << 20
ROOM_BYTES = TABLE_BYTES + (8 << 20)  # a table ends with the picture that passes its bytes
FIRST_PICTURES = 50
"""So many pictures are looked for before any work begins."""
FEWEST_PICTURES = 10
"""That none of fewer is there proves nothing: they are quarantined one by one."""

WORKER_DIED = Reject(reason="worker_died", detail="its worker crashed or took too long, twice")


def ingest_part(task: PartTask) -> dict[str, Any]:
    """Convert the rows of one part and write its samples, quarantine and receipt."""
    if task.deaths:
        task = scouted(task, _tried)
    url = work.samples(task.work, task.source, task.part)
    with watched(task.mark) as watch:
        part = _part(task, watch)
        shard = write_shard(url, part.batches(), SAMPLE_SCHEMA)
    quarantine = work.quarantine(task.work, task.source, task.part)
    if part.rejected:
        files.write_bytes(quarantine, b"".join(part.rejected))
    else:
        files.remove(quarantine)
    if not part.counts.written:
        files.remove(url)
    return {"part": task.part, "shard": shard.as_dict(), "counts": part.counts.as_dict()}


def _tried(task: PartTask) -> None:
    """Make the samples of a part behind the last one that ended a worker; they go nowhere."""
    with watched(task.mark) as watch:
        part = _part(task, watch)
        part.first = task.deaths[-1].sample
        for _ in part.batches():
            pass


def _part(task: PartTask, watch: Watch) -> _Part:
    form = form_named(task.source, task.form)
    return _Part(task, form, Raw(task.roots, task.indexes, task.archives), watch)


def require_pictures(task: PartTask) -> None:
    """Look for the first pictures of a source that names its pictures by file.

    Raises:
        SourceError: if none of them is there, saying what to download and where it goes.
    """
    form = form_named(task.source, task.form)
    if form.open is not identity and not form.pictures:
        return  # rows that are opened bring their pictures along
    tried: dict[tuple[str, ...], None] = {}
    with watched(task.mark) as watch:
        part = _part(task, watch)
        for picture, folder in part.first_pictures():
            if picture.bytes is not None or part.is_there(picture, folder):
                return
            tried[picture.candidates] = None
    if len(tried) >= FEWEST_PICTURES:
        looked_for = ", ".join(f"'{candidate}'" for candidate in next(iter(tried))[:6])
        raise SourceError(
            f"none of the first {len(tried)} pictures of '{task.source}' is here",
            place=", ".join(files.redacted(root) for root in task.roots),
            hint=f"{not_looked_into(part.raw)}wanted: {form.pictures or form.wanted}; "
            f"looked for {looked_for}",
        )


class _Part:
    """The state of one part: counts and rejected records."""

    def __init__(self, task: PartTask, form: Form, raw: Raw, watch: Watch) -> None:
        self.task, self.form, self.raw, self.watch = task, form, raw, watch
        self.rows = self.keys = 0  # raw rows that were opened, keys whose rows were gathered
        self.first = 0  # samples before it are not made
        self.died = {mark.row: mark.seen for mark in task.deaths}
        self.deadly = {mark.sample for mark in task.deaths if mark.row < 0}
        self.counts = Counts()
        self.rejected: list[bytes] = []
        self.pictures = PictureBuffer(ROOM_BYTES)

    def batches(self) -> Iterator[pa.Table]:
        """Yield the samples of the part in tables of bounded size."""
        held: list[dict[str, Any]] = []
        size = 0
        for sample in self._samples():
            held.append(sample)
            size += sum([len(image["bytes"]) for image in sample["images"]])
            if len(held) == TABLE_ROWS or size > TABLE_BYTES:
                yield self._table(held)
                held, size = [], 0
        if held:
            yield self._table(held)

    def _table(self, held: list[dict[str, Any]]) -> pa.Table:
        read = self.pictures.whole([i["bytes"] for sample in held for i in sample["images"]])
        self.pictures = PictureBuffer(ROOM_BYTES)
        return sample_table(held, read)

    def _samples(self) -> Iterator[dict[str, Any]]:
        for group in spilled_groups(self.task):
            for key, rows in self._keyed(group):
                if self.keys + 1 < self.first:
                    self.keys += 1
                    continue
                sample = self._sample(key, rows)
                if sample:
                    self.counts.written += 1
                    self.counts.images += len(sample["images"])
                    self.counts.turns += max(len(sample["messages"]) // 2, 1)
                    yield sample

    def first_pictures(self) -> Iterator[tuple[Picture, str]]:
        """Yield pictures of the first drafts, each with the folder of its record.

        What becomes of the records is not counted.
        """
        drafts = 0
        for group in spilled_groups(self.task):
            for _, rows in self._keyed(group):
                draft = None if self._ended_a_worker() else self._draft(rows[0])
                if draft is not None:
                    yield from ((picture, rows[0].folder) for picture in draft.images)
                    drafts += 1
                if drafts == FIRST_PICTURES:
                    return

    def is_there(self, picture: Picture, folder: str) -> bool:
        """Say whether a picture can be found; one that cannot be read is there all the same."""
        try:
            found = self.raw.picture(picture.candidates, LIMITS.max_image_bytes, folder)
        except StorageError:
            return True
        return found is not None

    def _keyed(self, group: list[Row]) -> Iterator[tuple[str, list[Row]]]:
        """Expand cheap rows and gather neighbours of equal key."""
        held: list[Row] = []
        last = ""
        for row in group:
            for opened in self._opened(row):
                self.counts.read += 1
                if isinstance(opened, Reject):
                    self._reject([row], opened)
                    continue
                if isinstance(opened.data, Reject):
                    self._reject([opened], opened.data)
                    continue
                key = plan_key(self.form, opened)
                if held and key != last:
                    yield last, held
                    held = []
                last = key
                held.append(opened)
        if held:
            yield last, held

    def _opened(self, row: Row) -> Iterator[Row | Reject]:
        if isinstance(row.data, Reject):
            yield row
            return
        self.rows += 1
        dead = self.died.get(self.rows)
        if self.form.open is identity and dead is None:
            self.watch.at((self.rows, 0, self.keys))
            yield row
            return
        most = row.weight if self.task.limited else None
        if dead is not None:
            most = dead if most is None else min(dead, most)
        try:
            yield from self._noted(itertools.islice(self.form.open(row, self.raw), most))
            if dead is not None:
                yield WORKER_DIED
        except MALFORMED as error:
            yield Reject(reason="malformed_record", detail=f"{type(error).__name__}: {error}")
        except MemoryError:
            yield Reject(reason="worker_died", detail="out of memory")
        except (SourceError, StorageError) as error:
            yield Reject(reason="raw_file_unreadable", detail=str(error)[:300])

    def _noted(self, opened: Iterable[Row | Reject]) -> Iterator[Row | Reject]:
        """Note each record before the source makes it."""
        seen = 0
        coming = iter(opened)
        while True:
            self.watch.at((self.rows, seen, self.keys))
            record = next(coming, None)
            if record is None:
                return
            yield record
            seen += 1

    def _ended_a_worker(self) -> bool:
        """Note the next key; say whether a worker died on it before."""
        self.keys += 1
        if self.keys in self.deadly:
            return True
        self.watch.at((-1, 0, self.keys))
        return False

    def _sample(self, key: str, rows: list[Row]) -> dict[str, Any] | None:
        if self._ended_a_worker():
            self._reject(rows, WORKER_DIED)
            return None
        try:
            return self._made(key, rows)
        except MemoryError:
            self._reject(rows, Reject(reason="worker_died", detail="out of memory"))
            return None

    def _made(self, key: str, rows: list[Row]) -> dict[str, Any] | None:
        used, draft = self._merged(rows)
        if draft is None:
            return None
        try:
            images, dropped = self._images(draft, used[0].folder)
        except ImageError as error:
            self._reject(used, Reject(reason=error.reason, detail=error.detail))
            return None
        messages = self._messages(draft, images, dropped)
        if messages is None:
            reason = dropped[min(dropped)] if dropped else "no_text"
            self._reject(used, Reject(reason=reason, detail="no picture or no text is left"))
            return None
        kept = [image for image in images if image is not None]
        if sum([len(image["bytes"]) for image in kept]) > LIMITS.max_file_bytes:
            self._reject(used, Reject(reason="sample_too_large"))
            return None
        if len(used) > 1:
            self.counts.add(self.counts.skipped, "merged_into_sample", len(used) - 1)
        for note, number in draft.notes.items():
            self.counts.add(self.counts.notes, note, number)
        for reason in dropped.values():
            self.counts.add(self.counts.notes, reason)
        first = used[0]
        shown = key if not key.startswith("\x00") else f"{first.file}-{first.record}"
        return {
            "id": f"{self.task.source}/{self.task.split}/{id_part(shown)}",
            "source": self.task.source,
            "messages": messages,
            "images": kept,
            "license": draft.license or self.task.license,
            "origin": {"file": first.file, "record": ",".join([row.record for row in used])},
            "extra": extra_json(draft),
        }

    def _merged(self, rows: list[Row]) -> tuple[list[Row], Draft | None]:
        """Convert rows of one key and join their turns; every row is counted once."""
        if len(rows) == 1:
            return rows, self._draft(rows[0])
        used: list[Row] = []
        first: Draft | None = None
        turns: dict[tuple[str, str], Turn] = {}
        notes: dict[str, int] = {}
        for row in rows:
            draft = self._draft(row)
            if draft is None:
                continue
            if first is None:
                first = draft
            elif first.parts or draft.parts or draft.dialogue:
                self.counts.add(self.counts.skipped, "duplicate_record")
                continue
            elif [p.identity for p in first.images] != [p.identity for p in draft.images]:
                self._reject([row], Reject(reason="duplicate_key", detail="other pictures"))
                continue
            new = {(t.user, t.assistant): t for t in draft.turns}
            if used and new.keys() <= turns.keys():
                self.counts.add(self.counts.skipped, "repeated_turn")
                continue
            used.append(row)
            for said, turn in new.items():
                turns.setdefault(said, turn)
            for note, number in draft.notes.items():
                notes[note] = notes.get(note, 0) + number
        if first is not None and len(used) > 1:
            first = replace(first, turns=tuple(turns.values()), notes=notes)
        return used, first

    def _draft(self, row: Row) -> Draft | None:
        try:
            result = self.form.convert(row)
        except MALFORMED as error:
            detail = f"{type(error).__name__}: {error}"[:300]
            result = Reject(reason="malformed_record", detail=detail)
        except ImageError as error:
            result = Reject(reason=error.reason, detail=error.detail)
        if isinstance(result, Draft):
            result = writable(result)
        if isinstance(result, Draft) and result.parts and self.task.options:
            result = filtered(result, self.task.options)
        if isinstance(result, Reject):
            self._reject([row], result)
            return None
        if isinstance(result, Skip):
            self.counts.add(self.counts.skipped, result.reason)
            return None
        return result

    def _images(
        self, draft: Draft, folder: str
    ) -> tuple[list[dict[str, Any] | None], dict[int, str]]:
        """Open the pictures; in documents a bad one is left out, in chats it is an error."""
        opened: list[dict[str, Any] | None] = []
        dropped: dict[int, str] = {}
        for number, picture in enumerate(draft.images):
            try:
                opened.append({"bytes": self._bytes(picture, folder), "path": picture.path or None})
            except ImageError as error:
                if not draft.parts:
                    raise
                dropped[number] = error.reason
                opened.append(None)
        return opened, dropped

    def _bytes(self, picture: Picture, folder: str) -> bytes | memoryview:
        data: bytes | memoryview | None = picture.bytes
        if data is None:
            try:
                data = self.raw.picture_in(
                    self.pictures, picture.candidates, LIMITS.max_image_bytes, folder
                )
            except StorageError as error:
                raise ImageError("image_unreadable", str(error)) from error
        if data is None:
            raise ImageError("image_missing", " | ".join(picture.candidates)[:300])
        if plainly_sound(data):
            return data
        data = bytes(data)
        if self.form.paints_svg and looks_like_svg(data):
            return painted(data)
        inspect(data)
        return data

    def _messages(
        self, draft: Draft, images: list[dict[str, Any] | None], dropped: dict[int, str]
    ) -> list[dict[str, Any]] | None:
        if not draft.parts:
            return chat_messages(len(images), draft.turns, draft.system)
        parts = tuple(p for p in draft.parts if isinstance(p, str) or p not in dropped)
        texts = any(isinstance(p, str) and p.strip() for p in parts)
        pictures = any(isinstance(p, int) for p in parts)
        if not texts or (draft.images and not pictures):
            return None
        return document_messages(parts)

    def _reject(self, rows: list[Row], reject: Reject) -> None:
        for row in rows:
            self.counts.add(self.counts.quarantined, reject.reason)
            origin = {"file": row.file, "record": row.record}
            line = {"origin": origin, "reason": reject.reason, "error": reject.detail}
            self.rejected.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


__all__ = ["SCHEMA_VERSION", "Counts", "ingest_part", "require_pictures"]
