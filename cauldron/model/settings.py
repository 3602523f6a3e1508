"""What a recipe says about the model, without torch so that a recipe can be checked anywhere."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cauldron.packaged import on_base

Connector = Literal["perceiver", "linear", "mlp", "pixel_shuffle"]
Architecture = Literal["autoregressive", "cross_attention"]


class ModelSettings(BaseModel):
    """A vision encoder and a language model, joined by a connector.

    By default a small Idefics2 from scratch: vision transformer, perceiver and Mistral decoder of
    one width. `vision`, `text` and `perceiver` replace parts of it; `start` replaces the whole.

    Args:
        base: name of a shipped configuration (recipes/model) that the other keys change.
        start: folder or hub name of a whole model to go on from.
        vision: folder or hub name of a vision encoder, or a configuration of `transformers`
            (`model_type: clip_vision_model`; Idefics2's own when none is named).
        text: the same of a language model (`model_type: llama`; mistral when none is named).
        perceiver: what differs from the small perceiver, in the words of `transformers`.
        connector: `perceiver` makes a fixed number of tokens of a picture; `linear` and `mlp`
            make one of each patch, `pixel_shuffle` one of each square of patches (pictures in the
            sequence are squares of one size then).
        shuffle: side of that square.
        architecture: pictures in the sequence, or beside it and read by gated cross-attention.
        cross_every: cross-attention stands before every k-th decoder layer.
        width: hidden size of all three; MLPs are `mlp_ratio` times as wide.
        latents: tokens that the perceiver makes of a picture.
        patch: side of a patch in pixels.
        min_side: the shorter side of a picture is enlarged to it where it is below.
        max_side: the longer side of a picture is shrunk to it where it is above. Equal to
            `min_side`, every picture becomes a square.
        split: cut every picture into four quarters and the whole when answering.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str = ""
    start: str = ""
    vision: str | dict[str, Any] = {}
    text: str | dict[str, Any] = {}
    perceiver: dict[str, Any] = {}
    connector: Connector = "perceiver"
    shuffle: int = Field(2, ge=1)
    architecture: Architecture = "autoregressive"
    cross_every: int = Field(1, ge=1)
    width: int = Field(96, ge=8)
    heads: int = Field(4, ge=1)
    mlp_ratio: int = Field(2, ge=1)
    vision_layers: int = Field(3, ge=1)
    perceiver_layers: int = Field(2, ge=1)
    text_layers: int = Field(3, ge=1)
    latents: int = Field(8, ge=1)
    patch: int = Field(16, ge=1)
    min_side: int = Field(32, ge=1)
    max_side: int = Field(96, ge=1)
    split: bool = False

    @model_validator(mode="before")
    @classmethod
    def _on_base(cls, values: Any) -> Any:
        """Put a shipped configuration under the keys that are given."""
        return on_base(values, "model")

    @model_validator(mode="after")
    def _fits(self) -> ModelSettings:
        if self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        if (self.width // self.heads) % 2:
            raise ValueError("width / heads must be even (rotary positions)")
        if self.min_side < self.patch:
            raise ValueError("min_side must be at least patch")
        if self.max_side % self.multiple or self.max_side < self.min_side:
            raise ValueError("max_side must be a multiple of patch and at least min_side")
        if self.connector != "perceiver" and not self.beside and self.min_side < self.max_side:
            raise ValueError(
                f"with connector {self.connector} every picture takes as many tokens as it has "
                "patches: make all pictures squares by min_side equal to max_side"
            )
        return self

    @property
    def multiple(self) -> int:
        """Both sides of a picture are cut to a multiple of this many pixels."""
        return self.patch * (self.shuffle if self.connector == "pixel_shuffle" else 1)

    @property
    def beside(self) -> bool:
        """Whether pictures stand beside the sequence, where each has a single mark."""
        return self.architecture == "cross_attention"

    @property
    def image_tokens(self) -> int:
        """How many tokens of the sequence a picture takes."""
        if self.beside:
            return 1
        if self.connector == "perceiver":
            return self.latents
        return int((self.max_side // self.multiple) ** 2)
