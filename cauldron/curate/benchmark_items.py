"""The items of a benchmark, whatever form it comes in: its questions and its pictures.

A benchmark is a work folder, Parquet in any common layout (the hub form, `question` and `image`,
`image_1` to `image_7`, `messages`, `conversations`), or a folder of pictures with JSON, JSON Lines,
CSV or TSV beside them (pictures by name, or inside as base64).
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import orjson

from cauldron.errors import SourceError, StorageError
from cauldron.signals.hashes import first_line
from cauldron.storage import files, work
from cauldron.storage.shards import iter_batches

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
RECORDS = (".json", ".jsonl", ".csv", ".tsv")
_QUESTIONS = (
    "question",
    "questions",
    "query",
    "problem",
    "prompt",
    "instruction",
    "text",
    "caption",
)
_CHATS = ("texts", "messages", "conversations", "qa")
_ASKED_BY = ("user", "human", "value", "content", "question")
_SHOWS = ("image", "img", "picture", "figure", "photo", "diagram")
_NUMBERED = ("image_id", "img_id", "imageId")
_PADDED = re.compile(r"(?:^|[_/])0+([0-9]+)\.jpg$")  # as COCO names what records tell by number
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\x00", b"MM\x00*")
_LONG = 64  # a text of fewer characters is no base64 picture
_MAX_RECORD_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item: its name inside the benchmark, questions, and pictures as encoded bytes."""

    name: str
    questions: tuple[str, ...]
    pictures: tuple[bytes, ...]


def pieces(path: str) -> list[str]:
    """Return the files of a benchmark that can be read one by one.

    Raises:
        StorageError: if there is no such place.
        SourceError: if nothing in it can be read.
    """
    if not files.exists(path):
        raise StorageError("no such file or folder", place=path)
    if files.is_file(path):
        return [path]
    if work.sources(path):
        return [
            work.samples(path, source, part)
            for source in work.sources(path)
            for part in work.parts(path, source)
        ]
    names = files.find_files(path)
    tables = [n for n in names if n.endswith(".parquet")]
    records = [n for n in names if n.lower().endswith(RECORDS)]
    if tables or records:
        return [files.join(path, name) for name in tables or records]
    if any(name.lower().endswith(PICTURES) for name in names):
        return [path]
    raise SourceError(
        "no benchmark that can be read",
        place=path,
        hint="a work folder, Parquet, or pictures with JSON, JSONL, CSV or TSV",
    )


def items(piece: str, root: str) -> Iterator[Item]:
    """Yield the items of one piece of a benchmark whose folder is `root`."""
    if piece.endswith(".parquet"):
        rows: Iterator[Any] = (r for batch in iter_batches(piece) for r in batch.to_pylist())
    elif files.is_file(piece):
        rows = _records(piece)
    else:
        yield from _bare_pictures(piece)
        return
    beside = _Beside(root if not files.is_file(root) else str(PurePosixPath(root).parent))
    stem = PurePosixPath(piece).stem
    for number, row in enumerate(rows):
        if isinstance(row, Mapping):
            yield Item(
                name=str(row.get("id") or row.get("question_id") or f"{stem}:{number}"),
                questions=distinct(_questions(row)),
                pictures=tuple(beside.bytes_of(row)),
            )


def distinct(questions: Iterable[str]) -> tuple[str, ...]:
    """Return questions once, each also without the hint that may follow on a line of its own."""
    both = (form for q in questions for form in (q, first_line(q)) if form.strip())
    return tuple(dict.fromkeys(both))


def _bare_pictures(folder: str) -> Iterator[Item]:
    for name in files.find_files(folder):
        if name.lower().endswith(PICTURES):
            data = files.read_bytes(files.join(folder, name))
            yield Item(name=name, questions=(), pictures=(data,))


def _records(path: str) -> Iterator[Any]:
    if files.size_bytes(path) > _MAX_RECORD_BYTES:
        raise SourceError("larger than 1 GiB", place=path, hint="store it as Parquet")
    data = files.read_bytes(path)
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in (".csv", ".tsv"):
        csv.field_size_limit(1 << 28)
        lines = io.StringIO(data.decode("utf-8-sig", "replace"), newline="")
        yield from csv.DictReader(lines, delimiter="\t" if suffix == ".tsv" else ",")
    elif suffix == ".jsonl":
        yield from (_json(line, path) for line in data.splitlines() if line.strip())
    else:
        yield from _records_of(data, path)


