"""Drafts on their way to samples: what is counted, what can be written, ids and extras."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from cauldron.sample import Draft, Reject, Turn

MAX_ID_CHARS = 200


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


def writable(draft: Draft) -> Draft | Reject:
    """Return a draft without empty and repeated turns, or why it cannot be written."""
    if not _is_unicode(draft):
        return Reject(reason="text_not_utf8", detail="half a surrogate pair")
    if draft.parts or not draft.turns:
        return draft if draft.parts else Reject(reason="no_turns")
    if draft.dialogue or len(draft.turns) == 1:
        fault = next((fault for turn in draft.turns if (fault := _fault(turn))), "")
        return Reject(reason=fault) if fault else draft
    notes = dict(draft.notes)
    turns: dict[tuple[str, str], Turn] = {}
    reason = ""
    for turn in draft.turns:
        reason = _fault(turn) or ("repeated_turn" if (turn.user, turn.assistant) in turns else "")
        if reason:
            notes[reason] = notes.get(reason, 0) + 1
        else:
            turns[turn.user, turn.assistant] = turn
    if not turns:
        return Reject(reason=reason)
    if len(turns) == len(draft.turns):
        return draft
    return replace(draft, turns=tuple(turns.values()), notes=notes)


def _fault(turn: Turn) -> str:
    if not turn.user.strip() and not turn.parts:
        return "empty_question"
    return "" if turn.assistant.strip() else "empty_answer"


def _is_unicode(draft: Draft) -> bool:
    texts = [draft.system]
    if draft.parts:
        texts += [part for part in draft.parts if isinstance(part, str)]
    for turn in draft.turns:
        texts += (turn.user, turn.assistant)
    try:
        "".join(texts).encode()
        extra_json(draft)
    except (UnicodeEncodeError, TypeError):
        return False
    return True


def id_part(key: str) -> str:
    """Return a key as the last part of an id: printable, no blanks; a long one ends in its hash."""
    if not key.isprintable() or " " in key:
        key = "".join(c if c.isprintable() and c != " " else "_" for c in key)
    if len(key) > MAX_ID_CHARS:
        digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).hexdigest()
        key = f"{key[: MAX_ID_CHARS - len(digest) - 1]}-{digest}"
    return key


def extra_json(draft: Draft) -> str:
    """Return what the source has and the schema does not, as JSON with sorted keys.

    `turns` lists what is known of each turn; of a dialogue it says `dialogue`.

    Raises:
        TypeError: if it holds what JSON cannot.
    """
    extra = dict(draft.extra)
    about = [turn.extra or {} for turn in draft.turns]
    if any(about):
        extra["turns"] = [dict(facts) for facts in about]
    if draft.dialogue:
        extra["turns"] = "dialogue"
    return orjson.dumps(extra, option=orjson.OPT_SORT_KEYS).decode() if extra else "{}"
