"""Commands that carry a mixture out of the house: export, publish."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cauldron.cli.options import Address, Engine, Json, Share, Workers
from cauldron.cli.run import Progress, emit, guarded, message, table, visible

ManifestPath = Annotated[str, typer.Argument(help="A manifest, or the folder that holds it.")]


def export(
    manifest: ManifestPath,
    dest: Annotated[str, typer.Argument(help="A new folder, or one to go on with.")],
    to: Annotated[
        str, typer.Option(help="hub, trl, samples, jsonl, llava, webdataset, energon or mds.")
    ],
    workers: Workers = None,
    engine: Engine = "local",
    address: Address = None,
    shard: Share = None,
    as_json: Json = False,
) -> None:
    """Write the samples of a mixture in another format.

    Example: cauldron export work/mixture/small out --to webdataset
    """
    with guarded():
        from cauldron.engine.named import engine_named
        from cauldron.exporting import export as write

        with engine_named(engine, workers, address, shard) as chosen:
            summary = write(chosen, manifest, to, dest, Progress())
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


def publish(
    manifest: ManifestPath,
    repo: Annotated[str, typer.Argument(help="owner/name on the hub, ./folder, or a URL.")],
    form: Annotated[
        str, typer.Option(help="Columns of the shards: samples (all), hub or trl.")
    ] = "samples",
    without_bytes: Annotated[
        list[str] | None,
        typer.Option(help="A source of which only ids and hashes are published; repeatable."),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="A recipe whose `publish` section says what you may do.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = (
        False
    ),
    branch: Annotated[str, typer.Option(help="The branch to commit to.")] = "main",
    pull_request: Annotated[
        bool, typer.Option("--pull-request", help="Propose the commit instead.")
    ] = False,
    stage: Annotated[
        str | None, typer.Option(help="Local folder for the shards; default: beside the manifest.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show files, bytes and the card only.")
    ] = False,
    workers: Workers = None,
    engine: Engine = "local",
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Publish a mixture with its card, licences, Croissant and manifest; resumable.

    Example: cauldron publish work/mixture/small me/small --private
    """
    with guarded():
        from cauldron import publishing
        from cauldron.engine.named import engine_named
        from cauldron.publish.licenses import Permissions
        from cauldron.recipe import load_recipe

        told = load_recipe(recipe).publish if recipe else Permissions()
        named = (*told.without_bytes, *(without_bytes or ()))
        given = Permissions(redistribute=told.redistribute, without_bytes=named)
        if dry_run:
            shown = publishing.preview(manifest, repo, form, given)
            emit(shown) if as_json else _print_preview(shown)
            return
        with engine_named(engine, workers, address) as chosen:
            done = publishing.publish(
                chosen,
                manifest,
                repo,
                form=form,
                given=given,
                stage=stage or "",
                private=private,
                branch=branch,
                pull_request=pull_request,
                progress=Progress(),
            )
        if as_json:
            emit(done)
            return
        what = f"{done['uploaded']} files sent, {done['removed']} removed"
        message(f"{done['place']}: {what if done['changed'] else 'unchanged, nothing sent'}")
        if done["without_bytes"]:
            message(f"ids and hashes only: {', '.join(done['without_bytes'])}")


def _print_preview(shown: dict[str, Any]) -> None:
    rows = [[file["path"], file["rows"] or "", file["size_bytes"]] for file in shown["files"]]
    table(f"Would be published at {shown['place']}", ["file", "rows", "about bytes"], rows)
    print(visible(shown["card"]))
    message(f"{len(rows)} files, about {shown['size_bytes']:,} bytes; nothing was written")


def rebuild(
    published: Annotated[str, typer.Argument(help="The published folder, or its URL.")],
    out: Annotated[str, typer.Option("-o", "--out", help="A new folder, or one to go on with.")],
    raw: Annotated[
        list[str] | None,
        typer.Option(help="SOURCE=FOLDER of raw data; repeatable, also for one source."),
    ] = None,
    workers: Workers = None,
    engine: Engine = "local",
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Make a published mixture whole again out of raw downloads, byte for byte.

    Example: cauldron rebuild hf://datasets/me/small -o mixture --raw vsr=./vsr --raw vsr=./coco
    """
    with guarded():
        from cauldron.engine.named import engine_named
        from cauldron.errors import UsageError
        from cauldron.rebuilding import rebuild as make
        from cauldron.storage.work import locked

        roots: dict[str, list[str]] = {}
        for text in raw or ():
            name, mark, place = text.partition("=")
            if not mark or not place:
                raise UsageError(f"--raw {text}: no folder", hint="write --raw SOURCE=FOLDER")
            roots.setdefault(name, []).append(place)
        with locked(out), engine_named(engine, workers, address) as chosen:
            done = make(chosen, published, roots, out, Progress())
        if as_json:
            emit(done)
            return
        table("Rebuilt", ["source", "how"], [[k, v] for k, v in done["sources"].items()])
        message(f"next: cauldron verify {out}")
