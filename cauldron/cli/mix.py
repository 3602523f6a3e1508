"""Commands on mixtures: mix, run, diff."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cauldron.cli.options import Address, Engine, Json, Share, Work, Workers
from cauldron.cli.run import Progress, emit, guarded, message, table

RecipeFile = Annotated[str, typer.Argument(help="A recipe (YAML).")]
Out = Annotated[str, typer.Option("-o", "--out", help="The work folder.")]


def mix(
    work: Work,
    recipe: Annotated[str, typer.Option(help="The recipe whose `mix` section is used.")],
    name: Annotated[str | None, typer.Option(help="Name of the mixture.")] = None,
    materialize: Annotated[
        bool, typer.Option("--materialize", help="Write shards; else the manifest refers to rows.")
    ] = False,
    workers: Workers = None,
    engine: Engine = "local",
    address: Address = None,
    shard: Share = None,
    as_json: Json = False,
) -> None:
    """Turn decisions and weights into a manifest.

    Example: cauldron mix work --recipe recipe.yaml --materialize
    """
    with guarded():
        from cauldron import mixing
        from cauldron.engine.named import engine_named
        from cauldron.recipe import load_recipe
        from cauldron.storage.work import locked, require

        require(work)
        told = load_recipe(recipe)
        chosen = engine_named(engine, workers, address, shard)
        with locked(work, chosen.share), chosen:
            manifest = mixing.mix(
                chosen,
                work,
                told.mix,
                name=name or told.name,
                seed=told.seed,
                recipe=told.model_dump(mode="json"),
                recipe_sha256=told.sha256,
                materialize=materialize or told.mix.materialize,
                progress=Progress(),
            )
        if as_json:
            emit(manifest)
            return
        print_mixture(manifest)
        message(f"next: cauldron verify {work}/mixture/{manifest['name']}")


def print_mixture(manifest: dict[str, Any]) -> None:
    """Print what each stage of a manifest draws of each source, and what is never seen."""
    sizes = {source["name"]: source for source in manifest["sources"]}
    for stage in manifest["stages"]:
        rows = [
            [
                row["name"],
                row["asked"],
                row["share"],
                sizes[row["name"]]["samples"],
                round(row["samples"]),
                round(row["tokens"]),
                row["epochs"],
                max(1 - row["epochs"], 0.0),
                row["limited_by"],
            ]
            for row in stage["sources"]
        ]
        columns = ["source", "asked", "share", "samples", "drawn", "tokens", "epochs"]
        title = f"Mixture {manifest['name']}, stage {stage['name']} (shares of {manifest['unit']})"
        table(title, [*columns, "never seen", "limited by"], rows)


def say_epochs(manifest: dict[str, Any]) -> None:
    """Say how often a mixture's plan shows each source, and how much of it never."""
    message(f"the plan of mixture {manifest['name']}:")
    for source in manifest["sources"]:
        message(
            f"  {source['name']}: {source['weight']:.2%} of draws, {source['epochs']:.3g} epochs, "
            f"{source['never_seen']:.1%} never seen"
        )


def run(
    recipe: RecipeFile,
    out: Out,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan only.")] = False,
    engine: Engine = "local",
    address: Address = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Run a recipe; what is done is skipped, what was cut off goes on.

    Example: cauldron run recipe.yaml -o work
    """
    with guarded():
        from cauldron import pipeline
        from cauldron.engine.named import engine_named
        from cauldron.recipe import load_recipe, with_sources
        from cauldron.steps import require_all_parts

        told = with_sources(load_recipe(recipe), recipe)
        if dry_run:
            steps = pipeline.plan(told, recipe, out)
            if as_json:
                emit({"recipe": told.name, "steps": steps})
            else:
                _print_plan(told.name, steps)
            return
        chosen = engine_named(engine, workers, address)
        done = pipeline.run(told, recipe, out, engine=chosen, progress=Progress(), say=message)
        if as_json:
            emit(done)
            require_all_parts(out)
            return
        print_run(done)
        message(f"manifest: {done['manifest']}\nreport: {done['report']}")
        require_all_parts(out)
        message(f"next: cauldron stats {out}")


def _print_plan(name: str, steps: list[dict[str, Any]]) -> None:
    rows: list[list[Any]] = []
    for number, step in enumerate(steps, start=1):
        hidden = ("step", "problem", "sources")
        facts = {k: v for k, v in step.items() if k not in hidden and v not in ("", [], {})}
        told = ", ".join(f"{k} {_listed(v)}" for k, v in facts.items())
        rows.append([str(number), step["step"], told, step.get("problem", "")])
    table(f"Plan of {name}", ["", "step", "what", "problem"], rows)
    drops = [
        [source, counts["kept"], rule, number]
        for step in steps
        for source, counts in (step.get("sources") or {}).items()
        for rule, number in (counts["dropped"] or {"": 0}).items()
    ]
    if drops:
        print()
        table("What the rules would drop", ["source", "kept", "rule", "samples"], drops)


def _listed(value: Any) -> str:
    if isinstance(value, str) and value.startswith("own:"):
        return "as described"
    if isinstance(value, dict):
        return " ".join(f"{key} {number}" for key, number in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def print_run(done: dict[str, Any]) -> None:
    """Print what each step of a run did."""
    from cauldron.cli.look import print_stats

    print_stats(done["stats"])
    print()
    print_mixture(done["mix"])
    if "evaluate" in done:
        print()
        print_scores(done["evaluate"]["tasks"])


def print_scores(tasks: dict[str, dict[str, Any]]) -> None:
    """Print the score of each task, beside the untrained model and one that sees only grey."""
    if tasks:
        rows = [
            [task, r["metric"], r["n"], r["trained"], r["untrained"], r["blind"]]
            for task, r in tasks.items()
        ]
        columns = ["task", "metric", "samples", "trained", "untrained", "blind"]
        table("Answers on held-out samples", columns, rows)


def diff(
    a: Annotated[str, typer.Argument(help="A manifest or a work folder.")],
    b: Annotated[str, typer.Argument(help="Another one.")],
    as_json: Json = False,
) -> None:
    """Tell what changed between two manifests, or between the runs of two work folders.

    Example: cauldron diff old/manifest.json new/manifest.json
    """
    with guarded():
        if _is_work(a) and _is_work(b):
            _diff_runs(a, b, as_json)
            return
        from cauldron.mixture.diff import differences

        found = differences(a, b)
        if as_json:
            emit(found)
            return
        if found["same"]:
            print("the same mixture")
            return
        for key, (before, after) in found["settings"].items():
            print(f"{key}: {before} -> {after}")
        rows = [
            [name, what, before, after]
            for name, changes in found["sources"].items()
            for what, (before, after) in changes.items()
        ]
        if rows:
            table("Sources", ["source", "what", "before", "after"], rows)


def _is_work(path: str) -> bool:
    from cauldron.storage import work

    return bool(work.sources(path))


def _diff_runs(a: str, b: str, as_json: bool) -> None:
    from cauldron.run_diff import run_differences

    found = run_differences(a, b)
    if as_json:
        emit(found)
        return
    if found["same"]:
        print("the same samples, all with the same verdict")
        return
    rows = [
        [source, change["change"], change["samples"], ", ".join(change["examples"][:2])]
        for source, changes in found["sources"].items()
        for change in changes["changes"]
    ]
    table("What became of samples", ["source", "change", "samples", "such as"], rows)
