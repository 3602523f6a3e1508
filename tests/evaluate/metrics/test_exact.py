"""Metrics by name, and what exact match leaves out of account."""

from __future__ import annotations

import pytest

from cauldron.errors import UsageError
from cauldron.evaluate.metrics import answer_metric
from cauldron.evaluate.metrics.exact import exact_match


@pytest.mark.parametrize("prediction", ["3.", " 3", "3!", "3 ."])
def test_exact_match_ignores_blanks_and_marks_at_the_end(prediction: str) -> None:
    assert exact_match(prediction, ["3."]) == 1


def test_exact_match_ignores_case_and_runs_of_white_space() -> None:
    assert exact_match("The  RED\nball", ["the red ball."]) == 1


@pytest.mark.parametrize("prediction", ["", "33", "3.0", "the red", "red balls"])
def test_exact_match_wants_the_whole_answer(prediction: str) -> None:
    assert exact_match(prediction, ["3", "red ball"]) == 0


def test_any_of_the_answers_will_do() -> None:
    assert exact_match("two", ["2", "two"]) == 1


def test_an_unknown_metric_gets_a_near_name() -> None:
    with pytest.raises(UsageError, match="did you mean 'exact_match'"):
        answer_metric("exact_mach")
