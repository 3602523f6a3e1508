"""Ablations: one recipe, several arms that change it, each trained and scored with several seeds.

WORK/raw holds what was drawn, WORK/mixture the mixture that all arms share, WORK/arms/ARM-SEED what
each run came to; results.json and results.svg compare them. A run that is done is not done again.
Several are trained at once in processes of their own; each takes its `threads`, so results do not
depend on how many.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cauldron import harness, pipeline
from cauldron.config import load_model
from cauldron.demo.reading import Reading, write_reading
from cauldron.engine.base import Lost
from cauldron.engine.local import LocalEngine
from cauldron.errors import CheckError, RecipeError, UsageError, near
from cauldron.packaged import packaged
from cauldron.recipe import Recipe
from cauldron.storage import files
from cauldron.storage.cores import cores

Say = Callable[[str], None]
ROWS = ("trained", "blind", "untrained")


def _silent(text: str) -> None:
    """Say nothing; unlike a lambda, it can be sent to another process."""


class Ablation(BaseModel):
    """What is compared.

    Args:
        question: what the arms are to tell.
        paper: what the paper found, and where.
        draw: pictures to read, by the name of the folder in WORK/raw that they are drawn into, for
            recipes that ingest them.
        recipe: a recipe with `train` and `evaluate`.
        arms: by name, the keys of `train` that differ; nested keys are changed one by one.
        seeds: of the initial weights; each arm is trained with each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = Field(1, ge=1, le=1)
    question: str
    paper: str = ""
    draw: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Reading] = {}
    recipe: Recipe
    arms: dict[str, dict[str, Any]] = Field(min_length=1)
    seeds: tuple[int, ...] = (0, 1, 2)

    @field_validator("recipe")
    @classmethod
    def _whole(cls, value: Recipe) -> Recipe:
        if value.train is None or value.evaluate is None:
            raise ValueError("the recipe of an ablation has parts train and evaluate")
        return value


def load_ablation(path: str) -> tuple[Ablation, str]:
    """Read an ablation by path, or by the name of a shipped one; return it with its path.

    Raises:
        RecipeError: naming file, line and key, or the names that there are.
    """
    shipped = packaged("recipes") / "ablations" / f"{path}.yaml"
    if "/" not in path and shipped.is_file():
        path = str(shipped)
    if not files.exists(path):
        known = sorted(p.stem for p in (packaged("recipes") / "ablations").glob("*.yaml"))
        raise RecipeError(
            f"no ablation '{path}'{near(path, known)}", hint=f"a path, or one of: {known}"
        )
    return load_model(path, Ablation), path


def arm_recipe(ablation: Ablation, arm: str, seed: int) -> Recipe:
    """Return the recipe of an arm with a seed.

    Raises:
        RecipeError: if what the arm changes does not fit.
    """
    whole = ablation.recipe.model_dump(mode="json", exclude_unset=True)
    whole["train"] = {**_changed(whole["train"], ablation.arms[arm]), "seed": seed}
    try:
        return Recipe.model_validate(whole)
    except ValueError as error:
        raise RecipeError(f"arm '{arm}': {error}") from error


def _changed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(values)
    for key, change in changes.items():
        before = found.get(key)
        nested = isinstance(before, dict) and isinstance(change, dict)
        found[key] = _changed(before, change) if nested and before is not None else change
    return found


