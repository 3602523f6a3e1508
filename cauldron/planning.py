"""The plan of an ingest: cheap rows in order, spilled to one file a part.

Each key gets the number of its first appearance, and rows of equal key go to the same part however
far apart they stand. Memory holds a few bytes a key, and nothing of the rows.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson

from cauldron.engine.watch import Mark, mark_beside, new_death
from cauldron.errors import SourceError
from cauldron.readers.raw import Row
from cauldron.sample import Reject
from cauldron.sources.base import Form
from cauldron.storage import files

SHARD_ROWS = 2_000
SPILL_BYTES = 48 << 20  # raw rows of one part, so that a worker can hold them
_HELD_BYTES = 32 << 20
_RECENT_KEYS = 250_000
_PARTS = 1 << 20  # more parts than that are not made
MALFORMED = (
    KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, ArithmeticError,
)  # fmt: skip
"""What a source may raise on a record that is not in its shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTask:
    """One part of an ingest: the spilled rows and where their samples go.

    Args:
        deaths: records at which a worker died; they are rejected.
    """

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
    options: Mapping[str, Any] = field(default_factory=dict)
    limited: bool = False
    archives: tuple[str, ...] = ()
    indexes: str = ""
    deaths: tuple[Mark, ...] = ()

    @property
    def mark(self) -> str:
        """The file in which a worker notes the record that it is at."""
        return mark_beside(self.spill)

    def without_culprit(self) -> PartTask | None:
        """Return this task without the record that its worker died on."""
        mark = new_death(self.mark, self.deaths, SHARD_ROWS)
        return replace(self, deaths=(*self.deaths, Mark(*mark))) if mark else None


class KeyNumbers:
    """A number for each key: the newest in a dict, older ones as two sorted columns.

    Keys are known by their `key_hash`: of five million, two are alike with a chance of 1 in a
    million.
    """

    def __init__(self) -> None:
        self._recent: dict[int, int] = {}
        self._hashes = np.zeros(0, np.uint64)
        self._numbers = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._recent) + len(self._hashes)

    def get(self, hashed: int) -> int | None:
        """Return the number of a key by its hash, None for a new one."""
        number = self._recent.get(hashed)
        if number is None and len(self._hashes):
            at = int(np.searchsorted(self._hashes, np.uint64(hashed)))
            if at < len(self._hashes) and int(self._hashes[at]) == hashed:
                number = int(self._numbers[at])
        return number

    def put(self, hashed: int, number: int) -> None:
        """Give a new key its number."""
        self._recent[hashed] = number
        if len(self._recent) >= _RECENT_KEYS:
            recent = np.fromiter(self._recent.keys(), np.uint64, len(self._recent))
            numbers = np.fromiter(self._recent.values(), np.int64, len(self._recent))
            self._recent = {}
            hashes = np.concatenate([self._hashes, recent])
            order = np.argsort(hashes, kind="stable")
            self._hashes = hashes[order]
            self._numbers = np.concatenate([self._numbers, numbers])[order]


def key_hash(key: str) -> int:
    """Return the 64 bits that `KeyNumbers` knows a key by."""
    digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest)


@dataclass(slots=True)
class _Spill:
    """Lines on their way to the files of parts, and the hash of each file."""

    folder: Path
    hashes: list[Any] = field(default_factory=list)
    held: dict[int, list[bytes]] = field(default_factory=dict)
    held_bytes: int = 0
    last_bytes: int = 0

    def add(self, part: int, line: bytes) -> None:
        while len(self.hashes) <= part:
            self.hashes.append(hashlib.sha256())
            self.last_bytes = 0
        self.held.setdefault(part, []).append(line)
        self.held_bytes += len(line)
        if part == len(self.hashes) - 1:
            self.last_bytes += len(line)
        if self.held_bytes > _HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        for part, lines in self.held.items():
            payload = b"".join(lines)
            self.hashes[part].update(payload)
            path = self.path(part)
            with files.reported(str(path), "write"), path.open("ab") as file:
                file.write(payload)
        self.held, self.held_bytes = {}, 0

    def path(self, part: int) -> Path:
        return self.folder / f"{part:05d}.rows"


