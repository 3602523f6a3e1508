"""What a recipe says about training, without torch so that a recipe can be checked anywhere."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cauldron.model.settings import ModelSettings
from cauldron.packaged import on_base

Mode = Literal["frozen", "lora", "dora", "full"]
Logger = Literal["tensorboard", "trackio", "wandb"]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PartSettings(_Settings):
    """How one part of the model is trained; a mode alone may stand for it.

    Args:
        mode: `lora` and `dora` train low-rank changes of all matrices, merged at the end.
        learning_rate: that of the stage when left out.
        rank, alpha, dropout: of the low-rank changes.
    """

    mode: Mode = "full"
    learning_rate: float | None = Field(None, gt=0)
    rank: int = Field(64, ge=1)
    alpha: int = Field(16, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _from_mode(cls, values: Any) -> Any:
        return {"mode": values} if isinstance(values, str) else values


class Parts(_Settings):
    """The parts of a model.

    Args:
        connector: with the gated blocks of cross-attention.
        language: the body of the language model with its embeddings.
        head: the output matrix.
        new_embeddings: rows of the marks of Idefics2 in embeddings and head, where those are not
            fully trained themselves; frozen or full.
    """

    vision: PartSettings = PartSettings()
    connector: PartSettings = PartSettings()
    language: PartSettings = PartSettings()
    head: PartSettings = PartSettings()
    new_embeddings: PartSettings = PartSettings(mode="frozen")

    @field_validator("new_embeddings")
    @classmethod
    def _whole(cls, value: PartSettings) -> PartSettings:
        if value.mode not in ("frozen", "full"):
            raise ValueError("new_embeddings is frozen or full")
        return value


class ImageSettings(_Settings):
    """What pictures look like in training.

    Args:
        max_side, min_side: those of the model when left out; no larger than its own.
        split_share: share of samples whose pictures are cut into four quarters and the whole.
        split_sources: only samples of these sources are; all when empty.
        scale_share: share of pictures that are enlarged at random, up to `max_side`.
        scale_max: most that they are enlarged by.
        noise_share: share of pictures with noise as of a scanner: blur, specks, faded ink.
        noise_sources: only pictures of these sources have it; all when empty.
        decode: as Pillow does (`exact`), several times faster and within 70 dB of it (`fast`), or
            faster still with a visible difference (`draft`).
    """

    max_side: int | None = Field(None, ge=1)
    min_side: int | None = Field(None, ge=1)
    split_share: float = Field(0.0, ge=0, le=1)
    split_sources: tuple[str, ...] = ()
    scale_share: float = Field(0.0, ge=0, le=1)
    scale_max: float = Field(2.0, gt=1)
    noise_share: float = Field(0.0, ge=0, le=1)
    noise_sources: tuple[str, ...] = ()
    decode: Literal["exact", "fast", "draft"] = "fast"


class StageSettings(_Settings):
    """One stage of a training.

    Args:
        name: of the stage, in logs and folders.
        mixture: name of the mixture in the work folder; the recipe's when left out.
        steps: optimiser steps.
        tokens: budget in tokens, in place of steps; a step has rows times row_tokens of them.
        batch: about how many samples a step has; `rows` are chosen so.
        rows: packed rows of a step over all processes, in place of `batch`.
        micro_rows: rows of one process that go through the model at once; their gradients add up
            to that of the step, weighted by supervised tokens. 0 takes all.
        row_tokens: tokens of a packed row; longer samples are cut at the end.
        row_images: most pictures of a row; near the mean when left out.
        learning_rate: at the end of the warm-up.
        schedule: how it then falls to `decay_to` times that.
        betas: of AdamW.
        clip: largest norm of the gradient.
        neftune: size of the noise on the decoder's input (arXiv:2310.05914); 0 for none.
        images: sizes and augmentations.
        train: what is trained, by part.
    """

    name: str = Field("train", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    mixture: str = ""
    steps: int = Field(600, ge=1)
    tokens: int | None = Field(None, ge=1)
    batch: int = Field(32, ge=1)
    rows: int | None = Field(None, ge=1)
    micro_rows: int = Field(0, ge=0)
    row_tokens: int = Field(512, ge=16)
    row_images: int | None = Field(None, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(100, ge=0)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    decay_to: float = Field(0.1, ge=0, le=1)
    weight_decay: float = Field(0.01, ge=0)
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = Field(1.0, gt=0)
    neftune: float = Field(0.0, ge=0)
    images: ImageSettings = ImageSettings()
    train: Parts = Parts()


class TrainSettings(StageSettings):
    """A training on mixtures: the keys of a stage, or several stages that differ from them.

    Args:
        base: name of a shipped training (recipes/train) that the other keys change.
        stages: one after the other, each with what differs from the keys beside it.
        vocab_size: most entries of the tokenizer that is trained on the mixture's texts where the
            model does not bring one.
        threads: processor threads; part of the settings because sums depend on it.
        seed: of the initial weights and the tokenizer's texts; the recipe's when left out.
        precision: `bf16` computes in bfloat16 and keeps trained weights in float32.
        parallel: how several processes share the work: copies (`ddp`) or sharded weights (`fsdp`).
        wrap: what is sharded together, by part: a regular expression for names of modules.
        attention: `packed` keeps samples and pictures apart without a mask; or an implementation of
            `transformers`: sdpa, flash_attention_2, flex_attention, eager.
        recompute: give up activations and compute them again in the backward pass.
        checkpoint_every: steps between saved states to go on from; 0 saves none on the way.
        keep: how many of them are kept.
        time_limit_s: save a state and stop after this time.
        validate_every: steps between losses on held-out samples; 0 for none.
        validate_samples: most of them of each source.
        result: whether the checkpoint has the last weights or those of the lowest such loss.
        spike: a loss this many deviations above the recent mean is noted with its samples.
        loggers: besides log.jsonl.
        peak_tflops: of one device, for model flops utilisation; known ones need none.
    """

    base: str = ""
    model: ModelSettings = ModelSettings()
    stages: tuple[StageSettings, ...] = ()
    vocab_size: int = Field(512, ge=270)
    threads: int = Field(2, ge=1)
    seed: int | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    parallel: Literal["ddp", "fsdp"] = "ddp"
    wrap: dict[Literal["vision", "connector", "language"], str] = {}
    attention: str = "packed"
    recompute: bool = False
    checkpoint_every: int = Field(0, ge=0)
    keep: int = Field(2, ge=1)
    time_limit_s: float | None = Field(None, gt=0)
    validate_every: int = Field(0, ge=0)
    validate_samples: int = Field(32, ge=1)
    result: Literal["last", "best"] = "last"
    spike: float = Field(6.0, gt=0)
    loggers: tuple[Logger, ...] = ()
    peak_tflops: float | None = Field(None, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _inherit(cls, values: Any) -> Any:
        """Put a shipped file below; give each stage the keys that stand beside `stages`."""
        values = on_base(values, "train")
        if not isinstance(values, dict) or not isinstance(values.get("stages"), list | tuple):
            return values
        shared = {k: v for k, v in values.items() if k in StageSettings.model_fields}
        stages = [
            {"name": f"stage-{number}", **shared, **stage} if isinstance(stage, dict) else stage
            for number, stage in enumerate(values["stages"], 1)
        ]
        return {**values, "stages": stages}

    @model_validator(mode="after")
    def _consistent(self) -> TrainSettings:
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError("two stages of one name")
        for stage in self.all_stages:
            if (stage.images.max_side or 0) > self.model.max_side and not self.model.start:
                raise ValueError(f"stage {stage.name}: images.max_side is above the model's")
        return self

    @property
    def all_stages(self) -> tuple[StageSettings, ...]:
        """The stages; one of the keys beside `stages` where there are none."""
        if self.stages:
            return self.stages
        return (StageSettings(**{k: getattr(self, k) for k in StageSettings.model_fields}),)
