"""Commands that train: train, demo."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from cauldron.cli.options import Json, Workers
from cauldron.cli.run import Progress, emit, guarded, message, table


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe with a `train` section.")],
    out: Annotated[str, typer.Option("-o", "--out", help="The work folder with its mixture.")],
    how: Annotated[str, typer.Option("--train", help="A shipped training in its place.")] = "",
    as_json: Json = False,
) -> None:
    """Train on the recipe's mixture and evaluate the recipe's tasks.

    Example: cauldron train recipe.yaml -o work --train idefics2-sft
    """
    with guarded():
        from cauldron import harness
        from cauldron.cli.mix import print_scores, say_epochs
        from cauldron.mixture.manifest import read_manifest
        from cauldron.pipeline import manifest_of
        from cauldron.recipe import folder_of, load_recipe

        told = load_recipe(recipe)
        if how:
            told = told.with_training(how)
        manifest = manifest_of(told, out)
        first = os.environ.get("RANK", "0") == "0"  # of several processes the first one tells
        if told.train and first:
            say_epochs(read_manifest(manifest))
        done = harness.train_and_evaluate(told, manifest, out, message, folder_of(recipe))
        if not first:
            return
        if as_json:
            emit(done)
            return
        message("trained" if not done["train"]["resumed"] else "training was done already")
        print_scores(done.get("evaluate", {}).get("tasks", {}))
        message(f"next: cauldron eval {out}")


def ablate(
    recipe: Annotated[str, typer.Argument(help="An ablation, or the name of a shipped one.")],
    out: Annotated[str, typer.Option("-o", "--out", help="The work folder.")],
    arm: Annotated[list[str] | None, typer.Option(help="Only this arm; may be repeated.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Only this seed; may be repeated.")] = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Train the arms of an ablation with several seeds and compare their scores.

    Example: cauldron ablate recipes/ablations/latents.yaml -o work
    """
    with guarded():
        from cauldron.ablation import ablate as run
        from cauldron.ablation import load_ablation

        chosen, path = load_ablation(recipe)
        done = run(
            chosen, path, out, arms=arm or (), seeds=seed or (), workers=workers, say=message
        )
        if as_json:
            emit(done)
            return
        print_arms(done["question"], done["rows"])
        if done["paper"]:
            message(f"the paper: {done['paper']}")
        message(f"plot: {done['plot']}")


def print_arms(question: str, rows: list[dict[str, Any]]) -> None:
    """Print a line for each arm and task, the scores of all seeds in their order."""

    def each(row: dict[str, Any], name: str) -> str:
        return " ".join(f"{score:.3f}" for score in row["scores"][name])

    columns = ["arm", "task", "seeds", "trained", "mean", "deviation", "blind", "untrained",
               "parameters", "loss", "seconds"]  # fmt: skip
    shown = [
        {
            **row,
            **{name: each(row, name) for name in row["scores"]},
            "seeds": " ".join(map(str, row["seeds"])),
            "mean": row["trained"],
            "deviation": "" if row["deviation"] is None else row["deviation"],
        }
        for row in rows
    ]
    table(question, columns, [[row[c] for c in columns] for row in shown])


def demo(
    out: Annotated[str, typer.Option("-o", "--out", help="The work folder.")] = "demo-work",
    seed: Annotated[int, typer.Option(help="Seed of what is drawn.")] = 0,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Draw raw data, run the whole recipe on it, train and evaluate; no network.

    Example: cauldron demo -o demo-work
    """
    with guarded():
        from cauldron.cli.look import print_funnel
        from cauldron.cli.mix import print_mixture, print_scores
        from cauldron.demo.run import demo as run

        done = run(out, seed=seed, workers=workers, say=message, progress=Progress())
        if as_json:
            emit(done)
            return
        print_funnel(done["stats"])
        print_findings(done["findings"])
        print()
        print_mixture(done["mix"])
        print()
        print_scores(done["evaluate"]["tasks"])
        seconds = ", ".join(f"{stage} {time:.0f} s" for stage, time in done["seconds"].items())
        message(f"{seconds}\nmanifest: {done['manifest']}\nreport: {done['report']}")
        message(f"next: cauldron why {out} ID, cauldron show {out}, cauldron verify {out}")


def print_findings(findings: list[dict[str, Any]]) -> None:
    """Print what was hidden in the raw data and what the steps made of it."""
    columns = list(findings[0]) if findings else []
    print()
    table("Planted and found", columns, [[row[c] for c in columns] for row in findings])
