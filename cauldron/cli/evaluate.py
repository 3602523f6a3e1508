"""Commands that evaluate: eval, compare."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cauldron.cli.options import Address, Engine, Json
from cauldron.cli.run import emit, guarded, message, table


def eval_(
    checkpoint: Annotated[
        str,
        typer.Argument(help="A model folder, a hub name, a work folder, or a server's model."),
    ],
    tasks: Annotated[
        list[str] | None,
        typer.Option(help="Benchmarks (with --data), or SOURCE or SOURCE:METRIC of a mixture."),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(help="Further tasks.")] = None,
    manifest: Annotated[str, typer.Option(help="Another mixture's held-out samples.")] = "",
    data: Annotated[str, typer.Option(help="Folder or URL with a folder a benchmark.")] = "",
    suite: Annotated[str, typer.Option(help="Tasks of a file, or of a shipped one: paper.")] = "",
    protocol: Annotated[str, typer.Option(help="How to ask: paper, ablation, lmms.")] = "",
    out: Annotated[str, typer.Option("-o", "--out", help="Results.")] = "evaluation",
    split: Annotated[str, typer.Option(help="Another split than the protocol's.")] = "",
    shots: Annotated[int | None, typer.Option(help="Examples before each question.")] = None,
    limit: Annotated[int | None, typer.Option(help="Most questions of each benchmark.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Questions, or requests, at once.")] = 8,
    image_splitting: Annotated[
        bool | None, typer.Option(help="Cut pictures in four; default: as the model says.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="float32 or bfloat16; default: the model's.")] = "",
    device: Annotated[str, typer.Option(help="cpu or cuda; default: what there is.")] = "",
    endpoint: Annotated[
        str, typer.Option(help="Base URL of a server of OpenAI's kind; key: OPENAI_API_KEY.")
    ] = "",
    blind: Annotated[bool, typer.Option(help="Ask once more with grey pictures.")] = True,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that each open the model and answer a share.")
    ] = 1,
    engine: Engine = "local",
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Score a model on benchmarks, or on held-out samples of its own mixture.

    With --data: benchmarks by name from their official files or hub Parquet; answers are kept as
    they come, and the same command goes on where it stopped. Under torchrun, with --workers or on
    a Ray cluster processes share them.

    Example: cauldron eval work/train/checkpoint --tasks docvqa,chartqa --data benchmarks -o results
    """
    with guarded():
        asked = [*(tasks or []), *(more or [])]
        if not (data or suite):
            _held_out(checkpoint, asked, manifest, as_json)
            return
        from cauldron.answering import open_backend
        from cauldron.errors import UsageError
        from cauldron.evaluate.runs.tasks import load_suite, run_tasks, split_names

        known = load_suite(suite) if suite else None
        if not data:
            raise UsageError("no folder of benchmarks named", hint="--data FOLDER")
        model: dict[str, Any] = {"name": checkpoint, "endpoint": endpoint, "batch": batch}
        model |= {"split": image_splitting, "dtype": dtype, "device": device}
        names = split_names(asked or (known.tasks if known else ()))
        more_told: dict[str, Any] = {
            "protocol": protocol or (known.protocol if known else "paper"),
            "split": split,
            "shots": shots if shots is not None or not known else known.shots,
            "limit": limit if limit is not None or not known else known.limit,
            "blind": blind,
        }
        if engine == "ray" or address or workers > 1:
            from cauldron.answering import Asked, answer
            from cauldron.engine.named import engine_named

            with engine_named(engine, workers if workers > 1 else None, address, gpus=True) as pool:
                asking = Asked(tasks=names, data=data, out=out, model=model, more=more_told)
                answer(pool, asking)
        found = run_tasks(names, data, out, open_backend(**model), say=message, **more_told)
        told = {name: summary for name, summary in found.items() if summary}
        if not told:  # another process of torchrun, whose first one tells
            return
        reported = [r.model_dump() for r in known.references] if known else []
        if as_json:
            emit({"results": told, "references": reported, "out": out})
        else:
            _print(told, reported)
            message(f"pages: {out}/*/*/index.html; next: cauldron compare {out} OTHER")


def _held_out(checkpoint: str, tasks: list[str], manifest: str, as_json: bool) -> None:
    from cauldron import harness
    from cauldron.cli.mix import print_scores

    found = harness.evaluate(checkpoint, tasks, manifest=manifest, say=message)
    if as_json:
        emit({"tasks": found})
    else:
        print_scores(found)


def _print(found: dict[str, Any], reported: list[dict[str, Any]]) -> None:
    rows = []
    for name, told in found.items():
        ends, blind = told.get("ci95"), told["blind"]
        rows.append(
            [
                name,
                f"{told['metric']} ({told['program']})",
                told["n"],
                told["unparsed"],
                told["mean"] if told["mean"] is not None else "-",
                f"{ends[0]:.4f} to {ends[1]:.4f}" if ends else "-",
                blind["mean"] if blind and blind["mean"] is not None else "-",
                ", ".join(f"{k} {v:.4g}" for k, v in (told.get("extra") or {}).items()),
            ]
        )
    columns = ["task", "metric", "questions", "unparsed", "mean", "95 % interval", "blind", "more"]
    table("Evaluation", columns, rows)
    if reported:
        names = list(dict.fromkeys(task for one in reported for task in one["scores"]))
        cells = [
            [one["model"], *(str(one["scores"].get(n, "-")) for n in names)] for one in reported
        ]
        print()
        table("Reported", ["model", *names], cells)


def compare(
    a: Annotated[str, typer.Argument(help="Results of cauldron eval.")],
    b: Annotated[str, typer.Argument(help="Results to compare with.")],
    as_json: Json = False,
) -> None:
    """Compare two results question by question: difference, interval, significance.

    Example: cauldron compare results-before results-after
    """
    with guarded():
        from cauldron.evaluate.runs.compare import compare as run

        found = run(a, b)
        if as_json:
            emit({"compared": found})
            return
        rows = [
            [
                name,
                told["n"],
                told["mean_a"],
                told["mean_b"],
                f"{told['difference']:+.4f}",
                f"{told['ci95'][0]:+.4f} to {told['ci95'][1]:+.4f}",
                told["p"],
                f"{told['better_b']} / {told['better_a']}",
            ]
            for name, told in found.items()
            if told["n"]
        ]
        columns = ["task", "questions", "a", "b", "b - a", "95 % interval", "p", "won / lost"]
        table("Comparison", columns, rows)
