"""Train and evaluate from a manifest: what is done already is not done again.

WORK/train/ holds log.jsonl, checkpoint/, results.json, predictions/ and done.json, which names the
key of everything that the training and the evaluation depended on.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any

from cauldron import __version__
from cauldron.config import resolved
from cauldron.errors import RecipeError, UsageError
from cauldron.evaluate.metrics import answer_metric
from cauldron.evaluate.settings import EvaluateSettings, Task
from cauldron.mixture.manifest import read_manifest
from cauldron.recipe import Recipe
from cauldron.storage import files, work
from cauldron.storage.keys import key_of
from cauldron.train.settings import TrainSettings

Say = Callable[[str], None]
_UNUSED = ("recipe", "recipe_sha256")
_OPERATION = {
    "checkpoint_every", "keep", "time_limit_s", "loggers", "spike", "peak_tflops", "parallel",
    "wrap",
}  # fmt: skip
"""Settings that say how a training is run, not what comes out."""


def train_and_evaluate(
    recipe: Recipe, manifest: str, place: str, say: Say, base: str = "."
) -> dict[str, Any]:
    """Train on a mixture and run the recipe's tasks, into WORK/train.

    Args:
        base: folder of the recipe.

    Returns:
        `train`: a summary; `evaluate`: the scores of each task. Each says whether it was resumed.

    Raises:
        RecipeError: if the recipe has no `train`, or a task that the mixture cannot give.
        UsageError: if torch is not installed.
    """
    done = {"train": train(recipe, manifest, place, say, base)}
    if recipe.evaluate and recipe.evaluate.tasks and _first():
        done["evaluate"] = _evaluate(recipe, manifest, place, say)
    return done


def train(recipe: Recipe, manifest: str, place: str, say: Say, base: str = ".") -> dict[str, Any]:
    """Train on a mixture into WORK/train; nothing is done when nothing has changed."""
    settings = _train_settings(recipe)
    require_torch()
    folder, seed = _folder(place), _seed(recipe, settings)
    key = _train_key(recipe, settings, manifest)
    with work.locked(place) if _first() else contextlib.nullcontext():
        entry = _done(place).get("train", {})
        if entry.get("key") == key and files.exists(_checkpoint(place, "cauldron.json")):
            return {**entry["result"], "resumed": True}
        for name in ("done.json", "results.json", "checkpoint", "predictions") if _first() else ():
            files.remove(files.join(folder, name))
        from cauldron.train import parallel, run

        suite = _suite(recipe, place, base, key)
        about = {
            "key": key,
            "manifest": _relative(manifest, place),
            "seed": seed,
            "threads": settings.threads,
            "evaluate": recipe.evaluate.model_dump(mode="json") if recipe.evaluate else None,
        }
        try:
            result = run.train(manifest, settings, seed, folder, key, about, say, suite)
        finally:
            parallel.leave()
        if _first():
            files.write_json(_url(place), {"train": {"key": key, "result": result}})
        return {**result, "resumed": False}


def _suite(recipe: Recipe, place: str, base: str, key: str) -> Any:
    """Return the benchmarks that are run while the model is trained, each found to be there."""
    told = recipe.evaluate and recipe.evaluate.during
    if not told:
        return None
    from cauldron.evaluate.runs.suite import check_suite, run_suite
    from cauldron.train.run import Suite

    chosen = told.model_copy(update={"data": resolved(told.data, base)})
    check_suite(chosen)
    out, bf16 = files.join(_folder(place), "suite"), _train_settings(recipe).precision == "bf16"

    def score(model: Any, reader: Any, name: str) -> dict[str, float]:
        return run_suite(model, reader, chosen, out, name, key=key, bf16=bf16)

    return Suite(every_steps=chosen.every_steps, score=score)


def _first() -> bool:
    """Say whether this is the process that writes, of those that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


def _evaluate(recipe: Recipe, manifest: str, place: str, say: Say) -> dict[str, Any]:
    settings, chosen = _train_settings(recipe), recipe.evaluate
    assert chosen is not None
    told = chosen.model_dump(mode="json", exclude={"during"})
    key = key_of(_train_key(recipe, settings, manifest), told)
    url = files.join(_folder(place), "results.json")
    with work.locked(place):
        done = _done(place)
        if done.get("evaluate", {}).get("key") == key and files.exists(url):
            return {"tasks": files.read_json(url), "resumed": True}
        from cauldron.evaluate import run

        results = run.evaluate(
            _checkpoint(place),
            manifest,
            chosen.tasks,
            batch=chosen.batch,
            threads=settings.threads,
            seed=_seed(recipe, settings),
            out=files.join(_folder(place), "predictions"),
            say=say,
        )
        files.write_json(url, results)
        files.write_json(_url(place), {**done, "evaluate": {"key": key}})
        return {"tasks": results, "resumed": False}


