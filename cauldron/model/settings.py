"""The size of a small Idefics2, without torch so that a recipe can be checked anywhere."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ModelSettings(BaseModel):
    """An Idefics2 from scratch: vision transformer, perceiver, Mistral decoder of one width.

    Args:
        width: hidden size of all three; MLPs are `mlp_ratio` times as wide.
        latents: tokens that the perceiver makes of a picture.
        patch: side of a patch in pixels.
        min_side: the shorter side of a picture is enlarged to it where it is below.
        max_side: the longer side of a picture is shrunk to it where it is above.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

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

    @model_validator(mode="after")
    def _fits(self) -> ModelSettings:
        if self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        if (self.width // self.heads) % 2:
            raise ValueError("width / heads must be even (rotary positions)")
        if self.min_side < self.patch:
            raise ValueError("min_side must be at least patch")
        if self.max_side % self.patch or self.max_side < self.min_side:
            raise ValueError("max_side must be a multiple of patch and at least min_side")
        return self
