"""What a sample is: the Arrow schema, and the drafts that sources make samples from.

A source turns a raw row into a `Draft` (pictures still to be opened), a `Reject` (cannot be used)
or a `Skip` (left out on purpose). Ingest opens the pictures and writes rows of `SAMPLE_SCHEMA`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

SCHEMA_VERSION = 1
SCHEMA_VERSION_KEY = "cauldron.schema_version"

_PART = pa.struct([("type", pa.string()), ("text", pa.string())])
_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.list_(_PART))])
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_ORIGIN = pa.struct([("file", pa.string()), ("record", pa.string())])
_FIELDS = {kind: list(kind) for kind in (_PART, _MESSAGE, _IMAGE, _ORIGIN)}

_STRING = {"dtype": "string", "_type": "Value"}
_FEATURES = {
    "id": _STRING,
    "source": _STRING,
    "messages": {
        "feature": {
            "role": _STRING,
            "content": {"feature": {"type": _STRING, "text": _STRING}, "_type": "List"},
        },
        "_type": "List",
    },
    "images": {"feature": {"_type": "Image"}, "_type": "List"},
    "license": _STRING,
    "origin": {"file": _STRING, "record": _STRING},
    "extra": _STRING,
}

SAMPLE_SCHEMA: pa.Schema = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("messages", pa.list_(_MESSAGE)),
        ("images", pa.list_(_IMAGE)),
        ("license", pa.string()),
        ("origin", _ORIGIN),
        ("extra", pa.string()),
    ],
    metadata={
        "huggingface": json.dumps({"info": {"features": _FEATURES}}),
        SCHEMA_VERSION_KEY: str(SCHEMA_VERSION),
    },
)
"""Columns of every sample shard. `messages` holds the order of reading; the k-th part of type
`image` stands for `images[k]`. The metadata makes `datasets` and the hub viewer show pictures."""


@dataclass(slots=True, kw_only=True)  # of millions: frozen, each takes three times as long to make
class Picture:
    """A picture of a draft: encoded bytes, or places to look for them in order.

    Args:
        path: the picture's own file name, kept in `images[k].path`.
        candidates: URLs, or names relative to any raw root, tried in order.
        bytes: encoded bytes, when the source carries or draws them.
    """

    path: str = ""
    candidates: tuple[str, ...] = ()
    bytes: bytes | None = None

    @property
    def identity(self) -> object:
        """Two pictures with equal identity are the same picture of the source."""
        return self.candidates or self.bytes


@dataclass(slots=True, kw_only=True)  # of millions: frozen, each takes three times as long to make
class Turn:
    """One question and its answer; `extra` is kept beside the sample (votes, types, ids).

    Args:
        parts: the question as read where pictures stand inside it: texts, and picture numbers.
    """

    user: str
    assistant: str
    extra: Mapping[str, Any] | None = None
    parts: tuple[str | int, ...] = ()


@dataclass(slots=True, kw_only=True)  # of millions: frozen, each takes three times as long to make
class Draft:
    """A sample whose pictures have not been opened yet.

    Args:
        images: the pictures in order.
        turns: a chat; all pictures stand in front of the first question, or where turns put them.
        system: what a chat says in front of its first question.
        dialogue: turns build on each other: none is ever dropped, moved or merged with others.
        parts: a document instead: texts, and picture numbers (k means `images[k]`), as read.
        extra: what the source has and the schema does not.
        notes: counted remarks, such as `{"letter_label_dropped": 2}`.
        license: licence of this sample where it differs from the source's card.
    """

    images: tuple[Picture, ...] = ()
    turns: tuple[Turn, ...] = ()
    system: str = ""
    dialogue: bool = False
    parts: tuple[str | int, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)
    license: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A record that cannot be used: it goes to quarantine with this reason (snake_case)."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A record left out on purpose (other split, template rewording): counted, not kept."""

    reason: str
    detail: str = ""


def sample_table(
    samples: Sequence[Mapping[str, Any]], pictures: pa.Buffer | None = None
) -> pa.Table:
    """Return rows of `SAMPLE_SCHEMA` as a table, built column by column.

    It equals `pa.Table.from_pylist`, in a third of the time; picture bytes are copied once.

    Args:
        pictures: the bytes of all pictures, one behind the other, which then are not copied.
    """
    origins = [sample["origin"] for sample in samples]
    columns = {
        "id": _column(samples, "id"),
        "source": _column(samples, "source"),
        "messages": _message_lists([sample["messages"] for sample in samples]),
        "images": _image_lists([sample["images"] for sample in samples], pictures),
        "license": _column(samples, "license"),
        "origin": _structs(_ORIGIN, _column(origins, "file"), _column(origins, "record")),
        "extra": _column(samples, "extra"),
    }
    return pa.table(columns, schema=SAMPLE_SCHEMA)


