"""The form of messages of any source: Parquet with `messages`, and `images` where there are some.

It is how sets for TRL and mixtures of ours are published. A part of type image stands for the next
picture; text may be a string or a list of parts. Our own columns `id`, `license` and `extra` come
back as they were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cauldron.readers.columnar import columns
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources.base import Form
from cauldron.sources.hub import picture_of, published_form, row_key, split_files


def messages_for(source: str) -> Form:
    """Return the form of messages of a source."""
    wanted = "Parquet with the columns messages and images, as for chat trainers"
    return published_form(source, "messages", _files, _key, _convert, wanted)


def _files(raw: Raw, split: str) -> list[Found]:
    return [f for f in split_files(raw, split) if "messages" in columns(f)]


def _key(row: Row) -> str:
    own = f"{row.source}/{row.split}/"
    told = row.data.get("id")
    return told.removeprefix(own) if isinstance(told, str) and told else row_key(row)


def _convert(row: Row) -> Draft | Reject | Skip:
    images = row.data.get("images") or []
    if isinstance(images, Mapping):
        images = [images]
    pictures = tuple(picture_of(image) for image in images)
    said = [(str(m["role"]), _parts(m["content"])) for m in row.data["messages"] or ()]
    parts, marks = _numbered(said)
    if not marks and pictures and parts:
        parts[0] = (parts[0][0], (*range(len(pictures)), *parts[0][1]))
    elif marks != len(pictures):
        return Reject(reason="image_count", detail=f"{marks} marks, {len(pictures)} pictures")
    extra = _extra(row.data.get("extra"))
    license_ = row.data.get("license")
    told: dict[str, Any] = {
        "images": pictures,
        "extra": extra,
        "license": license_ if isinstance(license_, str) and license_ else None,
    }
    if [role for role, _ in parts] == ["document"]:
        return Draft(parts=parts[0][1], **told)
    return _chat(parts, told, ours="extra" in row.data)


def _chat(
    parts: list[tuple[str, tuple[str | int, ...]]], told: Mapping[str, Any], ours: bool
) -> Draft | Reject:
    """Return a chat with what is known of each turn; chats that are not ours are dialogues."""
    system = ""
    if parts and parts[0][0] == "system":
        system = _text(parts.pop(0)[1])
    roles = [role for role, _ in parts]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        return Reject(reason="turns_not_alternating", detail=", ".join(roles)[:200])
    if any(isinstance(p, int) for _, content in parts[1::2] for p in content):
        return Reject(reason="picture_in_answer")
    turns = tuple(
        Turn(user=_text(asked), assistant=_text(answer), parts=asked)
        for (_, asked), (_, answer) in zip(parts[::2], parts[1::2], strict=True)
    )
    of_turns = told["extra"].pop("turns", None)
    if isinstance(of_turns, list) and len(of_turns) == len(turns):
        turns = tuple(replace(t, extra=e or None) for t, e in zip(turns, of_turns, strict=True))
    independent = ours and of_turns != "dialogue"
    return Draft(turns=turns, system=system, dialogue=not independent, **told)


def _parts(content: Any) -> list[str | None]:
    """Return the texts of a message, None for each picture."""
    if isinstance(content, str):
        return [content]
    return [None if part["type"] == "image" else str(part["text"] or "") for part in content]


def _numbered(
    said: list[tuple[str, list[str | None]]],
) -> tuple[list[tuple[str, tuple[str | int, ...]]], int]:
    number = 0
    out: list[tuple[str, tuple[str | int, ...]]] = []
    for role, parts in said:
        numbered: list[str | int] = []
        for part in parts:
            if part is None:
                numbered.append(number)
                number += 1
            else:
                numbered.append(part)
        out.append((role, tuple(numbered)))
    return out, number


def _text(parts: tuple[str | int, ...]) -> str:
    return "".join(part for part in parts if isinstance(part, str))


def _extra(told: Any) -> dict[str, Any]:
    try:
        found = json.loads(told) if isinstance(told, str) and told else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