def evaluate(
    checkpoint: str, tasks: Sequence[str], *, manifest: str = "", say: Say = lambda text: None
) -> dict[str, Any]:
    """Score a trained model.

    Args:
        checkpoint: WORK/train/checkpoint, or the WORK that holds it.
        tasks: names of the recipe's tasks, or SOURCE or SOURCE:METRIC; all of the recipe's when
            there is none.
        manifest: where the held-out samples are; default: the mixture it was trained on.

    Raises:
        UsageError: if a task is neither known nor of that form, or torch is not installed.
        StorageError: if there is no trained model.
    """
    require_torch()
    inner = files.join(checkpoint, "train", "checkpoint")
    folder = inner if files.exists(inner) else checkpoint
    from cauldron.evaluate import run
    from cauldron.model.folder import read_about

    about = read_about(folder)
    if "manifest" not in about:
        raise UsageError(
            "was not trained from a mixture", place=folder, hint="for benchmarks: --data FOLDER"
        )
    known = EvaluateSettings.model_validate(about["evaluate"]) if about["evaluate"] else None
    return run.evaluate(
        folder,
        manifest or _resolved(about["manifest"], folder),
        _chosen(tasks, known, folder),
        batch=known.batch if known else EvaluateSettings.model_fields["batch"].default,
        threads=about["threads"],
        seed=about["seed"],
        say=say,
    )


def require_torch() -> None:
    """Check that what training needs is installed.

    Idle threads of torch are told to sleep, where it is not loaded yet: when they wait actively
    on a machine that is busy with other work, a step takes ten times as long.

    Raises:
        UsageError: if torch or transformers is missing.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for name in ("torch", "transformers"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise UsageError(
                f"training and evaluation need {name}: {error}",
                hint="pip install 'cauldron[train]'",
            ) from error


def _chosen(tasks: Sequence[str], known: EvaluateSettings | None, place: str) -> dict[str, Task]:
    named = known.tasks if known else {}
    if not tasks and not named:
        raise UsageError("no task named", place=place, hint="--tasks SOURCE:METRIC")
    return {text: named[text] if text in named else _task(text) for text in tasks or named}


def _task(text: str) -> Task:
    source, _, metric = text.partition(":")
    if metric:
        answer_metric(metric)
    return Task.model_validate({"source": source} | ({"metric": metric} if metric else {}))


def _train_settings(recipe: Recipe) -> TrainSettings:
    if recipe.train is None:
        raise RecipeError(f"recipe '{recipe.name}' has no part 'train'")
    return recipe.train


def _seed(recipe: Recipe, settings: TrainSettings) -> int:
    return recipe.seed if settings.seed is None else settings.seed


def _train_key(recipe: Recipe, settings: TrainSettings, manifest: str) -> str:
    mixture = {k: v for k, v in read_manifest(manifest).items() if k not in _UNUSED}
    chosen = settings.model_dump(mode="json", exclude=_OPERATION)
    return key_of(__version__, mixture, chosen, _seed(recipe, settings))


def _folder(place: str) -> str:
    return files.join(place, "train")


def _checkpoint(place: str, *names: str) -> str:
    return files.join(_folder(place), "checkpoint", *names)


def _url(place: str) -> str:
    return files.join(_folder(place), "done.json")


def _done(place: str) -> dict[str, Any]:
    found: dict[str, Any] = files.read_json(_url(place)) if files.exists(_url(place)) else {}
    return found


def _relative(manifest: str, place: str) -> str:
    """Return the manifest as seen from WORK/train/checkpoint where it lies in the same WORK."""
    start = place.rstrip("/") + "/"
    return "../../" + manifest.removeprefix(start) if manifest.startswith(start) else manifest


def _resolved(manifest: str, folder: str) -> str:
    if not manifest.startswith("../../"):
        return manifest
    return files.join(folder.rstrip("/").rsplit("/", 2)[0], manifest.removeprefix("../../"))
