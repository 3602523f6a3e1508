"""Metrics by name: a prediction and its reference answers to a score in 0 .. 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cauldron.errors import UsageError, near
from cauldron.evaluate.vqa import vqa_accuracy, vqa_accuracy_idefics2

Score = Callable[[str, Sequence[str]], float]


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """Return 1 if a prediction equals one of the answers, else 0.

    Upper and lower case, runs of white space, blanks at the ends and full stops, exclamation and
    question marks at the end do not count.
    """
    return float(_plain(prediction) in {_plain(answer) for answer in answers})


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".!? ")


METRICS: dict[str, Score] = {
    "exact_match": exact_match,
    "vqa_accuracy": vqa_accuracy,
    "vqa_accuracy_idefics2": vqa_accuracy_idefics2,
}


def metric(name: str) -> Score:
    """Return a metric.

    Raises:
        UsageError: if there is none of this name.
    """
    if name not in METRICS:
        raise UsageError(f"unknown metric '{name}'{near(name, METRICS)}", hint=", ".join(METRICS))
    return METRICS[name]
