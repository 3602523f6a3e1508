"""The command that measures the loader: bench-loader."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from cauldron.cli.options import Json
from cauldron.cli.run import emit, guarded, message, table


def bench_loader(
    manifest: Annotated[str, typer.Argument(help="A manifest, or its folder.")],
    row_tokens: Annotated[int, typer.Option(help="Tokens of a packed row.", min=16)] = 2048,
    rows: Annotated[int, typer.Option(help="Rows of a batch.", min=1)] = 8,
    images: Annotated[int | None, typer.Option(help="Most pictures of a row.", min=1)] = None,
    image_tokens: Annotated[
        int | None, typer.Option(help="Tokens of a picture; default: the manifest's.", min=1)
    ] = None,
    max_side: Annotated[int, typer.Option(help="Longest side of pictures.", min=1)] = 384,
    decode: Annotated[
        Literal["exact", "fast", "draft"], typer.Option(help="How pictures are decoded.")
    ] = "fast",
    threads: Annotated[int, typer.Option(help="Threads that decode.", min=1)] = 2,
    seconds: Annotated[float, typer.Option(help="Time of each of both runs.", min=0.1)] = 5.0,
    step_ms: Annotated[float, typer.Option(help="Time of a training step.", min=0)] = 200.0,
    as_json: Json = False,
) -> None:
    """Measure how fast packed batches come, and how long training steps would wait for them.

    Example: cauldron bench-loader work/mixture/small --step-ms 300
    """
    with guarded():
        from cauldron.harness import require_torch

        require_torch()
        from cauldron.loader.measure import Bench, bench
        from cauldron.loader.packed import Packing
        from cauldron.loader.pictures import Fit

        packing = Packing(
            length=row_tokens,
            rows=rows,
            images=images,
            fit=Fit(longest=max_side),
            how=decode,
            threads=threads,
        )
        told = Bench(packing=packing, seconds=seconds, step_ms=step_ms)
        found = bench(manifest, told, image_tokens)
        if as_json:
            emit({"manifest": manifest, **found})
            return
        table("Loader", ["what", "value"], [[k, v] for k, v in _shown(found)])
        columns = ["source", "samples", "tokens", "supervised", "images"]
        rows_ = [[name, *own.values()] for name, own in found["sources"].items()]
        table("Sources", columns, rows_)
        message(_verdict(found))


def _shown(found: dict[str, Any]) -> list[tuple[str, Any]]:
    plain = {k: v for k, v in found.items() if not isinstance(v, dict)}
    return [*plain.items(), *((f"note: {note}", n) for note, n in found["notes"].items())]


def _verdict(found: dict[str, Any]) -> str:
    if found["wait_share"] < 0.01:
        return f"steps of {found['step_ms']:g} ms never wait"
    return (
        f"steps of {found['step_ms']:g} ms wait {found['wait_share']:.0%} of the time; a batch "
        f"takes {found['batch_ms']:.0f} ms: more --threads, smaller pictures or longer steps"
    )
