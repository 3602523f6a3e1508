"""Commands that decide: measure, filter, dedup, decontaminate."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from cauldron.cli.options import Address, Engine, Json, Share, Work, Workers, pairs
from cauldron.cli.run import Progress, emit, guarded, message, table


def measure(
    work: Work,
    source: Annotated[list[str] | None, typer.Option(help="Only this source.")] = None,
    signals: Annotated[
        str | None,
        typer.Option(help="Groups with commas between (text,language,header); default: all."),
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="A tokenizer.json that counts tokens.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="name=FOLDER of a transformers vision model; repeatable."),
    ] = None,
    plugin: Annotated[
        list[str] | None,
        typer.Option(help="name=ENTRY_POINT or name=module:function of further signals."),
    ] = None,
    workers: Workers = None,
    engine: Engine = "local",
    address: Address = None,
    shard: Share = None,
    as_json: Json = False,
) -> None:
    """Measure what is not measured yet: new and changed samples, signals that are new.

    Without options the signals are those of the last call, at first all built-in ones.

    Example: cauldron measure work --tokenizer tokenizer.json
    """
    with guarded():
        from cauldron.curation import measure as run
        from cauldron.engine.named import engine_named
        from cauldron.measuring import MeasureSettings, absolute, remembered
        from cauldron.steps import require_all_parts
        from cauldron.storage.work import locked, require

        require(work)
        asked = {
            "signals": tuple(signals.split(",")) if signals else (),
            "tokenizer": tokenizer and absolute(tokenizer),
            "models": {name: absolute(p) for name, p in pairs(model or [], "--model").items()},
            "plugins": pairs(plugin or [], "--plugin"),
        }
        settings = remembered(work).with_asked(MeasureSettings.model_validate(asked))
        chosen = engine_named(engine, workers, address, shard)
        with locked(work, chosen.share), chosen:
            found = run(chosen, work, source, Progress(), settings)
        if as_json:
            emit(found)
            require_all_parts(work)
            return
        told = ", ".join(f"{name} {parts}" for name, parts in found["groups"].items())
        message(f"{found['measured']} parts measured, {found['unchanged']} unchanged")
        if told:
            message(f"parts measured of each group: {told}")
        failed = ", ".join(f"{name} {rows:,}" for name, rows in found["unmeasured"].items())
        if failed:
            message(f"rows that could not be measured: {failed}; `cauldron why` tells the error")
        require_all_parts(work)
        message(f"next: cauldron filter {work} --rules default")


def filter_(
    work: Work,
    rules: Annotated[str, typer.Option(help="A rules file, or a shipped one.")] = "default",
    block: Annotated[
        list[str] | None, typer.Option(help="A file of ids that are dropped, one a line.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="A file of ids that no rule drops.")
    ] = None,
    workers: Workers = None,
    engine: Engine = "local",
    address: Address = None,
    shard: Share = None,
    as_json: Json = False,
) -> None:
    """Decide by rules over the signals; no picture is opened.

    Example: cauldron filter work --rules default
    """
    with guarded():
        from cauldron.curate.lists import read_lists
        from cauldron.curate.rules import find_rules
        from cauldron.engine.named import engine_named
        from cauldron.filtering import filter_samples
        from cauldron.storage.work import locked, require

        require(work)
        lists = read_lists(block or (), allow or ())
        chosen = engine_named(engine, workers, address, shard)
        with locked(work, chosen.share), chosen:
            found = filter_samples(
                chosen, work, find_rules(rules), progress=Progress(), lists=lists
            )
        _tell("Filter", found, as_json, f"cauldron dedup {work}")


def dedup(
    work: Work,
    text: Annotated[
        Literal["minhash", "off"], typer.Option(help="How near texts are found.")
    ] = "minhash",
    images: Annotated[
        Literal["phash", "off"], typer.Option(help="How near pictures are found.")
    ] = "phash",
    orientations: Annotated[
        bool, typer.Option(help="Seek turned and mirrored pictures too.")
    ] = False,
    embeddings: Annotated[
        list[str] | None,
        typer.Option(help="MODEL=COSINE from which pictures are near; repeatable."),
    ] = None,
    exact: Annotated[bool, typer.Option(help="Seek exact duplicates.")] = True,
    exact_by: Annotated[
        list[str] | None,
        typer.Option(help="What must be equal: sample, text or pictures; repeatable."),
    ] = None,
    across: Annotated[bool, typer.Option(help="Across sources, or within each only.")] = True,
    keep: Annotated[
        Literal["first", "longest"], typer.Option(help="Which of a cluster stays.")
    ] = "first",
    prefer: Annotated[
        list[str] | None, typer.Option(help="A source whose samples stay; repeatable, in order.")
    ] = None,
    text_similarity: Annotated[
        float, typer.Option(help="Jaccard similarity from which texts are near.")
    ] = 0.75,
    text_of: Annotated[
        Literal["documents", "all"], typer.Option(help="Whose texts are compared.")
    ] = "documents",
    merge: Annotated[
        bool, typer.Option(help="Make one sample of questions about the same pictures.")
    ] = False,
    paragraphs: Annotated[
        int | None, typer.Option(help="Take out paragraphs seen so often in a domain.")
    ] = None,
    workers: Workers = None,
    engine: Engine = "local",
    address: Address = None,
    shard: Share = None,
    as_json: Json = False,
) -> None:
    """Find duplicates among the samples that are kept so far.

    Example: cauldron dedup work --images off --prefer docvqa
    """
    with guarded():
        from cauldron.config import checked
        from cauldron.curate.dedup import DedupSettings
        from cauldron.curation import dedup_samples
        from cauldron.engine.named import engine_named
        from cauldron.storage.work import locked, require

        require(work)
        told = {
            "exact": exact,
            "text": text,
            "images": images,
            "orientations": orientations,
            "embeddings": dict(pair.partition("=")[::2] for pair in embeddings or ()),
            "across": across,
            "keep": keep,
            "text_similarity": text_similarity,
            "text_of": text_of,
            "prefer": prefer or (),
            "exact_by": exact_by or ("sample",),
            "merge": merge,
            "paragraphs": paragraphs or "off",
        }
        settings = checked(told, DedupSettings, "cauldron dedup")
        chosen = engine_named(engine, workers, address, shard)
        with locked(work, chosen.share), chosen:
            found = dedup_samples(work, settings, engine=chosen, progress=Progress())
        _tell("Duplicates", found, as_json, f"cauldron decontaminate {work} --against BENCHMARK")


def index(
    benchmarks: Annotated[
        list[str],
        typer.Argument(
            help="PATH or LABEL=PATH: official files of a benchmark that the label names; else a "
            "work folder, Parquet, or pictures with JSON, CSV or TSV."
        ),
    ],
    out: Annotated[str, typer.Option("-o", "--out", help="The index, one Parquet file.")],
    hashes_only: Annotated[
        bool, typer.Option(help="Keep no thumbnail and no word that could be looked at.")
    ] = False,
    workers: Workers = None,
    engine: Engine = "local",
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Build an index of benchmarks, to find their items in other data.

    Example: cauldron index MMMU=./MMMU ChartQA=./chartqa/test -o benchmarks.parquet
    """
    with guarded():
        import tempfile

        from cauldron.curate.leak_index import named
        from cauldron.engine.named import engine_named
        from cauldron.indexing import index_benchmarks

        with (
            tempfile.TemporaryDirectory(prefix="cauldron-") as folder,
            engine_named(engine, workers, address) as pool,
        ):
            given = dict(named(benchmarks))
            found = index_benchmarks(pool, given, out, folder, hashes_only, Progress())
        if as_json:
            emit({"index": out, **found})
            return
        rows = [[n, c["questions"], c["pictures"]] for n, c in found["benchmarks"].items()]
        table("Index", ["benchmark", "questions", "pictures"], rows)
        message(f"next: cauldron decontaminate WORK --against {out}")


