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


def explain(
    name: Annotated[
        str | None, typer.Argument(help="A reason or rule; all names without one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a reason means: the rules of that name with their bounds, or the step behind it.

    Example: cauldron explain word_repetition
    """
    with guarded():
        from cauldron.explaining import explain_reason, known

        if name is None:
            emit({"reasons": known()}) if as_json else print("\n".join(known()))
            return
        found = explain_reason(name)
        if as_json:
            emit(found)
            return
        if found["meaning"]:
            print(f"{name}: {found['meaning']}")
        shown = ("min", "max", "equals", "one_of", "none_of")
        rows = [
            [
                rule["set"],
                rule["signal"],
                ", ".join(f"{k} {rule[k]}" for k in shown if rule.get(k) is not None),
                rule["about"],
            ]
            for rule in found["rules"]
        ]
        if rows:
            table(f"Rules named {name}", ["rules", "signal", "passes with", "what for"], rows)


def schema(
    name: Annotated[str, typer.Argument(help="recipe, rules, own or manifest.")] = "recipe",
) -> None:
    """Print a JSON Schema, for completion and checks in an editor.

    Example: cauldron schema recipe > recipe.schema.json
    """
    with guarded():
        from cauldron.schemas import schema_of

        emit(schema_of(name))


def doctor(
    work: Annotated[
        str | None, typer.Argument(help="A work folder whose place is checked too.")
    ] = None,
    test: Annotated[
        bool, typer.Option("--self-test", help="Also try hostile files, kills and locks: 30 s.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check environment, disk, fonts, optional parts and tokens; no token is ever printed.

    Example: cauldron doctor work --self-test
    """
    with guarded():
        from cauldron.checkup import checkup
        from cauldron.errors import CheckError

        found = checkup(work)
        if test:
            from cauldron.self_test import self_test

            found += self_test()
        if as_json:
            emit({"checks": found})
        else:
            table("", ["", "check", "found", "what to do"], [list(row.values()) for row in found])
        bad = [row["check"] for row in found if row["state"] == "bad"]
        if bad:
            raise CheckError(f"not in order: {', '.join(bad)}")
