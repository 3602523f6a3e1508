"""Raw rows to sample shards: plan once, then each part by itself.

The plan streams the cheap rows of a source, gives each key the number of its first appearance and
spills the rows to one file per part. Parts are then converted independently, so that the result
does not depend on workers, and a part that is already written is not made again.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from cauldron.errors import StorageError
from cauldron.media.images import ImageError, inspect
from cauldron.media.limits import LIMITS
from cauldron.readers.raw import Raw, Row
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
)
from cauldron.sources.base import Form
from cauldron.sources.catalogue import form_named
from cauldron.storage import files, work
from cauldron.storage.shards import write_shard

SHARD_ROWS = 2_000
TABLE_ROWS = 100
TABLE_BYTES = 16 << 20
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTask:
    """One part of an ingest: the spilled rows and where their samples go."""

    work: str
    source: str
    split: str
    form: str
    roots: tuple[str, ...]
    license: str
    seed: int
    part: str = ""
    spill: str = ""
    prompts: str = "cauldron"
    archives: tuple[str, ...] = ()
    indexes: str = ""


@dataclass(slots=True)
class Counts:
    """What became of the records of a part. read = written + quarantined + skipped."""

    read: int = 0
    written: int = 0
    images: int = 0
    turns: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)

    def add(self, where: dict[str, int], reason: str, number: int = 1) -> None:
        """Count a reason."""
        where[reason] = where.get(reason, 0) + number

    def as_dict(self) -> dict[str, Any]:
        """Return totals and reasons, reasons sorted."""
        return {
            "read": self.read,
            "written": self.written,
            "quarantined": sum(self.quarantined.values()),
            "skipped": sum(self.skipped.values()),
            "images": self.images,
            "turns": self.turns,
            "reasons": {
                "quarantined": dict(sorted(self.quarantined.items())),
                "skipped": dict(sorted(self.skipped.items())),
            },
            "notes": dict(sorted(self.notes.items())),
        }


def spill_plan(
    form: Form, rows: Iterable[Row], folder: Path, limit: int | None = None
) -> list[tuple[Path, str]]:
    """Stream rows into one spill file per part; return the files with the hash of their bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    group_part: dict[bytes, tuple[int, int]] = {}
    hashes: list[Any] = []
    held: list[list[bytes]] = []
    weight = held_bytes = 0

    def flush() -> None:
        for number, lines in enumerate(held):
            if lines:
                with (folder / f"{number:05d}.jsonl").open("ab") as file:
                    file.writelines(lines)
                lines.clear()

    for number, row in enumerate(rows):
        if limit is not None and number >= limit:
            break
        key = hashlib.blake2b(_plan_key(form, row).encode("utf-8", "replace"), digest_size=16)
        place = group_part.get(key.digest())
        if place is None:
            place = (len(group_part), weight // SHARD_ROWS)
            group_part[key.digest()] = place
            weight += row.weight
        while len(held) <= place[1]:
            held.append([])
            hashes.append(hashlib.sha256())
        line = orjson.dumps(_packed(place[0], row), option=orjson.OPT_APPEND_NEWLINE)
        hashes[place[1]].update(line)
        held[place[1]].append(line)
        held_bytes += len(line)
        if held_bytes > 64 << 20:
            flush()
            held_bytes = 0
    flush()
    return [
        (folder / f"{number:05d}.jsonl", digest.hexdigest()) for number, digest in enumerate(hashes)
    ]


def _plan_key(form: Form, row: Row) -> str:
    if isinstance(row.data, Reject):
        return f"\x00reject\x00{row.file}\x00{row.record}"
    try:
        return form.key(row)
    except _MALFORMED:
        return f"\x00row\x00{row.file}\x00{row.record}"


def _packed(group: int, row: Row) -> dict[str, Any]:
    data: Any = row.data
    if isinstance(data, Reject):
        data = {"\x00reject": [data.reason, data.detail]}
    return {
        "g": group,
        "f": row.file,
        "r": row.record,
        "d": data,
        "o": row.folder,
        "w": row.weight,
    }


def _unpacked(task: PartTask, packed: dict[str, Any]) -> Row:
    data = packed["d"]
    if isinstance(data, dict) and "\x00reject" in data:
        data = Reject(reason=data["\x00reject"][0], detail=data["\x00reject"][1])
    return Row(
        file=packed["f"],
        record=packed["r"],
        data=data,
        folder=packed["o"],
        split=task.split,
        source=task.source,
        seed=task.seed,
        weight=packed["w"],
        prompts=task.prompts,
    )


def ingest_part(task: PartTask) -> dict[str, Any]:
    """Convert the rows of one part and write its samples, quarantine and receipt."""
    form = form_named(task.source, task.form)
    part = _Part(task, form, Raw(task.roots, task.indexes, task.archives))
    url = work.samples(task.work, task.source, task.part)
    with Path(task.spill).open("rb") as file:
        packed = [orjson.loads(line) for line in file]
    packed.sort(key=lambda item: item["g"])
    shard = write_shard(url, part.batches(packed), SAMPLE_SCHEMA)
    quarantine = work.quarantine(task.work, task.source, task.part)
    if part.rejected:
        lines = [orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in part.rejected]
        files.write_bytes(quarantine, b"".join(lines))
    else:
        files.remove(quarantine)
    if not part.counts.written:
        files.remove(url)
    return {"part": task.part, "shard": shard.as_dict(), "counts": part.counts.as_dict()}


class _Part:
    """The state of one part: counts and rejected records."""

    def __init__(self, task: PartTask, form: Form, raw: Raw) -> None:
        self.task, self.form, self.raw = task, form, raw
        self.counts = Counts()
        self.rejected: list[dict[str, Any]] = []

    def batches(self, packed: list[dict[str, Any]]) -> Iterator[pa.Table]:
        """Yield the samples of the part in tables of bounded size."""
        held: list[dict[str, Any]] = []
        size = 0
        for sample in self._samples(packed):
            held.append(sample)
            size += sum(len(image["bytes"]) for image in sample["images"])
            if len(held) == TABLE_ROWS or size > TABLE_BYTES:
                yield pa.Table.from_pylist(held, schema=SAMPLE_SCHEMA)
                held, size = [], 0
        if held:
            yield pa.Table.from_pylist(held, schema=SAMPLE_SCHEMA)

    def _samples(self, packed: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for _, items in itertools.groupby(packed, key=lambda item: item["g"]):
            group = [_unpacked(self.task, item) for item in items]
            for key, rows in self._keyed(group):
                sample = self._sample(key, rows)
                if sample:
                    self.counts.written += 1
                    self.counts.images += len(sample["images"])
                    self.counts.turns += max(len(sample["messages"]) // 2, 1)
                    yield sample

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
                key = _plan_key(self.form, opened)
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
        try:
            yield from self.form.open(row, self.raw)
        except _MALFORMED as error:
            yield Reject(reason="malformed_record", detail=f"{type(error).__name__}: {error}")

    def _sample(self, key: str, rows: list[Row]) -> dict[str, Any] | None:
        used, draft = self._merged(rows)
        if draft is None:
            return None
        try:
            images, dropped = self._images(draft)
        except ImageError as error:
            self._reject(used, Reject(reason=error.reason, detail=error.detail))
            return None
        messages = self._messages(draft, images, dropped)
        if messages is None:
            reason = dropped[min(dropped)] if dropped else "no_text"
            self._reject(used, Reject(reason=reason, detail="no picture or no text is left"))
            return None
        if len(used) > 1:
            self.counts.add(self.counts.skipped, "merged_into_sample", len(used) - 1)
        for note, number in draft.notes.items():
            self.counts.add(self.counts.notes, note, number)
        for reason in dropped.values():
            self.counts.add(self.counts.notes, reason)
        first = used[0]
        shown = _clean_key(key if not key.startswith("\x00") else f"{first.file}-{first.record}")
        return {
            "id": f"{self.task.source}/{self.task.split}/{shown}",
            "source": self.task.source,
            "messages": messages,
            "images": [image for image in images if image is not None],
            "license": draft.license or self.task.license,
            "origin": {"file": first.file, "record": ",".join(row.record for row in used)},
            "extra": _extra(draft),
        }

    def _merged(self, rows: list[Row]) -> tuple[list[Row], Draft | None]:
        """Convert rows of one key and join their turns; every row is counted once."""
        used: list[Row] = []
        merged: Draft | None = None
        for row in rows:
            draft = self._draft(row)
            if draft is None:
                continue
            if merged is None:
                merged = draft
                used.append(row)
            elif merged.parts or draft.parts:
                self.counts.add(self.counts.skipped, "duplicate_record")
            elif [p.identity for p in merged.images] != [p.identity for p in draft.images]:
                self._reject([row], Reject(reason="duplicate_key", detail="other pictures"))
            else:
                new = tuple(t for t in draft.turns if not _repeated(t, merged.turns))
                if not new:
                    self.counts.add(self.counts.skipped, "repeated_turn")
                    continue
                notes = dict(merged.notes)
                for note, number in draft.notes.items():
                    notes[note] = notes.get(note, 0) + number
                merged = replace(merged, turns=merged.turns + new, notes=notes)
                used.append(row)
        return used, merged

    def _draft(self, row: Row) -> Draft | None:
        try:
            result = self.form.convert(row)
        except _MALFORMED as error:
            detail = f"{type(error).__name__}: {error}"[:300]
            result = Reject(reason="malformed_record", detail=detail)
        if isinstance(result, Draft):
            result = _without_empty(result)
        if isinstance(result, Reject):
            self._reject([row], result)
            return None
        if isinstance(result, Skip):
            self.counts.add(self.counts.skipped, result.reason)
            return None
        return result

    def _images(self, draft: Draft) -> tuple[list[dict[str, Any] | None], dict[int, str]]:
        """Open the pictures; in documents a bad one is left out, in chats it is an error."""
        opened: list[dict[str, Any] | None] = []
        dropped: dict[int, str] = {}
        for number, picture in enumerate(draft.images):
            try:
                opened.append({"bytes": self._bytes(picture), "path": picture.path or None})
            except ImageError as error:
                if not draft.parts:
                    raise
                dropped[number] = error.reason
                opened.append(None)
        return opened, dropped

    def _bytes(self, picture: Picture) -> bytes:
        data = picture.bytes
        if data is None:
            try:
                data = self.raw.picture(picture.candidates, LIMITS.max_image_bytes)
            except StorageError as error:
                raise ImageError("image_unreadable", str(error)) from error
        if data is None:
            raise ImageError("image_missing", " | ".join(picture.candidates)[:300])
        inspect(data)
        return data

    def _messages(
        self, draft: Draft, images: list[dict[str, Any] | None], dropped: dict[int, str]
    ) -> list[dict[str, Any]] | None:
        if not draft.parts:
            return chat_messages(len(images), draft.turns)
        parts = tuple(p for p in draft.parts if isinstance(p, str) or p not in dropped)
        texts = any(isinstance(p, str) and p.strip() for p in parts)
        pictures = any(isinstance(p, int) for p in parts)
        if not texts or (draft.images and not pictures):
            return None
        return document_messages(parts)

    def _reject(self, rows: list[Row], reject: Reject) -> None:
        for row in rows:
            self.counts.add(self.counts.quarantined, reject.reason)
            self.rejected.append(
                {
                    "origin": {"file": row.file, "record": row.record},
                    "reason": reject.reason,
                    "error": reject.detail,
                }
            )


def _without_empty(draft: Draft) -> Draft | Reject:
    if draft.parts or not draft.turns:
        return draft if draft.parts else Reject(reason="no_turns")
    notes = dict(draft.notes)
    turns: list[Turn] = []
    for turn in draft.turns:
        reason = (
            "empty_question"
            if not turn.user.strip()
            else "empty_answer"
            if not turn.assistant.strip()
            else ""
        )
        if not reason and not _repeated(turn, tuple(turns)):
            turns.append(turn)
        else:
            reason = reason or "repeated_turn"
            notes[reason] = notes.get(reason, 0) + 1
    if not turns:
        return Reject(reason=reason)
    return replace(draft, turns=tuple(turns), notes=notes)


def _repeated(turn: Any, turns: tuple[Any, ...]) -> bool:
    return any(t.user == turn.user and t.assistant == turn.assistant for t in turns)


def _clean_key(key: str) -> str:
    return "".join(c if c.isprintable() and not c.isspace() else "_" for c in key)[:200]


def _extra(draft: Draft) -> str:
    extra = dict(draft.extra)
    if any(turn.extra for turn in draft.turns):
        extra["turns"] = [dict(turn.extra or {}) for turn in draft.turns]
    return orjson.dumps(extra, option=orjson.OPT_SORT_KEYS).decode() if extra else "{}"


__all__ = ["SCHEMA_VERSION", "SHARD_ROWS", "Counts", "PartTask", "ingest_part", "spill_plan"]
