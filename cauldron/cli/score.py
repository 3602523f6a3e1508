"""The command that scores predictions: score."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cauldron.cli.options import Json
from cauldron.cli.run import emit, guarded, message, table

_MOST_MESSAGES = 20


def score(
    file: Annotated[str, typer.Argument(help="JSON or JSONL of prediction, references, metric.")],
    metric: Annotated[str, typer.Option(help="A metric for all records; default: their own.")] = "",
    by: Annotated[
        list[str] | None, typer.Option(help="A field to break scores down by; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Score predictions by a metric of an official program; no model, no network, no Java.

    A record that cannot be scored is named with its place, and the exit code is 3.

    Example: cauldron score answers.jsonl --metric vqa_accuracy_official
    """
    with guarded():
        from cauldron.evaluate.scoring import score_file

        found = score_file(file, metric, by or [])
        _complain([item["error"] for item in found["items"] if "error" in item])
        if as_json:
            emit(found)
        else:
            _print(found["summary"])
        if found["summary"]["rejected"]:
            raise SystemExit(3)


def _complain(errors: list[str]) -> None:
    for error in errors[:_MOST_MESSAGES]:
        message(f"error: {error}")
    if len(errors) > _MOST_MESSAGES:
        message(f"error: {len(errors) - _MOST_MESSAGES} further records cannot be scored")


def _print(summary: dict[str, Any]) -> None:
    rows = []
    for name, told in summary["metrics"].items():
        ends = told.get("ci95")
        rows.append(
            [
                name,
                told["program"],
                told["n"],
                told["unparsed"],
                told["rejected"],
                told["mean"] if told["mean"] is not None else "-",
                f"{ends[0]:.4f} to {ends[1]:.4f}" if ends else "-",
            ]
        )
    columns = ["metric", "program", "records", "unparsed", "rejected", "mean", "95 % interval"]
    table("Scores", columns, rows)
    for name, told in summary["metrics"].items():
        for field, values in told.get("categories", {}).items():
            cells = [[value, row["n"], row["mean"]] for value, row in values.items()]
            print(f"\n{name} by {field}")
            table("", [field, "records", "mean"], cells)
