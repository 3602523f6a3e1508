"""Your own data, described in a short YAML file instead of Python.

    name: shop_photos                 # becomes the source
    license: CC-BY-4.0
    files: "*.jsonl"                  # JSON lines, JSON lists, CSV, TSV or Parquet
    images: "photos/{image}"          # a column; a list of names gives several pictures
    turns:
      - {user: "{question}", assistant: "{answer}"}

`{a.b}` is a field inside a field. `each: qa_pairs` repeats a turn over a list; with `choices` the
options of a column are lettered, and an answer that is a number or the text of one becomes its
letter; `conversations` names a column of a chat in the LLaVA or messages shape; `text` makes a
document. The description travels as the name of the form, so that it stands in the ledger and in
published manifests, and any worker has it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from string import ascii_uppercase
from typing import Any, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cauldron.config import load_model
from cauldron.errors import SourceError
from cauldron.phrasing import answered_letter, asked_choice
from cauldron.readers import csv_rows, open_parquet, parquet_groups
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._chats import dialogue, spoken_in_parts
from cauldron.sources._llava import illustrated
from cauldron.sources._places import cell_picture, placed
from cauldron.sources._records import readable, records
from cauldron.sources.base import Form

PREFIX = "own:"
SUFFIXES = (".yaml", ".yml")
_FIELD = re.compile(r"\{([^{}]+)\}")


class OwnTurn(BaseModel):
    """A question and its answer as templates over the columns of a record.

    Args:
        each: column of a list over which the turn is repeated.
        choices: column of the options; the answer is a letter, the text of one, or a number from 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str
    assistant: str
    each: str = ""
    choices: str = ""


