"""What a recipe says about training, without torch so that a recipe can be checked anywhere."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from cauldron.model.settings import ModelSettings


class TrainSettings(BaseModel):
    """A training from scratch on a mixture.

    Args:
        steps: optimiser steps.
        batch: samples a step.
        row_tokens: tokens of a packed row; longer samples are cut at the end.
        vocab_size: most entries of the tokenizer that is trained on the mixture's texts.
        learning_rate: at the end of the warm-up; it then falls in a straight line to a tenth.
        clip: largest norm of the gradient.
        threads: processor threads; part of the settings because sums depend on it.
        seed: of the initial weights and the tokenizer's texts; the recipe's when left out.
        checkpoint_every: steps between saved states to go on from; 0 saves none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelSettings = ModelSettings()
    steps: int = Field(600, ge=1)
    batch: int = Field(32, ge=1)
    row_tokens: int = Field(512, ge=16)
    vocab_size: int = Field(512, ge=270)
    learning_rate: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(100, ge=0)
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(1.0, gt=0)
    threads: int = Field(2, ge=1)
    seed: int | None = None
    checkpoint_every: int = Field(0, ge=0)
