"""Options that mean the same on every command."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Workers = Annotated[int | None, typer.Option(help="Processes; default: the cores there are.")]
Work = Annotated[str, typer.Argument(help="The work folder.")]
Engine = Annotated[Literal["local"], typer.Option(help="Where work runs.")]
