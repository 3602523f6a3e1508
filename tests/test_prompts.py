"""Prompts: the paper's wording by default, bare question and answer when asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cauldron import phrasing, steps
from cauldron.engine.local import LocalEngine
from cauldron.errors import UsageError
from cauldron.phrasing import (
    BRIEF_ANSWER,
    SEVERAL_QUESTIONS,
    SHORT_ANSWER,
    announced,
    answered,
    answered_letter,
    answered_yes_no,
    asked,
    asked_choice,
    asked_yes_no,
)
from cauldron.readers.raw import Row
from tests.conftest import picture


def row(prompts: str, record: str = "1") -> Row:
    return Row(
        file="f", record=record, data={}, folder="", split="train", source="s", prompts=prompts
    )


PAPER, PLAIN = row("cauldron"), row("plain")


def test_the_families_have_the_papers_sizes() -> None:
    sizes = [len(set(family)) for family in (BRIEF_ANSWER, SHORT_ANSWER, SEVERAL_QUESTIONS)]
    assert sizes == [8, 11, 17]


def test_a_question_gets_a_hint_or_stays_bare() -> None:
    head, hint = asked(PAPER, " what is it?", BRIEF_ANSWER).split("\n")
    assert head == "What is it?" and hint in BRIEF_ANSWER
    assert asked(PLAIN, " what is it?", BRIEF_ANSWER) == "what is it?"


def test_hints_differ_by_record() -> None:
    hints = {asked(row("cauldron", str(n)), "a?", SHORT_ANSWER) for n in range(200)}
    assert len(hints) == len(SHORT_ANSWER)


def test_a_preamble_stands_in_front() -> None:
    preamble, question = announced(PAPER, "how many?").split("\n")
    assert preamble in SEVERAL_QUESTIONS and question == "How many?"
    assert announced(PLAIN, "how many?") == "how many?"


def test_an_answer_is_a_sentence_or_stays_bare() -> None:
    assert (answered(PAPER, "iPhone "), answered(PLAIN, "iPhone ")) == ("IPhone.", "iPhone")


def test_choices_are_lettered_either_way() -> None:
    paper = "Question: Which?\nChoices:\nA. x\nB. y\nAnswer with the letter."
    assert asked_choice(PAPER, "Which?", ["x", "y"]) == paper
    assert asked_choice(PLAIN, "Which?", ["x", "y"]) == "Which?\nA. x\nB. y"
    assert (answered_letter(PAPER, 1), answered_letter(PLAIN, 1)) == ("Answer: B", "B")


def test_yes_and_no() -> None:
    assert asked_yes_no(PAPER, "is it?") == f"Is it?\n{phrasing.YES_OR_NO}"
    assert [answered_yes_no(PAPER, True), answered_yes_no(PLAIN, False)] == ["Yes.", "No"]


def textvqa(folder: Path) -> Path:
    (folder / "train_images").mkdir(parents=True)
    (folder / "train_images" / "a.jpg").write_bytes(picture())
    record = {"image_id": "a", "question": "what brand?", "answers": ["dakota"], "question_id": 1}
    (folder / "TextVQA_0.5.1_train.json").write_text(json.dumps({"data": [record]}))
    return folder


def ingest(work: Path, raw: Path, **options: Any) -> dict[str, Any]:
    with LocalEngine(0) as engine:
        return steps.ingest(engine, str(work), "textvqa", [str(raw)], **options)


def test_ingest_follows_the_prompts_and_runs_again_when_they_change(tmp_path: Path) -> None:
    raw = textvqa(tmp_path / "raw")
    ingest(tmp_path / "work", raw)
    entry = ingest(tmp_path / "work", raw, prompts="plain")
    (messages,) = pq.read_table(tmp_path / "work/samples/textvqa")["messages"].to_pylist()
    said = [message["content"][-1]["text"] for message in messages]
    assert (entry["resumed"], said) == (False, ["what brand?", "dakota"])
    assert entry["settings"]["prompts"] == "plain"


def test_unknown_prompts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one of: cauldron, plain"):
        ingest(tmp_path / "work", tmp_path, prompts="bare")
