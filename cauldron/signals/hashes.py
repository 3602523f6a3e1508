"""Hashes of what samples say, by which equal ones are found."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import xxhash

from cauldron.signals.said import Said, normalised
from cauldron.signals.sketch import sketches


def hash_signals(said: Said) -> dict[str, Any]:
    """Hash whole texts, and each question without its phrasing."""
    bare = bare_questions(said)
    counts = np.bincount(said.owner[said.answers], minlength=said.samples)
    answers: list[list[str]] = [[] for _ in range(said.samples)]
    normal = said.normal
    for number in said.answers.tolist():
        answers[said.owner[number]].append(normal[number])
    whole = _whole_texts(said)
    texts = [
        hashed(_spaced([*bare[n], *answers[n]]) if counts[n] else whole[n])
        for n in range(said.samples)
    ]
    return {"text_hash": texts, "question_hashes": [[hashed(q) for q in asked] for asked in bare]}


def sketch_signals(said: Said) -> dict[str, Any]:
    """Sketch all that a sample says; null where it has fewer than five words."""
    made, there = sketches(said.joined)
    rows = made.astype("<u4")
    return {
        "minhash": pa.array(
            [row.tobytes() if full else None for row, full in zip(rows, there, strict=True)],
            pa.binary(),
        )
    }


def text_hash(text: str) -> str:
    """Return a 128-bit hash of the normalised text as hex."""
    return hashed(normalised(text))


def hashed(normal: str) -> str:
    """Return a 128-bit hash of a text that is normalised already, as hex."""
    return xxhash.xxh3_128_hexdigest(normal.encode("utf-8", "surrogatepass"))


def _whole_texts(said: Said) -> list[str]:
    parts: list[list[str]] = [[] for _ in range(said.samples)]
    for number, normal in enumerate(said.normal):
        parts[said.owner[number]].append(normal)
    return [_spaced(texts) for texts in parts]


def _spaced(texts: list[str]) -> str:
    return " ".join(text for text in texts if text)


def bare_questions(said: Said) -> list[list[str]]:
    """Return questions, normalised, as the source asks them: drawn phrasing hides no duplicate.

    A source that puts its question in other words keeps its own in `extra.turns[k].question`.
    """
    out: list[list[str]] = [[] for _ in range(said.samples)]
    own = [_own_questions(extra) for extra in said.extra.to_pylist()]
    normal = said.normal
    texts = said.texts
    for number in said.questions.tolist():
        sample = int(said.owner[number])
        asked = out[sample]
        kept = own[sample][len(asked)] if len(asked) < len(own[sample]) else None
        if kept is not None:
            asked.append(normalised(kept))
            continue
        text = texts[number].as_py()
        asked.append(normal[number] if "\n" not in text else normalised(first_line(text)))
    return out


def _own_questions(extra: str | None) -> list[str | None]:
    if not extra or '"question"' not in extra:
        return []
    values = orjson.loads(extra)
    turns = values.get("turns") if isinstance(values, dict) else None
    if not isinstance(turns, list):
        return []
    found = [turn.get("question") if isinstance(turn, dict) else None for turn in turns]
    return [question if isinstance(question, str) else None for question in found]


def first_line(question: str) -> str:
    """Return the question without the hint that may follow on a line of its own."""
    lines = [line for line in question.splitlines() if line.strip()]
    return lines[0] if len(lines) == 2 else question
