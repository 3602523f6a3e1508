"""A sample in the shapes that other trainers read.

Some shapes cannot hold every sample: The Cauldron's has no place for a document, a system message
or pictures behind a text. Such a sample is left out and counted by reason, never bent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_MESSAGE = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.list_(pa.struct([("type", pa.string()), ("text", pa.string())]))),
    ]
)
_TEXT = pa.struct([("user", pa.string()), ("assistant", pa.string()), ("source", pa.string())])
STRING = {"dtype": "string", "_type": "Value"}
_IMAGES = {"feature": {"_type": "Image"}, "_type": "List"}


def hub_schema(columns: Mapping[str, pa.DataType], features: Mapping[str, Any]) -> pa.Schema:
    """Return an Arrow schema that `datasets` and the hub viewer read with these features."""
    told = json.dumps({"info": {"features": dict(features)}})
    return pa.schema(list(columns.items()), metadata={"huggingface": told})


CAULDRON_SCHEMA = hub_schema(
    {"images": pa.list_(IMAGE), "texts": pa.list_(_TEXT)},
    {
        "images": _IMAGES,
        "texts": {
            "feature": {"user": STRING, "assistant": STRING, "source": STRING},
            "_type": "List",
        },
    },
)
"""The form of The Cauldron: pictures, then turns."""

MESSAGES_SCHEMA = hub_schema(
    {"images": pa.list_(IMAGE), "messages": pa.list_(_MESSAGE)},
    {
        "images": _IMAGES,
        "messages": {
            "feature": {
                "role": STRING,
                "content": {"feature": {"type": STRING, "text": STRING}, "_type": "List"},
            },
            "_type": "List",
        },
    },
)
"""The form of chat trainers such as TRL: messages with typed parts, and their pictures."""

Row = dict[str, Any]


def cauldron_row(sample: Mapping[str, Any]) -> Row | str:
    """Return a sample in The Cauldron's form, or why it does not fit."""
    found = turns(sample)
    if isinstance(found, str):
        return found
    own = _turn_sources(sample, len(found))
    texts = [
        {"user": user, "assistant": assistant, "source": source}
        for (user, assistant), source in zip(found, own, strict=True)
    ]
    return {"images": sample["images"], "texts": texts}


def messages_row(sample: Mapping[str, Any]) -> Row | str:
    """Return a sample as messages, or why it does not fit: a document is no chat."""
    if any(message["role"] == "document" for message in sample["messages"]):
        return "document"
    return {"images": sample["images"], "messages": sample["messages"]}


def llava_row(sample: Mapping[str, Any], names: list[str]) -> Row | str:
    """Return a sample as LLaVA's conversations, or why it does not fit.

    Args:
        names: the names of its picture files, in order.
    """
    found = turns(sample)
    if isinstance(found, str):
        return found
    talk = []
    for number, (user, assistant) in enumerate(found):
        mark = "<image>\n" * (len(names) if number == 0 else 0)
        talk.append({"from": "human", "value": mark + user})
        talk.append({"from": "gpt", "value": assistant})
    row: Row = {"id": sample["id"], "conversations": talk}
    if names:
        row["image"] = names[0] if len(names) == 1 else names
    return row


def turns(sample: Mapping[str, Any]) -> list[tuple[str, str]] | str:
    """Return the questions and answers of a sample whose pictures all stand in front.

    Returns:
        Pairs of user and assistant text, or in snake_case why the sample is not of that shape.
    """
    messages = sample["messages"]
    if any(message["role"] == "document" for message in messages):
        return "document"
    if any(message["role"] == "system" for message in messages):
        return "system_message"
    roles = [message["role"] for message in messages]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        return "turns_not_alternating"
    texts = []
    for number, message in enumerate(messages):
        kinds = [part["type"] for part in message["content"]]
        pictures = len(sample["images"]) if number == 0 else 0
        if kinds != ["image"] * pictures + ["text"]:
            return "pictures_not_in_front"
        texts.append(message["content"][-1]["text"])
    return list(zip(texts[::2], texts[1::2], strict=True))


def _turn_sources(sample: Mapping[str, Any], turns: int) -> list[str]:
    """Return the `source` of each turn: its own where the raw data gave one."""
    try:
        told = json.loads(sample["extra"] or "{}").get("turns") or []
    except (ValueError, AttributeError):
        told = []
    fits = isinstance(told, list) and len(told) == turns
    own = [turn.get("source") if isinstance(turn, dict) else None for turn in told] if fits else []
    return [str(source or sample["source"]) for source in own or [None] * turns]