def ablate(
    ablation: Ablation,
    path: str,
    place: str,
    *,
    arms: Sequence[str] = (),
    seeds: Sequence[int] = (),
    workers: int | None = None,
    say: Say = _silent,
) -> dict[str, Any]:
    """Train and score every arm with every seed.

    Args:
        path: of the ablation; raw data of its recipe is relative to it, or to WORK when drawn.
        arms, seeds: only these.
        workers: trainings at once; by default as many as the cores have threads for.

    Returns:
        `rows`: for each arm and task the score of each seed, of the same model blind and untrained
        too, with means and the deviation over seeds, parameters and seconds; `plot`.

    Raises:
        UsageError: if an arm is not there.
        CheckError: if the process of a training died twice.
    """
    for arm in arms:
        if arm not in ablation.arms:
            raise UsageError(f"no arm '{arm}'{near(arm, ablation.arms)}")
    manifest = _mixture(ablation, path, place, say)
    tasks = [
        _Training(
            arm=arm,
            seed=seed,
            recipe=arm_recipe(ablation, arm, seed),
            manifest=manifest,
            place=files.join(place, "arms", f"{arm}-{seed}"),
            say=say,
        )
        for seed in seeds or ablation.seeds
        for arm in arms or ablation.arms
    ]
    runs: list[dict[str, Any]] = []
    with LocalEngine(workers or _at_once(tasks)) as engine:
        for done in engine.run(_trained, tasks):
            if isinstance(done, Lost):
                raise CheckError(done.why, place=done.task.place)
            runs.append(done)
            files.write_json(files.join(place, "results.json"), rows(runs))
    found = rows(runs)
    url = files.join(place, "results.svg")
    files.write_bytes(url, plot(ablation.question, found))
    return {"question": ablation.question, "paper": ablation.paper, "rows": found, "plot": url}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    """One arm with one seed."""

    arm: str
    seed: int
    recipe: Recipe
    manifest: str
    place: str
    say: Say


def _trained(task: _Training) -> dict[str, Any]:
    task.say(f"ablate: {task.arm}, seed {task.seed}")
    done = harness.train_and_evaluate(task.recipe, task.manifest, task.place, task.say)
    return {"arm": task.arm, "seed": task.seed, **done}


def _at_once(tasks: Sequence[_Training]) -> int:
    threads = max(task.recipe.train.threads for task in tasks if task.recipe.train)
    return max(cores() // threads, 1)


def _mixture(ablation: Ablation, path: str, place: str, say: Say) -> str:
    recipe = ablation.recipe.model_copy(update={"train": None, "evaluate": None})
    if ablation.draw:
        raw = files.local_path(place) / "raw"
        for number, (name, drawn) in enumerate(ablation.draw.items()):
            if not (raw / name).exists():
                write_reading(raw / name, drawn, (recipe.seed, number))
        path = str(Path(files.local_path(place)) / "recipe.yaml")
    done = pipeline.run(recipe, path, place, say=say)
    return str(done["manifest"])


def rows(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each arm and task: the scores of seeds, their means and deviation."""
    found = []
    for arm in dict.fromkeys(run["arm"] for run in runs):
        own = [run for run in runs if run["arm"] == arm]
        for task in own[0]["evaluate"]["tasks"]:
            scores = [run["evaluate"]["tasks"][task] for run in own]
            row: dict[str, Any] = {"arm": arm, "task": task, "seeds": [run["seed"] for run in own]}
            row["scores"] = {name: [score[name] for score in scores] for name in ROWS}
            for name, each in row["scores"].items():
                row[name] = statistics.fmean(each)
            each = row["scores"]["trained"]
            row["deviation"] = statistics.stdev(each) if len(each) > 1 else None
            row["loss"] = statistics.fmean(run["train"]["loss_last"] for run in own)
            row["parameters"] = own[0]["train"]["parameters"]
            row["seconds"] = statistics.fmean(run["train"]["seconds"] for run in own)
            found.append(row)
    return found


def plot(title: str, found: Sequence[Mapping[str, Any]]) -> bytes:
    """Return bars of the trained score with a dot for each seed and a line at the blind one."""
    height, left, wide = 28, 190, 420
    parts = []
    for number, row in enumerate(found):
        y = 40 + number * height
        label = f"{row['arm']} · {row['task']}"
        bar, blind = wide * row["trained"], left + wide * row["blind"]
        parts.append(
            f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{_escaped(label)}</text>'
            f'<rect x="{left}" y="{y}" width="{bar:.1f}" height="18" fill="#7aa6d8"/>'
            f'<line x1="{blind:.1f}" x2="{blind:.1f}" y1="{y - 2}" y2="{y + 20}" stroke="#a33"/>'
            f'<text x="{left + bar + 8:.1f}" y="{y + 14}">{row["trained"]:.3f}</text>'
        )
        parts += [
            f'<circle cx="{left + wide * score:.1f}" cy="{y + 9}" r="3" fill="#1f3f66"/>'
            for score in row["scores"]["trained"]
        ]
    total = 60 + len(found) * height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="700" height="{total}" '
        f'font-family="sans-serif" font-size="12"><text x="8" y="20" font-size="14">'
        f"{_escaped(title)}</text>{''.join(parts)}</svg>\n"
    ).encode()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
