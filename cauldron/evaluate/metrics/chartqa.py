"""Relaxed accuracy for charts: a number may be 5 % off, any other answer must be exact.

Masry et al. 2022, ChartQA, arXiv:2203.10244, section 5.1. The programs in use read numbers in
different ways; neither takes "$10" for 10.
"""

from __future__ import annotations

from collections.abc import Sequence

TOLERANCE = 0.05

_NUMBERS = {
    word: str(value)
    for value, word in enumerate("one two three four five six seven eight nine".split(), 1)
} | {"zero": "0"}


def relaxed_accuracy_lmms(prediction: str, answers: Sequence[str]) -> float:
    """Return 1 if a prediction is right as lmms-eval and VLMEvalKit see it, else 0.

    "12%" is 0.12 and "1,000" is no number. Against 0 and texts the words are compared, whatever
    their case.
    """
    return float(any(_right_lmms(prediction, answer) for answer in answers))


def _right_lmms(prediction: str, answer: str) -> bool:
    predicted, target = _percentage(prediction), _percentage(answer)
    if predicted is not None and target:
        return abs(predicted - target) / abs(target) <= TOLERANCE
    return prediction.lower() == answer.lower()


def _percentage(text: str) -> float | None:
    try:
        return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None


def relaxed_accuracy_idefics2(prediction: str, answers: Sequence[str]) -> float:
    """Return 1 if a prediction is right as the authors of Idefics2 see it, else 0.

    Commas do not count in numbers, number words are read even inside other words, and "%" is not
    understood. The sign of the target is kept in the share, so that every number is right for a
    negative one. Texts keep their case; full stops at the ends do not count.
    """
    predicted = prediction.strip(".")
    number, right = _number(predicted), False
    for answer in (text.strip(".") for text in answers):
        target = _number(answer)
        if target is None:
            right = right or predicted == answer
        elif number is not None:
            if target == 0:
                return float(number == 0)
            return float(right or abs(number - target) / target < TOLERANCE)
    return float(right)


def _number(text: str) -> float | None:
    lower = text.lower()
    for word, digit in _NUMBERS.items():
        lower = lower.replace(word, digit)
    try:
        return float(lower.replace(",", ""))
    except ValueError:
        return None
