"""The command that asks the network for pictures."""

from __future__ import annotations

from typing import Annotated

import typer

from cauldron.cli.options import Json
from cauldron.cli.run import Progress, emit, guarded, message, table


def fetch(
    name: Annotated[str, typer.Argument(help="A source whose pictures are web addresses.")],
    raw: Annotated[list[str], typer.Argument(help="Its raw data; stores of pictures too.")],
    out: Annotated[str, typer.Option("-o", "--out", help="The folder of pictures to fill.")],
    split: Annotated[str, typer.Option(help="A split that the source has.")] = "train",
    form: Annotated[str, typer.Option(help="auto, or a form of the source.")] = "auto",
    limit: Annotated[int | None, typer.Option(help="Look at this many records at most.")] = None,
    per_host: Annotated[float, typer.Option(help="Requests a second to one site.")] = 1.0,
    at_once: Annotated[int, typer.Option(help="Requests at a time, to different sites.")] = 16,
    robots: Annotated[bool, typer.Option(help="Honour robots.txt and ai.txt.")] = True,
    opt_out: Annotated[
        str, typer.Option(help="A list of domains, addresses and sha256:... not to be used.")
    ] = "",
    again: Annotated[
        bool, typer.Option("--again", help="Try failures once more that may have passed.")
    ] = False,
    user_agent: Annotated[str, typer.Option(help="What sites are told.")] = "cauldron-fetch/1",
    timeout_s: Annotated[float, typer.Option(help="For one picture, redirects included.")] = 30.0,
    max_bytes: Annotated[int, typer.Option(help="Of one picture.")] = 20_000_000,
    allow_network: Annotated[
        list[str] | None,
        typer.Option(help="A network that may be asked although it is not public: 10.1.0.0/16."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Fetch the pictures that a source names by address; an interrupted run goes on.

    Example: cauldron fetch obelics ./obelics -o pictures
    """
    with guarded():
        from cauldron.fetching import fetch as run
        from cauldron.fetching import settings_of

        settings = settings_of(
            per_host=per_host,
            at_once=at_once,
            robots=robots,
            user_agent=user_agent,
            timeout_s=timeout_s,
            max_bytes=max_bytes,
            allowed=tuple(allow_network or ()),
        )
        bar = Progress()
        found = run(
            name,
            raw,
            out,
            settings,
            split=split,
            form=form,
            limit=limit,
            opt_out=opt_out,
            again=again,
            progress=lambda done: bar("fetch", done, done + 1),
        )
        if as_json:
            emit(found)
            return
        rows = [[status, number] for status, number in found["addresses"].items()]
        table("Addresses", ["ended as", "number"], rows)
        message(f"next: cauldron ingest {name} {' '.join(raw)} {out} -o WORK")
