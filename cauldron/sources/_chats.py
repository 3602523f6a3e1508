"""Instruction sets and chats: who speaks, one question with its answer, whole dialogues.

Texts are kept letter for letter: code, formulas and white space are part of an answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from cauldron.phrasing import text
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._layouts import Names, split_names, splits_of
from cauldron.sources._places import parquet_form, stem
from cauldron.sources._records import holds, records, renamed
from cauldron.sources.base import Form

Convert = Callable[[Row], Draft | Reject | Skip]

ROLES = {
    **dict.fromkeys(("human", "user", "tool"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bing", "bard", "model"), "assistant"),
    "system": "system",
}
"""Names of speakers and their roles; what a tool says is no word of the assistant's."""


MARK = "<image>"
"""Stands in a text where a picture is shown."""


def pair(row: Row, asked: Any, answered: Any, kept: Iterable[str] = ()) -> Draft:
    """Return a sample of one question and its answer, some fields kept in the extra."""
    turn = Turn(user=text(asked), assistant=text(answered))
    return Draft(turns=(turn,), extra=fields(row, kept))


def fields(row: Row, names: Iterable[str]) -> dict[str, Any]:
    """Return those fields of a row that are not empty."""
    return {name: row.data[name] for name in names if row.data.get(name) not in (None, "", [])}


def dialogue(
    said: Iterable[tuple[Any, Any]], extra: Mapping[str, Any] | None = None
) -> Draft | Reject:
    """Return a dialogue from (speaker, text) in order.

    Two texts of one role in a row become one with a blank line between them; a question at the end
    that nobody answers is left out. Both are counted.
    """
    joined: list[tuple[str, str]] = []
    notes: Counter[str] = Counter()
    for speaker, words in said:
        role = ROLES.get(text(speaker).strip().lower())
        if role is None:
            return Reject(reason="role_unknown", detail=text(speaker))
        if joined and joined[-1][0] == role:
            joined[-1] = role, f"{joined[-1][1]}\n\n{text(words)}"
            notes["same_role_joined"] += 1
        else:
            joined.append((role, text(words)))
    system = joined.pop(0)[1] if joined and joined[0][0] == "system" else ""
    roles = [role for role, _ in joined]
    if "system" in roles:
        return Reject(reason="system_not_first")
    if roles[:1] == ["assistant"]:
        return Reject(reason="assistant_first")
    if roles[-1:] == ["user"]:
        joined.pop()
        notes["last_question_cut"] += 1
    if not joined:
        return Reject(reason="no_answer")
    spoken = [words for _, words in joined]
    turns = zip(spoken[::2], spoken[1::2], strict=True)
    return Draft(
        turns=tuple(Turn(user=asked, assistant=answer) for asked, answer in turns),
        system=system,
        dialogue=True,
        extra=extra or {},
        notes=notes,
    )


def spoken_in(row: Row, at: str = "conversations") -> list[tuple[Any, Any]]:
    """Return (speaker, text) of `from` and `value`, or of `role` and `content`."""
    said = []
    for turn in row.data[at]:
        speaker = turn["from"] if "from" in turn else turn["role"]
        said.append((speaker, turn["value"] if "value" in turn else turn["content"]))
    return said


def spoken_in_parts(row: Row, at: str) -> Iterator[tuple[Any, Any, list[Any]]]:
    """Yield speaker, words and named pictures; a list of parts becomes words with marks."""
    for speaker, words in spoken_in(row, at):
        parts = words if isinstance(words, list) else []
        shown = [p for p in parts if isinstance(p, Mapping) and "image" in str(p.get("type"))]
        if parts:
            words = "".join(MARK if p in shown else _worded(p) for p in parts)
        yield speaker, words, [name for p in shown if (name := _named(p))]


def _worded(part: Any) -> str:
    return text(part.get("text") if isinstance(part, Mapping) else part).replace(MARK, "< image>")


def _named(part: Mapping[str, Any]) -> Any:
    """Return the picture that a part holds or names: `image`, `image_url`, `path`."""
    found = next((part[k] for k in ("image", "image_url", "path", "url") if part.get(k)), None)
    return found.get("url", found) if isinstance(found, Mapping) else found


def record_forms(
    source: str,
    names: Names,
    needed: set[str],
    convert: Convert,
    wanted: str,
    *,
    key: Callable[[Row], str] | None = None,
    pictures: str = "",
    tables: Names | None = None,
) -> tuple[Form, Form]:
    """Return the forms of a set of JSON records: its own files, and the hub's Parquet of them.

    Args:
        names: file names of each split.
        needed: fields that the first record has.
        wanted: what to download.
        key: which rows of the set's own files make one sample; each its own when not given.
        tables: names of splits in Parquet files, where they differ.
    """

    def files(raw: Raw, split: str) -> list[Found]:
        found = raw.find(*split_names(split, names))
        fitting = [f for f in found if holds(records(raw, f, split, source), *needed)]
        return fitting or renamed(raw, split, names, source, needed)

    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        for file in found:
            yield from records(raw, file, split, source)

    official = Form(
        name="official",
        files=files,
        splits=splits_of(files, names),
        rows=rows,
        key=key or (lambda row: f"{stem(row.file)}/{row.record}"),
        convert=convert,
        wanted=wanted,
        pictures=pictures,
    )
    mirror = parquet_form(
        source,
        needed.issubset,
        convert,
        f"the hub's Parquet conversion of it ({', '.join(sorted(needed))})",
        splits=tables or {split: (split,) for split in names},
        any_name=True,
    )
    return official, mirror