def decontaminate(
    work: Work,
    against: Annotated[
        list[str],
        typer.Option(help="An index, or what `cauldron index` reads; repeatable."),
    ],
    more: Annotated[list[str] | None, typer.Argument(help="Further benchmarks.")] = None,
    image_only: Annotated[
        Literal["report", "drop"], typer.Option(help="A benchmark's picture, another question.")
    ] = "report",
    text_only: Annotated[
        Literal["report", "drop"], typer.Option(help="A benchmark's question, another picture.")
    ] = "report",
    workers: Workers = None,
    engine: Engine = "local",
    address: Address = None,
    shard: Share = None,
    as_json: Json = False,
) -> None:
    """Find samples that stand in benchmarks; those with picture and question of an item go.

    Example: cauldron decontaminate work --against benchmarks.parquet
    """
    with guarded():
        from cauldron.curate.decontaminate import KINDS, DecontaminateSettings
        from cauldron.curate.leak_index import named
        from cauldron.curation import decontaminate_samples
        from cauldron.engine.named import engine_named
        from cauldron.storage.work import locked, require

        require(work)
        settings = DecontaminateSettings(image_only=image_only, text_only=text_only)
        chosen = engine_named(engine, workers, address, shard)
        with locked(work, chosen.share), chosen:
            benchmarks = dict(named([*against, *(more or [])]))
            found = decontaminate_samples(chosen, work, benchmarks, settings, progress=Progress())
        _tell("Decontamination", found, as_json, f"cauldron mix {work} --recipe RECIPE")
        if not as_json:
            rows = [
                [name, source, *kinds.values()]
                for name, sources in found["by_source"].items()
                for source, kinds in sources.items()
            ]
            columns = ["benchmark", "source", *(kind.replace("_", " ") for kind in KINDS)]
            table("Overlap by benchmark and source", columns, rows)


def _tell(title: str, found: dict[str, Any], as_json: bool, following: str) -> None:
    """Print kept and dropped samples of each source."""
    if as_json:
        emit(found)
        return
    rows = [
        [
            name,
            counts["kept"],
            sum(counts["dropped"].values()),
            ", ".join(f"{reason} {n}" for reason, n in counts["dropped"].items()),
        ]
        for name, counts in found["sources"].items()
    ]
    table(title, ["source", "kept", "dropped", "reasons"], rows)
    message(f"next: {following}")
