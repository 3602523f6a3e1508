"""ANLS: how close the spelling of an answer is, for documents.

Biten et al. 2019, Scene Text Visual Question Answering, arXiv:1905.13648, section 4: one minus the
edit distance over the longer length, the best of all answers, and 0 below one half. The programs
in use differ in what they compare.
"""

from __future__ import annotations

from collections.abc import Sequence

from cauldron.evaluate.metrics.distance import edit_distance

THRESHOLD = 0.5


def anls_lmms(prediction: str, answers: Sequence[str]) -> float:
    """Return the similarity in 0 .. 1 as lmms-eval, VLMEvalKit and Qwen-VL score it.

    Case and runs of white space do not count in the distance, yet the length is that of the texts
    as given. Exactly one half is kept.

    Raises:
        ValueError: if there is no answer.
    """
    similarity = 1 - min(_share_lmms(prediction, answer) for answer in answers)
    return similarity if similarity >= THRESHOLD else 0.0


def _share_lmms(prediction: str, answer: str) -> float:
    longer = max(len(answer.upper()), len(prediction.upper()))  # upper() can lengthen: "ß"
    distance = edit_distance(_flat(answer), _flat(prediction))
    return distance / longer if longer else 0.0


def _flat(text: str) -> str:
    return " ".join(text.lower().split())


def anls_idefics2(prediction: str, answers: Sequence[str]) -> float:
    """Return the similarity in 0 .. 1 as the authors of Idefics2 score it.

    The prediction loses blanks and full stops at its ends, both sides their case. An empty
    prediction scores 0, and so does a similarity of exactly one half.

    Raises:
        ValueError: if there is no answer.
    """
    predicted, given = prediction.strip().strip(".").lower(), [a.lower() for a in answers]
    if not predicted:
        return 0.0
    share = min(
        edit_distance(answer, predicted) / max(len(answer), len(predicted)) for answer in given
    )
    return 1 - share if share < THRESHOLD else 0.0
