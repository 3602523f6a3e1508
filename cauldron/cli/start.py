"""Commands for the first hour: init, doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from cauldron.cli.options import Json
from cauldron.cli.run import emit, guarded, message, table


def init(
    raw: Annotated[
        str | None, typer.Argument(help="A folder of pictures and records of your own.")
    ] = None,
    out: Annotated[str, typer.Option("-o", "--out", help="Where the files are written.")] = ".",
    name: Annotated[str, typer.Option(help="Name of the recipe and of the source.")] = "mine",
    force: Annotated[bool, typer.Option("--yes", help="Write over files that are there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a commented recipe to start from; for your own data also its description.

    Example: cauldron init ./shop && cauldron run recipe.yaml -o work
    """
    with guarded():
        from cauldron.starting import start

        written = start(raw, out, name, force=force)
        if as_json:
            emit(written)
            return
        for path in written["written"]:
            message(f"wrote {path}")
        if written["guessed"]:
            message("guessed: " + "; ".join(written["guessed"]))
        message(f"next: {written['next']}")


def doctor(
    work: Annotated[
        str | None, typer.Argument(help="A work folder whose place is checked too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check environment, disk, fonts, optional parts and tokens; no token is ever printed.

    Example: cauldron doctor work
    """
    with guarded():
        from cauldron.checkup import checkup
        from cauldron.errors import CheckError

        found = checkup(work)
        if as_json:
            emit({"checks": found})
        else:
            table("", ["", "check", "found", "what to do"], [list(row.values()) for row in found])
        bad = [row["check"] for row in found if row["state"] == "bad"]
        if bad:
            raise CheckError(f"not in order: {', '.join(bad)}")
