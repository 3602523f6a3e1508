"""Metrics by name: a prediction and its reference answers to a score.

Programs in use score the same benchmark in different ways; each way has its own name here and says
whose program it follows. Names of the form `<metric>_<program>` are canonical, others stand for
them (`ALIASES`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cauldron.errors import UsageError, near
from cauldron.evaluate.metrics import anls, chartqa, exact, letters, vqa

Score = Callable[[str, Sequence[str]], float]

ANSWER_METRICS: dict[str, Score] = {
    "exact_match": exact.exact_match,
    "exact_match_vqa": exact.exact_match_vqa,
    "vqa_accuracy": vqa.vqa_accuracy,
    "vqa_accuracy_idefics2": vqa.vqa_accuracy_idefics2,
    "vqa_accuracy_lmms_eval": vqa.vqa_accuracy_lmms,
    "textvqa_accuracy_lmms_eval": vqa.vqa_accuracy_evalai,
    "anls_lmms_eval": anls.anls_lmms,
    "anls_idefics2": anls.anls_idefics2,
    "chartqa_relaxed_lmms_eval": chartqa.relaxed_accuracy_lmms,
    "chartqa_relaxed_idefics2": chartqa.relaxed_accuracy_idefics2,
    "scienceqa_exact_lmms_eval": letters.scienceqa_lmms,
    "ai2d_exact_lmms_eval": letters.ai2d_lmms,
    "seedbench_exact_lmms_eval": letters.seedbench_lmms,
}

SEVERAL_ANSWERS = frozenset(
    {"vqa_accuracy", "vqa_accuracy_lmms_eval", "textvqa_accuracy_lmms_eval"}
)


def answer_metric(name: str) -> Score:
    """Return a metric of a prediction and its answers.

    Raises:
        UsageError: if there is none of this name.
    """
    if name not in ANSWER_METRICS:
        raise UsageError(
            f"unknown metric '{name}'{near(name, ANSWER_METRICS)}", hint=", ".join(ANSWER_METRICS)
        )
    return ANSWER_METRICS[name]
