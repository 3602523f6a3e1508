"""The `cauldron` command: each verb parses, calls one function and prints."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from cauldron.cli import (
    bench,
    curate,
    evaluate,
    fetch,
    look,
    mix,
    publish,
    score,
    start,
    train,
    view,
)
from cauldron.cli.options import Address, Engine, Json, Share, Workers, pairs
from cauldron.cli.run import Progress, emit, guarded, message, start_logs, table
from cauldron.errors import UsageError, near

TABLES_ONLY = frozenset({"diff", "filter", "mix", "show", "stats", "verify", "why"})
"""Verbs that multiply no matrices: starting threads for that takes longer than all their work."""


class Verbs(TyperGroup):
    """The verbs; a misspelt one is told the nearest."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the verb that the arguments begin with."""
        verb = args[0] if args else ""
        if verb and not verb.startswith("-") and self.get_command(ctx, verb) is None:
            message(f"error: no command '{verb}'{near(verb, self.list_commands(ctx))}")
            message("  cauldron --help lists them")
            raise SystemExit(2)
        if verb in TABLES_ONLY:
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="cauldron",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Raw vision-language data to training mixtures, and a model trained on them.",
)


def _counts_row(source: str, counts: dict[str, Any]) -> list[Any]:
    reasons = {**counts["reasons"]["quarantined"], **counts["reasons"]["skipped"]}
    told = ", ".join(f"{reason} {number}" for reason, number in reasons.items())
    return [
        source,
        counts["read"],
        counts["written"],
        counts["quarantined"],
        counts["skipped"],
        counts["images"],
        told,
    ]


@app.command()
def ingest(
    name: Annotated[
        str, typer.Argument(help="A source (cauldron sources), hub:OWNER/NAME/CONFIG, or own.yaml.")
    ],
    out: Annotated[str, typer.Option("-o", "--out", help="The work folder.")],
    raw: Annotated[list[str] | None, typer.Argument(help="Folders or files as downloaded.")] = None,
    split: Annotated[
        str | None, typer.Option(help="A split that the source has; default: train.")
    ] = None,
    form: Annotated[str, typer.Option(help="auto, official, hub, or another form.")] = "auto",
    limit: Annotated[int | None, typer.Option(help="Read at most this many records.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all choices.")] = 0,
    prompts: Annotated[
        Literal["cauldron", "plain"],
        typer.Option(help="The paper's wording, or bare question and answer."),
    ] = "cauldron",
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="name=value for the form (its card says which); repeatable."),
    ] = None,
    max_rejects: Annotated[float, typer.Option(help="Share of rejects that is allowed.")] = 0.5,
    workers: Workers = None,
    engine: Engine = "local",
    address: Address = None,
    shard: Share = None,
    as_json: Json = False,
) -> None:
    """Turn raw data of one source into samples.

    Example: cauldron ingest vsr ./vsr ./coco2017 -o work
    """
    with guarded():
        from cauldron import steps
        from cauldron.engine.named import engine_named
        from cauldron.readers.raw import Raw
        from cauldron.sources.catalogue import only_split
        from cauldron.sources.hub_repo import PREFIX, pinned
        from cauldron.sources.own import described, is_description
        from cauldron.storage.work import locked

        raw = raw or []
        if name.startswith(PREFIX):
            found = pinned(name, form)
            name, form, raw = found.source, found.form, [*found.roots, *raw]
        elif is_description(name):
            name, form = described(name)
        if not raw:
            raise UsageError(f"no raw data named for '{name}'", hint=f"cauldron sources {name}")
        if split is None:
            split = only_split(name, form, Raw(raw))
            if split != "train":
                message(f"no split 'train' here; reading '{split}'")
        chosen = engine_named(engine, workers, address, shard)
        with locked(out, chosen.share), chosen:
            entry = steps.ingest(
                chosen,
                out,
                name,
                raw,
                split=split,
                form=form,
                limit=limit,
                seed=seed,
                prompts=prompts,
                options=pairs(option or []),
                max_reject_share=max_rejects,
                progress=Progress(),
            )
        if as_json:
            emit({**entry["counts"], **{k: v for k, v in entry.items() if k != "counts"}})
            steps.require_all_parts(out)
            return
        columns = ["source", "read", "written", "quarantined", "skipped", "images", "reasons"]
        table("Ingest", columns, [_counts_row(name, entry["counts"])])
        steps.require_all_parts(out)
        message(f"next: cauldron measure {out}")


app.command()(curate.measure)
app.command("filter")(curate.filter_)
for _command in (
    fetch.fetch,
    curate.dedup,
    curate.index,
    curate.decontaminate,
    mix.mix,
    mix.run,
    look.sources,
    look.card,
    look.show,
    look.why,
    look.stats,
    mix.diff,
    look.report,
    view.view,
    look.verify,
    publish.export,
    publish.publish,
    publish.rebuild,
    score.score,
):
    app.command()(_command)
app.command()(train.train)
app.command("eval")(evaluate.eval_)
app.command()(evaluate.compare)
app.command()(train.ablate)
app.command()(train.demo)
app.command()(start.init)
app.command()(start.doctor)
app.command()(start.explain)
app.command()(start.schema)
app.command("bench-loader")(bench.bench_loader)


def _leave_out_others(verb: str) -> None:
    """Prepare no verb but the one that is asked for: all together take longer than many a verb.

    One more stays, since typer makes a lone command the whole command line.
    """
    asked = [
        c
        for c in app.registered_commands
        if verb == (c.name or getattr(c.callback, "__name__", ""))
    ]
    if asked:
        app.registered_commands = [*asked, app.registered_commands[-1]]


def main() -> None:
    """Run the command line."""
    sys.argv[0] = "cauldron"
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # seeking them takes 15 ms
    start_logs()
    if "_CAULDRON_COMPLETE" not in os.environ:
        _leave_out_others(sys.argv[1] if len(sys.argv) > 1 else "")
    app()
