"""A first recipe: for a folder of one's own, with its columns guessed, or an empty one."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cauldron.errors import SourceError, UsageError
from cauldron.readers import csv_rows, open_parquet, parquet_groups
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject
from cauldron.schemas import schema_of
from cauldron.sources._records import records
from cauldron.storage import files

_LOOKED_AT = 5
_RECORDS = ("*.jsonl", "*.ndjson", "*.json", "*.csv", "*.tsv", "*.parquet")
_IMAGES = ("image", "images", "image_path", "image_paths", "file_name", "filename", "img", "photo")
_QUESTIONS = ("question", "prompt", "instruction", "user", "query", "input", "q")
_ANSWERS = ("answer", "answers", "response", "output", "assistant", "completion", "label", "a")
_OPTIONS = ("choices", "options", "answer_choices")
_CHATS = ("conversations", "messages", "conversation")
_TEXTS = ("caption", "text", "description", "alt")
_KEYS = ("id", "uid", "sample_id", "question_id")

_RECIPE = """\
# yaml-language-server: $schema=recipe.schema.json
# A recipe of cauldron: what to read, what to leave out, how to weigh it. Run it with
#   cauldron run {file} -o work          (add --dry-run to see the plan first)
# It can be stopped and started again at any time; a changed number does anew what depends on it.
schema_version: 1
name: {name}
seed: 0

ingest:
{ingest}
# Rules over signals of text and pictures: the name of a shipped file, or a file of your own.
rules: default

# Duplicates: whole samples, near texts, near pictures. `off` leaves them in.
dedup:
  exact: true
  text: minhash
  images: phash

# Samples marked by hand in `cauldron view work`: one id a line.
# lists: {{block: [work/marks/block.txt], allow: [work/marks/allow.txt]}}

# Benchmarks that must not leak into the mixture; any source and split can stand here.
# decontaminate:
#   against:
#     - {{name: chartqa-test, source: chartqa, raw: [./chartqa], split: test}}

# Shares of the sources; without weights every kept sample is drawn equally often.
mix:
  by: samples
  # weights: {{{weight}: 0.7, vsr: 0.3}}
  validation: {{share: 0.05}}
  materialize: true
"""
_CATALOGUE = """\
  # One line a source: `cauldron sources` lists them, `cauldron sources NAME` says what to download.
  - {source: vsr, raw: [./vsr, ./coco2017]}
  # - {source: chartqa, raw: [./chartqa]}
  # - {source: "hub:HuggingFaceM4/the_cauldron/ai2d"}    # a config on the hub, read in place
  # - {source: mine.yaml, raw: [./my_folder]}            # your own data: cauldron init FOLDER
