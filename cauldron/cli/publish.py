"""Commands that carry a mixture out of the house: export, publish."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cauldron.cli.options import Json, Workers
from cauldron.cli.run import Progress, emit, guarded, message, table

ManifestPath = Annotated[str, typer.Argument(help="A manifest, or the folder that holds it.")]


def export(
    manifest: ManifestPath,
    dest: Annotated[str, typer.Argument(help="A new folder, or one to go on with.")],
    to: Annotated[
        str, typer.Option(help="hub, trl, samples, jsonl, llava, webdataset, energon or mds.")
    ],
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Write the samples of a mixture in another format.

    Example: cauldron export work/mixture/small out --to webdataset
    """
    with guarded():
        from cauldron.engine.local import LocalEngine
        from cauldron.exporting import export as write

        with LocalEngine(workers) as engine:
            summary = write(engine, manifest, to, dest, Progress())
        if as_json:
            emit(summary)
            return
        print_export(summary)
        message(f"{summary['totals']['samples']:,} samples in {dest}")


def print_export(summary: dict[str, Any]) -> None:
    """Print what was written of each source, and what its format cannot hold."""
    rows = [
        [
            name,
            counts.get("train", 0),
            counts.get("validation", 0),
            ", ".join(f"{reason} {n}" for reason, n in counts["left_out"].items()),
        ]
        for name, counts in summary["sources"].items()
    ]
    table(f"Export to {summary['format']}", ["source", "train", "validation", "left out"], rows)
