"""What a recipe says about evaluation, without torch so that a recipe can be checked anywhere."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Metric = Literal[
    "exact_match",
    "exact_match_vqa",
    "vqa_accuracy",
    "vqa_accuracy_idefics2",
    "vqa_accuracy_lmms_eval",
    "textvqa_accuracy_lmms_eval",
    "anls_lmms_eval",
    "anls_idefics2",
    "chartqa_relaxed_lmms_eval",
    "chartqa_relaxed_idefics2",
    "scienceqa_exact_lmms_eval",
    "ai2d_exact_lmms_eval",
    "seedbench_exact_lmms_eval",
]


class Task(BaseModel):
    """Questions of a source that were held out of training.

    Args:
        source: a source of the mixture with validation samples.
        metric: of `evaluate.metrics`. The official `vqa_accuracy` compares texts as they are
            where all annotators agree; answers in sentence case need `vqa_accuracy_idefics2`.
        limit: most samples.
        max_new_tokens: longest answer in tokens.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    metric: Metric = "exact_match"
    limit: int | None = Field(None, gt=0)
    max_new_tokens: int = Field(16, ge=1)


class EvaluateSettings(BaseModel):
    """An evaluation: tasks by name, answers generated greedily.

    Args:
        batch: questions answered at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")], Task] = Field(
        min_length=1
    )
    batch: int = Field(64, ge=1)
