"""Options that mean the same on every command."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cauldron.errors import UsageError

Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Workers = Annotated[int | None, typer.Option(help="Processes; default: the cores there are.")]
Work = Annotated[str, typer.Argument(help="The work folder.")]
Engine = Annotated[Literal["local", "ray"], typer.Option(help="Where work runs.")]
Address = Annotated[str | None, typer.Option(help="A running Ray cluster: auto or host:port.")]
Share = Annotated[
    str | None,
    typer.Option("--shard", help="Run this share of the work only, as 1/8: for job arrays."),
]


def pairs(given: list[str], option: str = "--option") -> dict[str, str]:
    """Return `name=value` options by name.

    Raises:
        UsageError: if one has no `=`, or a name comes twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or name in found:
            raise UsageError(
                f"{option} {name}: {'given twice' if mark else 'no value'}",
                hint=f"write {option} name=value",
            )
        found[name] = value
    return found