def _records_of(data: bytes, path: str) -> Iterator[Any]:
    """Yield the records of a JSON file, or of JSON lines under that name."""
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError:
        first, _, rest = data.lstrip().partition(b"\n")
        if not rest.strip() or not first.rstrip().endswith(b"}"):
            _json(data, path)
        yield from (_json(line, path) for line in data.splitlines() if line.strip())
        return
    yield from _listed(whole)


def _json(data: bytes, path: str) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"not JSON: {error}", place=path) from error


def _listed(value: Any) -> Iterator[Any]:
    """Yield the records of a JSON file: a list, a mapping of records, or a list below some key."""
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        asked = [value[key] for key in _QUESTIONS[:3] if key in value]
        if any(not (isinstance(a, list) and a and isinstance(a[0], dict)) for a in asked):
            yield value
            return
        for key, inner in value.items():
            if isinstance(inner, list):
                yield from inner
            elif isinstance(inner, dict):
                yield {"id": key, **inner}


def _questions(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield the questions of a record; a sample's own wording comes from its `extra`."""
    for key in _QUESTIONS:
        value = row.get(key)
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (v for v in value if isinstance(v, str))
    for key in _CHATS:
        value = row.get(key)
        for turn in value if isinstance(value, list) else ():
            if isinstance(turn, Mapping):
                yield from _asked(turn)
    for turn in _turns(row.get("extra")):
        if isinstance(turn, Mapping) and isinstance(turn.get("question"), str):
            yield turn["question"]


def _turns(extra: Any) -> list[Any]:
    """Return the turns that `extra` of a sample tells; others may keep anything under that name."""
    if not isinstance(extra, str) or '"question"' not in extra:
        return []
    try:
        told = orjson.loads(extra)
    except orjson.JSONDecodeError:
        return []
    turns = told.get("turns") if isinstance(told, dict) else None
    return turns if isinstance(turns, list) else []


def _asked(turn: Mapping[str, Any]) -> Iterator[str]:
    role = turn.get("role") or turn.get("from") or "user"
    if role not in ("user", "human", "document"):
        return
    for key in _ASKED_BY:
        value = turn.get(key)
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            parts = (p.get("text") for p in value if isinstance(p, Mapping))
            yield "\n".join(p for p in parts if isinstance(p, str))


class _Beside:
    """Pictures of a record: inside it, or by name in a folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._names: dict[str, str] | None = None

    def bytes_of(self, row: Mapping[str, Any]) -> Iterator[bytes]:
        for key, value in row.items():
            if any(word in key.lower() for word in _SHOWS) or isinstance(value, bytes):
                numbered = isinstance(value, int) and key in _NUMBERED
                yield from self._of(str(value) if numbered else value)

    def _of(self, value: Any) -> Iterator[bytes]:
        if isinstance(value, bytes):
            if value.startswith(_MAGIC):
                yield value
        elif isinstance(value, Mapping):
            yield from self._of(value.get("bytes") or value.get("path"))
        elif isinstance(value, list):
            for inner in value:
                yield from self._of(inner)
        elif isinstance(value, str) and value:
            yield from self._named(value) if len(value) < _LONG else self._inside(value)

    def _inside(self, value: str) -> Iterator[bytes]:
        try:
            data = base64.b64decode(value.rpartition("base64,")[2], validate=True)
        except (binascii.Error, ValueError):
            yield from self._named(value)
            return
        if data.startswith(_MAGIC):
            yield data

    def _named(self, value: str) -> Iterator[bytes]:
        if self._names is None:
            found = files.find_files(self._folder)
            pictures = [name for name in found if name.lower().endswith(PICTURES)]
            self._names = {m[1]: n for n in pictures if (m := _PADDED.search(n))}
            self._names |= {PurePosixPath(name).name: name for name in pictures}
            self._names |= {PurePosixPath(n).stem: n for n in pictures} | {n: n for n in pictures}
        name = self._names.get(value) or self._names.get(PurePosixPath(value).name)
        if name:
            yield files.read_bytes(files.join(self._folder, name))
