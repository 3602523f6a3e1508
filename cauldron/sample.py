"""What a sample is: the Arrow schema, and the drafts that sources make samples from.

A source turns a raw row into a `Draft` (pictures still to be opened), a `Reject` (cannot be used)
or a `Skip` (left out on purpose). Ingest opens the pictures and writes rows of `SAMPLE_SCHEMA`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

SCHEMA_VERSION = 1

_PART = pa.struct([("type", pa.string()), ("text", pa.string())])
_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.list_(_PART))])
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_ORIGIN = pa.struct([("file", pa.string()), ("record", pa.string())])

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
        "cauldron.schema_version": str(SCHEMA_VERSION),
    },
)
"""Columns of every sample shard. `messages` holds the order of reading; the k-th part of type
`image` stands for `images[k]`. The metadata makes `datasets` and the hub viewer show pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One question and its answer; `extra` is kept beside the sample (votes, types, ids)."""

    user: str
    assistant: str
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A sample whose pictures have not been opened yet.

    Args:
        images: the pictures in order.
        turns: a chat; all pictures stand in front of the first question.
        parts: a document instead: texts, and picture numbers (k means `images[k]`), as read.
        extra: what the source has and the schema does not.
        notes: counted remarks, such as `{"letter_label_dropped": 2}`.
        license: licence of this sample where it differs from the source's card.
    """

    images: tuple[Picture, ...] = ()
    turns: tuple[Turn, ...] = ()
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


def sample_table(samples: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows of `SAMPLE_SCHEMA` as a table; the picture bytes are copied once."""
    place = SAMPLE_SCHEMA.get_field_index("images")
    rest = pa.Table.from_pylist(list(samples), schema=SAMPLE_SCHEMA.remove(place))
    pictures = [image for sample in samples for image in sample["images"]]
    payloads = [image["bytes"] for image in pictures]
    data = pa.BinaryArray.from_buffers(
        pa.binary(),
        len(payloads),
        [None, pa.py_buffer(_offsets(map(len, payloads))), pa.py_buffer(b"".join(payloads))],
    )
    paths = pa.array([image["path"] for image in pictures], pa.string())
    structs = pa.StructArray.from_arrays([data, paths], fields=list(_IMAGE))
    offsets = _offsets(len(sample["images"]) for sample in samples)
    lists = pa.ListArray.from_arrays(pa.array(offsets), structs)
    table = rest.add_column(place, SAMPLE_SCHEMA.field(place), lists)
    return table.replace_schema_metadata(SAMPLE_SCHEMA.metadata)


def _offsets(lengths: Iterable[int]) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.cumsum([0, *lengths]).astype(np.int32)


def chat_messages(n_images: int, turns: tuple[Turn, ...]) -> list[dict[str, Any]]:
    """Return `messages` of a chat: all pictures in front of the first question."""
    messages: list[dict[str, Any]] = []
    for number, turn in enumerate(turns):
        pictures = [{"type": "image", "text": None}] * (n_images if number == 0 else 0)
        messages.append({"role": "user", "content": [*pictures, _text(turn.user)]})
        messages.append({"role": "assistant", "content": [_text(turn.assistant)]})
    return messages


def document_messages(parts: tuple[str | int, ...]) -> list[dict[str, Any]]:
    """Return `messages` of a document: one message of role `document`, parts as read."""
    content = [_text(p) if isinstance(p, str) else {"type": "image", "text": None} for p in parts]
    return [{"role": "document", "content": content}]


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def content_hash(seed: int | str, *parts: str) -> int:
    """Return a 64-bit hash of a seed and strings, the same on every machine and run."""
    joined = "\x1f".join((str(seed), *parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big")
