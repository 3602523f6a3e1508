"""A recipe end to end: what is to do, doing it, and skipping what is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cauldron import curation, mixing, steps
from cauldron.config import resolved
from cauldron.curate.decontaminate import DecontaminateSettings
from cauldron.curate.leak_index import named
from cauldron.engine.base import Engine
from cauldron.engine.local import LocalEngine
from cauldron.engine.progress import Progress, quiet
from cauldron.errors import RecipeError, SourceError
from cauldron.filtering import filter_samples
from cauldron.forecasting import forecast_filter, forecast_measure
from cauldron.readers.raw import Raw
from cauldron.recipe import (
    Benchmark,
    Ingest,
    Recipe,
    folder_of,
    lists_of,
    measure_of,
    rules_of,
)
from cauldron.report.standing import summed_up
from cauldron.sources.catalogue import detect
from cauldron.storage import files, work

Say = Callable[[str], None]


def plan(recipe: Recipe, path: str, place: str) -> list[dict[str, Any]]:
    """Return the steps of a recipe: which raw data is there, what is cached, what rules would drop.

    Counts of rules are exact for samples whose signals exist; nothing is written.
    """
    out = _ingest_plan(recipe, path, place)
    sources = list(dict.fromkeys(entry.source for entry in recipe.ingest))
    measured = forecast_measure(place, sources, measure_of(recipe, path))
    out.append({"step": "measure", **measured})
    out.append({"step": "filter", **forecast_filter(place, sources, rules_of(recipe, path))})
    if recipe.dedup != "off":
        out.append({"step": "dedup"})
    if recipe.decontaminate:
        names = [b if isinstance(b, str) else b.name for b in recipe.decontaminate.against]
        out.append({"step": "decontaminate", "against": names})
    out.append({"step": "mix", "name": recipe.name, "out": files.join(place, "mixture")})
    out += [{"step": step} for step in ("train", "evaluate") if getattr(recipe, step)]
    return out


def _ingest_plan(recipe: Recipe, path: str, place: str) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for entry in _ingests(recipe):
        row: dict[str, Any] = {
            "step": "ingest",
            "source": entry.source,
            "split": entry.split,
            "problem": "",
        }
        try:
            form, found = detect(entry.source, entry.form, Raw(_roots(entry, path)), entry.split)
            row |= {"form": form.name, "files": len(found), "done": _ingested(entry, place)}
        except SourceError as error:
            row["problem"] = f"{error}; see: cauldron sources {entry.source}"
        out.append(row)
    return out


def _ingested(entry: Ingest, place: str) -> bool:
    """Say whether a split was ingested before; whether its raw data changed is seen by the run."""
    own = files.join(place, "benchmarks", entry.name) if isinstance(entry, Benchmark) else place
    url = work.ledger(own, f"ingest-{entry.source}-{entry.split}")
    return files.exists(url) and files.read_json(url).get("status") == "done"


def _ingests(recipe: Recipe) -> list[Ingest]:
    benchmarks = recipe.decontaminate.against if recipe.decontaminate else ()
    return [*recipe.ingest, *(b for b in benchmarks if isinstance(b, Ingest))]


def _roots(entry: Ingest, path: str) -> list[str]:
    return [resolved(root, folder_of(path)) for root in entry.raw]


def run(
    recipe: Recipe,
    path: str,
    place: str,
    *,
    engine: Engine | None = None,
    workers: int | None = None,
    progress: Progress = quiet,
    say: Say = lambda text: None,
) -> dict[str, Any]:
    """Run a recipe into a work folder; what is done already is skipped.

    Returns:
        The results of each step by name, and the place of the manifest.
    """
    if not recipe.ingest:
        raise RecipeError("`ingest` names no source", place=path)
    problems = [s["problem"] for s in _ingest_plan(recipe, path, place) if s["problem"]]
    if problems:
        raise SourceError("\n  ".join(problems), hint="nothing was run")
    done: dict[str, Any] = {"ingest": []}
    sources = list(dict.fromkeys(entry.source for entry in recipe.ingest))
    with work.locked(place), engine or LocalEngine(workers) as engine:
        for entry in recipe.ingest:
            done["ingest"].append(_ingest(engine, place, entry, recipe.seed, path, progress))
        done["measure"] = curation.measure(
            engine, place, sources, progress, measure_of(recipe, path)
        )
        rules = rules_of(recipe, path)
        lists = lists_of(recipe, path)
        done["filter"] = filter_samples(engine, place, rules, sources, progress, lists)
        if recipe.dedup == "off":
            curation.forget(place, "dedup")
        else:
            done["dedup"] = curation.dedup_samples(place, recipe.dedup, sources, engine, progress)
        if recipe.decontaminate is None:
            curation.forget(place, "decontaminate")
        else:
            done["decontaminate"] = _decontaminate(engine, place, recipe, path, sources, progress)
        done["mix"] = mixing.mix(
            engine,
            place,
            recipe.mix,
            name=recipe.name,
            seed=recipe.seed,
            sources=sources,
            recipe=recipe.model_dump(mode="json"),
            recipe_sha256=recipe.sha256,
            materialize=recipe.mix.materialize is not False,
            progress=progress,
        )
    manifest = manifest_of(recipe, place)
    if recipe.train:
        done |= _train(recipe, manifest, place, say, path)
    return {**done, "manifest": manifest, **summed_up(place)}


def manifest_of(recipe: Recipe, place: str) -> str:
    """Return where the manifest of a recipe lies in a work folder."""
    return files.join(place, "mixture", recipe.name, "manifest.json")


def _ingest(
    engine: Engine, place: str, entry: Ingest, seed: int, path: str, progress: Progress
) -> dict[str, Any]:
    return steps.ingest(
        engine,
        place,
        entry.source,
        _roots(entry, path),
        split=entry.split,
        form=entry.form,
        limit=entry.limit,
        prompts=entry.prompts,
        options={name: str(value) for name, value in entry.options.items()},
        seed=seed,
        max_reject_share=entry.max_rejects,
        progress=progress,
    )


def _decontaminate(
    engine: Engine,
    place: str,
    recipe: Recipe,
    path: str,
    sources: list[str],
    progress: Progress,
) -> dict[str, Any]:
    assert recipe.decontaminate is not None
    benchmarks = {}
    for benchmark in recipe.decontaminate.against:
        if isinstance(benchmark, str):
            ((label, given),) = named([benchmark])
            benchmarks[label] = resolved(given, folder_of(path))
            continue
        folder = files.join(place, "benchmarks", benchmark.name)
        _ingest(engine, folder, benchmark, recipe.seed, path, progress)
        benchmarks[benchmark.name] = folder
    own = {name: getattr(recipe.decontaminate, name) for name in DecontaminateSettings.model_fields}
    settings = DecontaminateSettings(**own)
    return curation.decontaminate_samples(engine, place, benchmarks, settings, sources, progress)


def _train(recipe: Recipe, manifest: str, place: str, say: Say, path: str) -> dict[str, Any]:
    from cauldron import harness

    done: dict[str, Any] = harness.train_and_evaluate(recipe, manifest, place, say, folder_of(path))
    return done
