"""What a recipe says about a mixture."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Unit = Literal[
    "samples", "turns", "images", "chars", "answer_tokens", "text_tokens", "total_tokens"
]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Validation(_Settings):
    """Samples held out of training, chosen by hash; samples with one picture go together.

    Args:
        share: share of samples held out.
        sources: sources that hold samples out; all when empty.
    """

    share: float = Field(0.0, ge=0, lt=1)
    sources: tuple[str, ...] = ()


class Group(_Settings):
    """A group of sources (a category, say) that shares one weight.

    Args:
        weight: the group's weight among its neighbours.
        of: weights inside the group, or groups again.
    """

    weight: Weight
    of: dict[str, Weight | Group] = Field(min_length=1)


class Tags(_Settings):
    """Sources by what their cards say; a source fits when it fits every list that is given.

    Args:
        sources: names.
        licenses: licences as in the cards.
        categories: categories as in the cards.
        commercial_use: whether the licence allows commercial use.
    """

    sources: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    commercial_use: bool | None = None


class Draws(_Settings):
    """What is drawn, and how much.

    Args:
        weights: target share of each source or group; sources without one are left out.
        multipliers: how many times each source counts: its share is in proportion to multiplier
            times size. The paper's mixture is given so, by answer tokens. Without either, shares
            are in proportion to sizes.
        samples: budget of draws; default: one pass over all sizes.
        tokens: budget of tokens instead, those of pictures included.
    """

    weights: dict[str, Weight | Group] | None = None
    multipliers: dict[str, Weight] | None = None
    samples: int | None = Field(None, gt=0)
    tokens: int | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one_of_each(self) -> Draws:
        if self.samples and self.tokens:
            raise ValueError("a budget is in samples or in tokens, not both")
        if self.weights is not None and self.multipliers is not None:
            raise ValueError("give weights or multipliers, not both")
        return self


class StageSettings(Draws):
    """One stage: a budget, and weights where they differ from the mixture's."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")


class MixSettings(Draws):
    """A mixture.

    Args:
        by: the unit that shares are of.
        temperature: sizes are raised to 1 / temperature (without `weights`).
        max_epochs: how often a source may be seen over all stages; one number or one a source.
        max_share: largest share of one source.
        image_tokens: tokens a picture costs the model: 64, or 320 with splitting.
        stages: stages one after the other, each with a budget; the last may have none.
        include: only sources that fit.
        exclude: no source that fits.
        validation: what is held out of every stage.
    """

    by: Unit = "samples"
    temperature: Positive = 1.0
    max_epochs: Positive | dict[str, Positive] | None = None
    max_share: float | None = Field(None, gt=0, le=1)
    image_tokens: int = Field(64, gt=0)
    stages: tuple[StageSettings, ...] = ()
    include: Tags | None = None
    exclude: Tags | None = None
    validation: Validation = Validation()

    @model_validator(mode="after")
    def _consistent(self) -> MixSettings:
        if self.stages and (self.samples or self.tokens):
            raise ValueError("with stages, the budgets stand in the stages")
        for stage in self.stages[:-1]:
            if not stage.samples and not stage.tokens:
                raise ValueError(f"stage '{stage.name}' needs samples or tokens: others follow it")
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError("two stages have the same name")
        return self

    def listed(self) -> tuple[StageSettings, ...]:
        """Return the stages; a mixture without any is one stage named `main`."""
        if not self.stages:
            return (
                StageSettings(
                    name="main",
                    samples=self.samples,
                    tokens=self.tokens,
                    weights=self.weights,
                    multipliers=self.multipliers,
                ),
            )
        own = {"weights": self.weights, "multipliers": self.multipliers}
        return tuple(
            stage
            if stage.weights is not None or stage.multipliers is not None
            else stage.model_copy(update=own)
            for stage in self.stages
        )
