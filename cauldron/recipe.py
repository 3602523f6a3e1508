"""The recipe: what to ingest, rules, duplicates, benchmarks, mixture, training, evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cauldron.config import Off, checked, load_model, resolved
from cauldron.curate.decontaminate import DecontaminateSettings
from cauldron.curate.dedup import DedupSettings
from cauldron.curate.lists import Lists, read_lists
from cauldron.curate.rules import Rules, find_rules
from cauldron.evaluate.settings import EvaluateSettings
from cauldron.measuring import MeasureSettings
from cauldron.mixture.settings import MixSettings
from cauldron.publish.licenses import Permissions
from cauldron.sources.hub_repo import PREFIX, pinned
from cauldron.sources.own import described, is_description
from cauldron.storage import files
from cauldron.storage.keys import key_of
from cauldron.train.settings import TrainSettings


class Ingest(BaseModel):
    """One source and split to read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    raw: tuple[str, ...] = ()
    split: str = "train"
    form: str = "auto"
    limit: int | None = Field(None, gt=0)
    prompts: Literal["cauldron", "plain"] = "cauldron"
    options: dict[str, str | int | float] = Field(default_factory=dict)
    max_rejects: float = Field(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _has_raw(self) -> Self:
        if not self.raw and not self.source.startswith(PREFIX):
            raise ValueError("raw: name at least one folder")
        return self


class Benchmark(Ingest):
    """A benchmark to decontaminate against: a split of a source, read like any other."""

    name: str
    split: str = "test"


class Decontaminate(DecontaminateSettings):
    """Benchmarks, and what counts as contaminated.

    Args:
        against: splits of sources, read like any other; or paths of an index, a work folder,
            Parquet or pictures with records beside them, each as PATH or LABEL=PATH.
    """

    against: tuple[Benchmark | str, ...] = Field(min_length=1)


class ListFiles(BaseModel):
    """Files of ids decided by hand, one a line, relative to the recipe.

    Args:
        block: samples that are dropped.
        allow: samples that no rule drops.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    block: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


class Mix(MixSettings):
    """The mixture of a recipe.

    Args:
        materialize: whether shards are written; otherwise the manifest refers to rows. Left out,
            `cauldron run` writes them; `cauldron mix` does with `--materialize`, and goes on with
            those that stand there.
    """

    materialize: bool | None = None


class Recipe(BaseModel):
    """A recipe. Paths of raw data are relative to the recipe's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    seed: int = 0
    ingest: tuple[Ingest, ...] = ()
    measure: MeasureSettings = MeasureSettings()
    rules: str | Rules = "default"
    lists: ListFiles = ListFiles()
    dedup: DedupSettings | Off = DedupSettings()
    decontaminate: Decontaminate | None = None
    mix: Mix = Mix()
    train: TrainSettings | None = None
    evaluate: EvaluateSettings | None = None
    publish: Permissions = Permissions()

    def with_training(self, name: str) -> Recipe:
        """Return this recipe with a shipped training.

        Raises:
            RecipeError: if there is none of this name.
        """
        return self.model_copy(update={"train": checked({"base": name}, TrainSettings, "--train")})

    @property
    def sha256(self) -> str:
        """The hash of what the recipe says."""
        return key_of(self.model_dump(mode="json"))


def load_recipe(path: str) -> Recipe:
    """Read a recipe.

    Raises:
        RecipeError: naming file, line and key.
    """
    return load_model(path, Recipe)


def with_sources(recipe: Recipe, path: str) -> Recipe:
    """Return a recipe with its own sources read, and data sets on the hub pinned to their commits.

    Raises:
        RecipeError: if the description of a source is faulty.
        HubError: if a data set cannot be reached.
        SourceError: if it has no such config, or columns of no known form.
    """
    folder = folder_of(path)
    told: dict[str, object] = {"ingest": tuple(_known(e, folder) for e in recipe.ingest)}
    if recipe.decontaminate:
        listed = recipe.decontaminate.against
        against = tuple(e if isinstance(e, str) else _known(e, folder) for e in listed)
        told["decontaminate"] = recipe.decontaminate.model_copy(update={"against": against})
    return recipe.model_copy(update=told)


_E = TypeVar("_E", bound=Ingest)


def _known(entry: _E, folder: str) -> _E:
    if is_description(entry.source):
        source, form = described(resolved(entry.source, folder))
        return entry.model_copy(update={"source": source, "form": form})
    if not entry.source.startswith(PREFIX):
        return entry
    found = pinned(entry.source, entry.form)
    told = {"source": found.source, "form": found.form, "raw": (*found.roots, *entry.raw)}
    return entry.model_copy(update=told)


def lists_of(recipe: Recipe, path: str) -> Lists:
    """Return the ids that the files of a recipe's lists name.

    Raises:
        RecipeError: if one is not there.
    """
    folder = folder_of(path)
    block, allow = (
        [resolved(u, folder) for u in urls] for urls in (recipe.lists.block, recipe.lists.allow)
    )
    return read_lists(block, allow)


def rules_of(recipe: Recipe, path: str) -> Rules:
    """Return the rules: inline, by the name of a shipped file, or by a path beside the recipe."""
    if isinstance(recipe.rules, Rules):
        return recipe.rules
    return find_rules(recipe.rules, folder_of(path))


def measure_of(recipe: Recipe, path: str) -> MeasureSettings:
    """Return what is measured, paths of the recipe as seen from here."""
    told, folder = recipe.measure, folder_of(path)
    models = {name: resolved(place, folder) for name, place in told.models.items()}
    tokenizer = told.tokenizer and resolved(told.tokenizer, folder)
    return told.model_copy(update={"tokenizer": tokenizer, "models": models})


def folder_of(path: str) -> str:
    """Return the folder of a recipe."""
    return str(Path(path).parent) if files.is_local(path) else path.rpartition("/")[0]