def spill_plan(
    form: Form, rows: Iterable[Row], folder: Path, limit: int | None = None
) -> list[tuple[Path, str]]:
    """Stream rows into one spill file per part; return the files with the hash of their bytes.

    A part ends after `SHARD_ROWS` samples, or earlier where its rows are large.

    Args:
        limit: read at most this many records; a row that stands for many is cut short.

    Raises:
        SourceError: if the source cannot make rows of the raw data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spill = _Spill(folder)
    places = KeyNumbers()
    weight = step = part = place = hashed = 0
    last = None
    for row, most in _limited(_guarded(rows), limit):
        key = plan_key(form, row)
        if key == last:
            known: int | None = place
        else:
            last, hashed = key, key_hash(key)
            known = places.get(hashed)
        if known is None:
            part += weight // SHARD_ROWS > step or spill.last_bytes > SPILL_BYTES
            step = weight // SHARD_ROWS
            place = len(places) * _PARTS + part
            places.put(hashed, place)
            weight += row.weight
        else:
            place = known
        spill.add(place % _PARTS, _line(place // _PARTS, row, most))
    spill.flush()
    return [(spill.path(n), digest.hexdigest()) for n, digest in enumerate(spill.hashes)]


def _guarded(rows: Iterable[Row]) -> Iterator[Row]:
    """Turn what a source raises on raw data of another shape into an error for the user."""
    try:
        yield from rows
    except MALFORMED as error:
        raise SourceError(
            f"the raw data is not in the known layout: {type(error).__name__}: {error}",
            hint="download it again, or choose another --form",
        ) from error


def _limited(rows: Iterable[Row], limit: int | None) -> Iterator[tuple[Row, int]]:
    """Yield rows with the number of records to take of each, up to a limit in all."""
    left = limit
    for row in rows:
        if left is None:
            yield row, row.weight
            continue
        if left <= 0:
            return
        yield row, min(row.weight, left)
        left -= row.weight


def plan_key(form: Form, row: Row) -> str:
    """Return the key of a row; one that has none stands alone."""
    if isinstance(row.data, Reject):
        return f"\x00reject\x00{row.file}\x00{row.record}"
    try:
        return form.key(row)
    except MALFORMED:
        return f"\x00row\x00{row.file}\x00{row.record}"


def _line(group: int, row: Row, most: int) -> bytes:
    try:
        payload = orjson.dumps(_packed(row, row.data, most))
    except TypeError as error:  # half a surrogate pair, a number of over 64 bits
        reject = Reject(reason="text_not_utf8", detail=str(error))
        payload = orjson.dumps(_packed(row, reject, most))
    return b"%d\t%b\n" % (group, payload)


def _packed(row: Row, data: Any, most: int) -> list[Any]:
    kind = 0
    if isinstance(data, Reject):
        kind, data = 1, [data.reason, data.detail]
    return [row.file, row.record, row.folder, most, kind, data]


def spilled_groups(task: PartTask) -> Iterator[list[Row]]:
    """Yield the rows of each key of a part, keys in the order of their first appearance.

    Only the places of the lines are held; lines in order are read as a stream.
    """
    with _opened(task.spill) as file:
        places = np.fromiter(itertools.chain.from_iterable(_places(file)), np.int64)
        groups, starts = places[::2], places[1::2]
        order = np.argsort(groups, kind="stable")
        bounds = np.flatnonzero(np.diff(groups[order], prepend=-1, append=-1))
        lines = _lines(file, starts[order])
        for size in np.diff(bounds).tolist():
            yield [_unpacked(task, line) for line in itertools.islice(lines, size)]


@contextlib.contextmanager
def _opened(url: str) -> Iterator[IO[bytes]]:
    """Open spilled rows; those on a store are first copied, since lines are read out of order."""
    if files.is_local(url):
        with Path(url).open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile(prefix="cauldron-") as copy, files.open_input(url) as source:
        shutil.copyfileobj(source, copy, 1 << 20)
        copy.seek(0)
        yield copy


def _places(file: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the group and the start of each line."""
    start = 0
    for line in file:
        yield _group(line), start
        start += len(line)


def _lines(file: IO[bytes], starts: np.ndarray[Any, np.dtype[np.int64]]) -> Iterator[bytes]:
    """Yield the lines at these places; `tell` would cost a system call a line."""
    at = -1
    for start in starts.tolist():
        if at != start:
            file.seek(start)
        line = file.readline()
        at = start + len(line)
        yield line


def _group(line: bytes) -> int:
    return int(line[: line.index(b"\t")])


def _unpacked(task: PartTask, line: bytes) -> Row:
    file, record, folder, weight, kind, data = orjson.loads(line[line.index(b"\t") + 1 :])
    return Row(
        file=file,
        record=record,
        data=Reject(reason=data[0], detail=data[1]) if kind else data,
        folder=folder,
        split=task.split,
        source=task.source,
        seed=task.seed,
        weight=weight,
        prompts=task.prompts,
        options=task.options,
    )