"""


def start(raw: str | None, out: str, name: str, *, force: bool) -> dict[str, Any]:
    """Write recipe.yaml, and NAME.yaml for a folder of one's own.

    Returns:
        `written`, `guessed` in sentences and `next`, the command to go on with.

    Raises:
        UsageError: if a file is there already, or the name cannot be a source's.
        SourceError: if no records are found in the folder.
    """
    folder = Path(out)
    if not name.replace("_", "a").isalnum() or not name[0].isalpha():
        raise UsageError(f"'{name}' cannot be the name of a source", hint="letters, digits, _")
    recipe, description = folder / "recipe.yaml", folder / f"{name}.yaml"
    texts = {recipe: ""}
    guessed: list[str] = []
    ingest = _CATALOGUE
    if raw is not None:
        told, guessed = _guessed(raw, name)
        written = yaml.safe_dump(told, sort_keys=False, allow_unicode=True)
        texts[description] = _DESCRIPTION + written
        place = os.path.relpath(raw, folder)
        ingest = f"  - {{source: {name}.yaml, raw: [{json.dumps(place, ensure_ascii=False)}]}}\n"
    texts[folder / "recipe.schema.json"] = json.dumps(schema_of("recipe"), indent=1) + "\n"
    texts[recipe] = _RECIPE.format(
        file=recipe.name, name=name, ingest=ingest, weight=name if raw is not None else "chartqa"
    )
    there = [path for path in texts if path.exists() and not force]
    if there:
        raise UsageError(f"{there[0]} is there already", hint="--yes writes over it")
    for path, text in texts.items():
        files.sweep_beside(str(path))
        files.write_bytes(str(path), text.encode())
    dry = "" if raw is not None else " --dry-run"
    return {
        "written": [str(path) for path in texts],
        "guessed": guessed,
        "next": f"cauldron run {recipe} -o work{dry}",
    }


_DESCRIPTION = """\
# Your own data, described: {column} stands for a column of a record, {a.b} for a field inside one.
# files: a pattern, or a pattern a split ({train: "train*.jsonl", test: "test*.jsonl"}).
# images: a template or a list of them; a column that holds a list gives several pictures.
# turns: question and answer as templates; `each: column` repeats a turn over a list; `choices:
#   column` letters the options, and the answer (letter, text or number from 0) becomes a letter.
# Instead of turns: `conversations: column` (chats) or `text: "{column}"` (documents).
# key: template of a stable id; keep: columns to keep beside the sample.
# license: the SPDX id under which you may use the data; it goes into the manifest and the card.
"""


def _guessed(raw: str, name: str) -> tuple[dict[str, Any], list[str]]:
    file, first = _first_records(raw)
    columns = _columns(first)
    pattern = f"*{Path(file.path).suffix}"
    told: dict[str, Any] = {"name": name, "license": "unknown", "files": pattern}
    guessed = [f"records in {file.path} ({', '.join(list(columns)[:12])})"]
    image = _one_of(columns, _IMAGES)
    if image:
        told["images"] = f"{{{image}}}"
        guessed.append(f"pictures in '{image}'")
    chat, text = _one_of(columns, _CHATS), _one_of(columns, _TEXTS)
    asked, answer = _one_of(columns, _QUESTIONS), _one_of(columns, _ANSWERS)
    if chat:
        told["conversations"] = chat
        guessed.append(f"chats in '{chat}'")
    elif asked and answer:
        told["turns"] = [_turn(columns, asked, answer)]
        guessed.append(f"question '{asked}', answer '{answer}'")
    elif several := _list_of_turns(columns):
        told["turns"] = [several]
        guessed.append(f"a list of questions and answers in '{several['each']}'")
    elif text and image:
        told["turns"] = [{"user": "Describe the image.", "assistant": f"{{{text}}}"}]
        guessed.append(f"'{text}' describes the picture")
    elif text:
        told["text"] = f"{{{text}}}"
        guessed.append(f"documents in '{text}'")
    else:
        told["turns"] = [{"user": "{QUESTION}", "assistant": "{ANSWER}"}]
        guessed.append(f"no question and answer found: edit {name}.yaml")
    if key := _one_of(columns, _KEYS):
        told["key"] = f"{{{key}}}"
    return told, guessed


def _turn(columns: Mapping[str, Any], asked: str, answer: str) -> dict[str, str]:
    """Return the templates of a turn, with its options where it has some."""
    options = _one_of(columns, _OPTIONS)
    given = {"choices": options} if options and isinstance(columns[options], list) else {}
    return {"user": f"{{{asked}}}", "assistant": f"{{{answer}}}", **given}


def _list_of_turns(columns: Mapping[str, Any]) -> dict[str, str] | None:
    """Return a turn that is repeated over a column that holds a list of questions and answers."""
    for column, value in columns.items():
        inner = value[0] if isinstance(value, list) and value else None
        if isinstance(inner, dict):
            asked, answer = _one_of(inner, _QUESTIONS), _one_of(inner, _ANSWERS)
            if asked and answer:
                return {"each": column, **_turn(inner, asked, answer)}
    return None


def _one_of(columns: Mapping[str, Any], names: tuple[str, ...]) -> str:
    lower = {column.lower(): column for column in columns}
    return next((lower[name] for name in names if name in lower), "")


def _columns(rows: list[Row]) -> dict[str, Any]:
    return {column: value for row in rows for column, value in row.data.items()}


def _first_records(raw: str) -> tuple[Found, list[Row]]:
    tree = Raw([raw])
    for pattern in _RECORDS:
        for file in tree.find(f"**/{pattern}"):
            found = [row for row in _some(tree, file) if isinstance(row.data, dict)]
            if found:
                return file, found
    raise SourceError(
        "no records found",
        place=raw,
        hint="wanted: JSON lines, JSON lists, CSV, TSV or Parquet that name pictures and texts",
    )


def _some(tree: Raw, file: Found) -> list[Row]:
    suffix = Path(file.path).suffix.lower()
    if suffix == ".parquet":
        groups = list(itertools.islice(parquet_groups(tree, file, "train", "own"), 1))
        opened = (open_parquet(g, tree) for g in groups if not isinstance(g.data, Reject))
        rows = itertools.chain.from_iterable(opened)
        return [r for r in itertools.islice(rows, _LOOKED_AT) if isinstance(r, Row)]
    if suffix in (".csv", ".tsv"):
        delimiter = "\t" if suffix == ".tsv" else ","
        return list(
            itertools.islice(csv_rows(tree, file, "train", "own", delimiter=delimiter), _LOOKED_AT)
        )
    return list(itertools.islice(records(tree, file, "train", "own"), _LOOKED_AT))
