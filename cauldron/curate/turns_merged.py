"""One sample with the turns of several that ask about the same pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from cauldron.signals.said import normalised


def joined(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return `messages` and `extra` with the turns of all, each question with its answer once.

    Pictures stand in front of the first question, as in the first sample.
    """
    pictures = [p for p in samples[0]["messages"][0]["content"] if p["type"] == "image"]
    seen: set[tuple[str, ...]] = set()
    messages, turns = [], []
    for sample in samples:
        own = _turns(sample["extra"])
        for number, turn in enumerate(exchanges(sample["messages"])):
            key = tuple(normalised(_words(message)) for message in turn)
            if key not in seen:
                seen.add(key)
                messages += turn
                turns.append(own[number] if number < len(own) else None)
    first = messages[0]
    messages[0] = {**first, "content": [*pictures, *first["content"]]}
    extra = _extra(samples[0]["extra"])
    extra |= {"merged": [sample["id"] for sample in samples[1:]]}
    if any(turns):
        extra["turns"] = turns
    return {"messages": messages, "extra": orjson.dumps(extra).decode()}


def exchanges(messages: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield each question with what follows it, without pictures."""
    turn: list[dict[str, Any]] = []
    for message in messages:
        if message["role"] == "user" and turn:
            yield turn
            turn = []
        words = [part for part in message["content"] if part["type"] == "text"]
        turn.append({**message, "content": words})
    if turn:
        yield turn


def _words(message: dict[str, Any]) -> str:
    return "\n".join(part["text"] or "" for part in message["content"])


def _extra(text: str | None) -> dict[str, Any]:
    value = orjson.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def _turns(text: str | None) -> list[Any]:
    turns = _extra(text).get("turns")
    return turns if isinstance(turns, list) else []