class OwnSource(BaseModel):
    """The description of a source.

    Args:
        files: patterns of the files that hold records, by split or for `train` alone.
        images: templates of picture names, relative to the record's file or to a raw folder.
        folders: further folders in which pictures may lie.
        key: template of the last part of the id; records of equal key become one sample.
        keep: columns that are kept in `extra`.
        svg: whether drawings in SVG are painted, as PNG; they are rejected otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    license: str = "unknown"
    files: str | dict[str, str | tuple[str, ...]] | tuple[str, ...] = "*.jsonl"
    images: str | tuple[str, ...] = ()
    folders: tuple[str, ...] = ("images",)
    key: str = ""
    turns: tuple[OwnTurn, ...] = ()
    conversations: str = ""
    text: str = ""
    system: str = ""
    keep: tuple[str, ...] = ()
    svg: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        told = [name for name in ("turns", "conversations", "text") if getattr(self, name)]
        if len(told) != 1:
            raise ValueError(f"name one of turns, conversations and text (found: {told or 'none'})")
        return self

    @property
    def patterns(self) -> dict[str, tuple[str, ...]]:
        """Patterns of files by split."""
        given = self.files if isinstance(self.files, dict) else {"train": self.files}
        return {s: (p,) if isinstance(p, str) else tuple(p) for s, p in given.items()}


def is_description(name: str) -> bool:
    """Say whether a source is named by the file of its description."""
    return name.endswith(SUFFIXES)


def described(path: str) -> tuple[str, str]:
    """Return the source and the name of the form that a description file gives.

    Raises:
        RecipeError: naming file, line and key of the first fault.
    """
    own = load_model(path, OwnSource)
    told = own.model_dump(exclude_defaults=True, mode="json")
    return own.name, PREFIX + orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode()


def own_form(source: str, name: str) -> Form:
    """Return the form that a name of `described` stands for.

    Raises:
        SourceError: if it holds no description.
    """
    try:
        own = OwnSource.model_validate_json(name.removeprefix(PREFIX))
    except ValidationError as error:
        raise SourceError(f"no description of a source: {error.errors()[0]['msg']}") from error

    def files(raw: Raw, split: str) -> list[Found]:
        return raw.find(*(f"**/{p}" for p in own.patterns.get(split, ())))

    def rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
        for file in found:
            yield from readable(_rows(raw, file, split, source), file, split, source)

    return Form(
        name=name,
        files=files,
        splits=lambda raw: [split for split in own.patterns if files(raw, split)],
        rows=rows,
        key=lambda row: _key(own, row),
        convert=lambda row: _convert(own, row),
        open=_opened,
        wanted=", ".join(p for patterns in own.patterns.values() for p in patterns),
        pictures="the pictures that the records name: give their folder as a further raw folder",
        paints_svg=own.svg,
    )


def _rows(raw: Raw, file: Found, split: str, source: str) -> Iterator[Row]:
    suffix = PurePosixPath(file.path.removesuffix(".gz")).suffix.lower()
    if suffix == ".parquet":
        return parquet_groups(raw, file, split, source)
    if suffix in (".csv", ".tsv"):
        return csv_rows(raw, file, split, source, delimiter="\t" if suffix == ".tsv" else ",")
    return records(raw, file, split, source)


def _opened(row: Row, raw: Raw) -> Iterable[Row | Reject]:
    heavy = isinstance(row.data, dict) and {"url", "start", "count"} == row.data.keys()
    return open_parquet(row, raw) if heavy else (row,)


def _key(own: OwnSource, row: Row) -> str:
    if own.key:
        return _filled(own.key, (row.data,))
    return f"{PurePosixPath(row.file).with_suffix('')}/{row.record}"


def _convert(own: OwnSource, row: Row) -> Draft | Reject | Skip:
    if not isinstance(row.data, Mapping):
        return Reject(reason="malformed_record", detail="not an object")
    try:
        draft = _said(own, row)
    except _Missing as error:
        return Reject(reason="missing_column", detail=str(error))
    if isinstance(draft, Reject):
        return draft
    kept = {name: row.data[name] for name in own.keep if row.data.get(name) not in (None, "")}
    license_ = own.license if own.license != "unknown" else None
    return replace(draft, extra={**draft.extra, **kept}, license=license_)


def _said(own: OwnSource, row: Row) -> Draft | Reject:
    pictures = tuple(_pictures(own, row))
    if own.conversations:
        said = list(spoken_in_parts(row, own.conversations))
        chat = dialogue((speaker, words) for speaker, words, _ in said)
        named = [name for *_, names in said for name in names]
        if not own.images:
            pictures = tuple(_picture(own, row, "", True, name) for name in named)
        return chat if isinstance(chat, Reject) else illustrated(chat, pictures)
    if own.text:
        parts = (*range(len(pictures)), _filled(own.text, (row.data,)))
        return Draft(images=pictures, parts=parts)
    system = _filled(own.system, (row.data,)) if own.system else ""
    return Draft(images=pictures, turns=tuple(_turns(own, row)), system=system)


def _turns(own: OwnSource, row: Row) -> Iterator[Turn]:
    for turn in own.turns:
        for item in _value(turn.each, (row.data,)) or () if turn.each else (row.data,):
            inner = item if isinstance(item, Mapping) else {"value": item}
            scopes = (inner, row.data)
            asked = _filled(turn.user, scopes)
            if turn.choices:
                options = _value(turn.choices, scopes) or []
                chosen = _chosen(turn.assistant, scopes, options)
                asked, answer = asked_choice(row, asked, options), answered_letter(row, chosen)
            else:
                answer = _filled(turn.assistant, scopes)
            yield Turn(user=asked, assistant=answer)


def _chosen(template: str, scopes: tuple[Mapping[str, Any], ...], options: Sequence[Any]) -> int:
    """Return the number of the option that an answer means: a number, its text or its letter."""
    whole = _FIELD.fullmatch(template)
    value = _value(whole[1], scopes) if whole else _filled(template, scopes)
    said, texts = _text(value).strip(), [_text(option).strip() for option in options]
    letter = said.strip("(). ").upper()
    if not isinstance(value, int) and said in texts:
        number = texts.index(said)
    elif said.isdecimal():
        number = int(said)
    else:
        number = ascii_uppercase.find(letter) if len(letter) == 1 else -1
    if not 0 <= number < len(texts):
        raise _Missing(f"option '{said[:40]}'")
    return number


def _pictures(own: OwnSource, row: Row) -> Iterator[Picture]:
    for template in (own.images,) if isinstance(own.images, str) else own.images:
        whole = _FIELD.fullmatch(template)
        names = _FIELD.findall(template)
        value = _value(names[0], (row.data,)) if len(names) == 1 else None
        if isinstance(value, list):
            for item in value:
                yield _picture(own, row, template, whole is not None, item)
        elif whole or value is not None:
            if value not in (None, ""):
                yield _picture(own, row, template, whole is not None, value)
        else:
            name = _filled(template, (row.data,))
            yield _picture(own, row, name, True, name)


def _picture(own: OwnSource, row: Row, template: str, whole: bool, value: Any) -> Picture:
    if isinstance(value, bytes) or (isinstance(value, dict) and value.get("bytes") is not None):
        return cell_picture(row, value)
    name = str(value.get("path") or "") if isinstance(value, dict) else str(value)
    if name.startswith("data:image/") and ";base64," in name[:40]:
        return cell_picture(row, {"bytes": _decoded(name.partition(",")[2])})
    place = name if whole else _FIELD.sub(lambda _: name, template)
    places = placed(row, place, *own.folders)
    if place.startswith("/"):  # where it lay on another machine: its last folders may lie here
        inner = PurePosixPath(place).parts[1:]
        ends = ["/".join(inner[start:]) for start in range(len(inner))]
        places = tuple(dict.fromkeys(p for end in ends for p in placed(row, end, *own.folders)))
    return Picture(path=PurePosixPath(place).name, candidates=places)


def _decoded(words: str) -> bytes:
    try:
        return base64.b64decode(words, validate=True)
    except binascii.Error:
        return b""


class _Missing(LookupError):
    """A column that a template names and a record does not have."""


def _filled(template: str, scopes: tuple[Mapping[str, Any], ...]) -> str:
    return _FIELD.sub(lambda found: _text(_value(found[1], scopes)), template)


def _value(path: str, scopes: tuple[Mapping[str, Any], ...]) -> Any:
    first, *rest = path.strip().split(".")
    for scope in scopes:
        if first in scope:
            value: Any = scope[first]
            for name in rest:
                if not isinstance(value, Mapping) or name not in value:
                    raise _Missing(path)
                value = value[name]
            return value
    raise _Missing(path)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    return "" if value is None else str(value)
