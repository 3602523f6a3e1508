"""Exact match of a prediction with one of the answers."""

from __future__ import annotations

from collections.abc import Sequence

from cauldron.evaluate.metrics.vqa import normalize


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """Return 1 if a prediction equals one of the answers, else 0.

    Upper and lower case, runs of white space, blanks at the ends and full stops, exclamation and
    question marks at the end do not count.
    """
    return float(_plain(prediction) in {_plain(answer) for answer in answers})


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".!? ")


def exact_match_vqa(prediction: str, answers: Sequence[str]) -> float:
    """Return 1 if a prediction equals one of the answers once normalised as for VQA, else 0.

    For sets of one answer to a question, as GQA, where VQA accuracy would always be 0.
    """
    predicted, *given = [normalize(" ".join(text.split())) for text in (prediction, *answers)]
    return float(predicted in given)
