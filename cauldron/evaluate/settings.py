"""What a recipe says about evaluation, without torch so that a recipe can be checked anywhere."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

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


class SuiteSettings(BaseModel):
    """Benchmarks that are run every so many steps of a training.

    Args:
        every_steps: steps of a stage between two runs.
        data: folder or URL with a folder for each benchmark, relative to the recipe.
        tasks: names of benchmarks; the defaults are those of the paper's ablations.
        protocol: how they are asked.
        limit: most questions of each, always the same ones; 0: as the protocol says.
        shots: examples instead of those of the protocol.
        batch: questions answered at once.
        blind: ask once more with grey pictures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    every_steps: int = Field(ge=1)
    data: str
    tasks: tuple[str, ...] = Field(("vqav2", "textvqa", "okvqa", "coco_captions"), min_length=1)
    protocol: str = "ablation"
    limit: int = Field(0, ge=0)
    shots: int | None = Field(None, ge=0)
    batch: int = Field(8, ge=1)
    blind: bool = False


class EvaluateSettings(BaseModel):
    """An evaluation: tasks by name, answers generated greedily.

    Args:
        batch: questions answered at once.
        during: benchmarks that are run while the model is trained.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")], Task] = {}
    batch: int = Field(64, ge=1)
    during: SuiteSettings | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.tasks and not self.during:
            raise ValueError("name at least one task, or benchmarks under during")
        return self