def _message_lists(chats: list[list[dict[str, Any]]]) -> pa.Array:
    messages = list(itertools.chain.from_iterable(chats))
    contents = [message["content"] for message in messages]
    parts = list(itertools.chain.from_iterable(contents))
    content = _lists(contents, _structs(_PART, _column(parts, "type"), _column(parts, "text")))
    return _lists(chats, _structs(_MESSAGE, _column(messages, "role"), content))


def _image_lists(rows: list[list[dict[str, Any]]], pictures: pa.Buffer | None) -> pa.Array:
    images = list(itertools.chain.from_iterable(rows))
    payloads = [image["bytes"] for image in images]
    data = _joined(payloads) if pictures is None else pictures
    buffers = [None, pa.py_buffer(_offsets(payloads)), data]
    column = pa.BinaryArray.from_buffers(pa.binary(), len(payloads), buffers)
    return _lists(rows, _structs(_IMAGE, column, _column(images, "path")))


def _joined(payloads: list[bytes | memoryview]) -> pa.Buffer:
    """Join pictures in memory of Arrow's pool, which it keeps and gives out again."""
    buffer = pa.allocate_buffer(sum(map(len, payloads)))
    view, start = memoryview(buffer).cast("B"), 0
    for payload in payloads:
        end = start + len(payload)
        view[start:end] = payload
        start = end
    return buffer


def _column(records: Sequence[Mapping[str, Any]], name: str) -> pa.Array:
    """Return a column of texts, built from buffers: `pa.array` would import pandas first."""
    given: list[str | None] = [record[name] for record in records]
    there = None
    if None in given:
        bits = np.packbits([value is not None for value in given], bitorder="little")
        there = pa.py_buffer(bits)
    texts = [value or "" for value in given]
    joined = "".join(texts)
    encoded = texts if joined.isascii() else [text.encode() for text in texts]
    buffers = [pa.py_buffer(_offsets(encoded)), pa.py_buffer(joined.encode())]
    return pa.StringArray.from_buffers(len(given), *buffers, there)


def _structs(kind: pa.StructType, *columns: pa.Array) -> pa.Array:
    return pa.StructArray.from_arrays(columns, fields=_FIELDS[kind])


def _lists(rows: Sequence[Sized], values: pa.Array) -> pa.Array:
    offsets = pa.py_buffer(_offsets(rows))
    starts = pa.Int32Array.from_buffers(pa.int32(), len(rows) + 1, [None, offsets])
    return pa.ListArray.from_arrays(starts, values)


def _offsets(items: Sequence[Sized]) -> np.ndarray[Any, np.dtype[np.int32]]:
    ends = itertools.accumulate(map(len, items), initial=0)
    return np.fromiter(ends, np.int32, len(items) + 1)


def chat_messages(n_images: int, turns: tuple[Turn, ...], system: str = "") -> list[dict[str, Any]]:
    """Return `messages` of a chat: pictures where turns put them, else in front of all."""
    messages: list[dict[str, Any]] = []
    if system:
        messages.append({"role": "system", "content": [_text(system)]})
    placed = any(turn.parts for turn in turns)
    for number, turn in enumerate(turns):
        first = range(n_images) if number == 0 and not placed else ()
        asked = _content(turn.parts or (*first, turn.user))
        messages.append({"role": "user", "content": asked})
        messages.append({"role": "assistant", "content": [_text(turn.assistant)]})
    return messages


def document_messages(parts: tuple[str | int, ...]) -> list[dict[str, Any]]:
    """Return `messages` of a document: one message of role `document`, parts as read."""
    return [{"role": "document", "content": _content(parts)}]


_IMAGE_PART = {"type": "image", "text": None}


def _content(parts: tuple[str | int, ...]) -> list[dict[str, Any]]:
    return [_text(p) if isinstance(p, str) else _IMAGE_PART for p in parts]


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def content_hash(seed: int | str, *parts: str) -> int:
    """Return a 64-bit hash of a seed and strings, the same on every machine and run."""
    joined = "\x1f".join((str(seed), *parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big")
