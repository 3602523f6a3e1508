"""VQA accuracy against the values of the official program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cauldron.evaluate.metrics.vqa import normalize, vqa_accuracy, vqa_accuracy_idefics2

TEN = ["two"] * 4 + ["2"] * 3 + ["three"] * 2 + ["many"]


@pytest.mark.parametrize(
    ("prediction", "score"), [("2", 1.0), ("3", 0.6), ("Many", 0.3), ("four", 0.0)]
)
def test_each_annotator_is_left_out_in_turn(prediction: str, score: float) -> None:
    assert vqa_accuracy(prediction, TEN) == pytest.approx(score)


def test_texts_are_compared_as_they_are_when_all_agree() -> None:
    assert vqa_accuracy("Two", ["two"] * 10) == 0
    assert vqa_accuracy(" two\n", ["two"] * 10) == 1


def test_one_answer_scores_nothing() -> None:
    assert vqa_accuracy("two", ["two"]) == 0


def test_no_answer_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one answer"):
        vqa_accuracy("two", [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The red-ish ball", "red ish ball"),
        ("red- ball a-b", "red ball ab"),
        ("1,000 a-b", "1000 ab"),
        ("p.m. at 3.5", "pm at 3.5"),
        ("None of Ten", "0 of 10"),
        ("dont couldnt've yall'd've", "don't couldn't've y'all'd've"),
        ("$5 50% o'clock", "$5 50% o'clock"),
        ("." * 40 + "x", "." * 8 + "x"),
    ],
)
def test_normalisation(text: str, expected: str) -> None:
    assert normalize(text) == expected


@pytest.mark.parametrize("name", ["vqa.json", "vqa_more.json"])
def test_scores_are_those_of_the_official_program(slices: Path, name: str) -> None:
    records = json.loads((slices / "metrics" / name).read_text())
    scored = [r for r in records if r["metric"] == "vqa_accuracy_official"]
    assert len(scored) > 100
    wrong = [
        r["prediction"]
        for r in scored
        if vqa_accuracy(r["prediction"], r["references"]) != pytest.approx(r["score"])
    ]
    assert not wrong


def test_texts_normalise_as_in_the_official_program(slices: Path) -> None:
    records = json.loads((slices / "metrics" / "vqa.json").read_text())
    cases = [r for r in records if r["metric"] == "vqa_normalize"]
    assert len(cases) > 100
    assert not [r for r in cases if normalize(r["prediction"]) != r["score"]]


def test_an_answer_in_sentence_case_counts_for_idefics2() -> None:
    assert vqa_accuracy_idefics2("Two.", ["two"] * 10) == 1


def test_one_answer_is_an_exact_match_for_idefics2() -> None:
    assert vqa_accuracy_idefics2("Two.", ["2"]) == 1
    assert vqa_accuracy_idefics2("Three.", ["2"]) == 0


@pytest.mark.parametrize(
    ("program", "fewest"),
    [("vqa_accuracy_m4", 1), ("vqa_accuracy_lmms_eval", 2), ("textvqa_accuracy_lmms_eval", 2)],
)
def test_scores_are_those_of_programs_that_always_normalise(
    slices: Path, program: str, fewest: int
) -> None:
    records = json.loads((slices / "metrics" / "vqa.json").read_text())
    scored = [r for r in records if r["metric"] == program and len(r["references"]) >= fewest]
    assert len(scored) > 90
    wrong = [
        r["prediction"]
        for r in scored
        if vqa_accuracy_idefics2(r["prediction"], r["references"]) != pytest.approx(r["score"])
    ]
    assert not wrong
