"""Mix: decisions and weights of a work folder to a manifest, with shards when asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.compute as pc

from cauldron.engine.base import Engine
from cauldron.engine.progress import Progress, followed, quiet
from cauldron.engine.receipts import Job, looked_up, perform_all
from cauldron.errors import CardMissing, StorageError
from cauldron.measuring import require_measured
from cauldron.mixture.ingested import ingested, recipe_without_secrets
from cauldron.mixture.manifest import build_manifest
from cauldron.mixture.materialize import (
    SIDES,
    PartUrls,
    ShardRun,
    count_parts,
    shard_runs,
    write_selection,
    write_shards,
)
from cauldron.mixture.plan import plan
from cauldron.mixture.settings import MixSettings
from cauldron.mixture.tags import check_tags, wanted
from cauldron.sources.card import card
from cauldron.storage import contested, files, work
from cauldron.storage.index import index_url
from cauldron.storage.keys import key_of
from cauldron.storage.shards import file_sha256, read_table


def mix(
    engine: Engine,
    place: str,
    settings: MixSettings,
    *,
    name: str,
    seed: int = 0,
    sources: Sequence[str] | None = None,
    recipe: Any = None,
    recipe_sha256: str = "",
    materialize: bool | None = False,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Write mixture/<name>/manifest.json and what it names.

    Args:
        materialize: whether shards are written; None keeps to what stands there, so that new
            weights neither write shards nor lose them.

    Returns:
        The manifest.

    Raises:
        StorageError: if samples are not measured yet.
        RecipeError: if the weights cannot be met.
    """
    work.require(place)
    work.check_name(name)
    folder = files.join(place, "mixture", name)
    url = files.join(folder, "manifest.json")
    found = contested.version(url)
    materialize = files.exists(files.join(folder, "shards")) if materialize is None else materialize
    parts = {source: _parts(place, source) for source in sources or work.sources(place)}
    check_tags(settings, parts)
    parts = {name: urls for name, urls in parts.items() if wanted(name, settings)}
    held = settings.validation
    shares = {
        source: held.share if not held.sources or source in held.sources else 0.0
        for source in parts
    }
    counted = _counted(engine, place, name, parts, seed, shares)
    stages = plan(settings, {source: told["train"] for source, told in counted.items()})
    drawn = {row.name for stage in stages for row in stage.sources}
    chosen = [source for source in parts if source in drawn or shares[source]]
    jobs = [
        job
        for source in chosen
        for job in _jobs(
            place, folder, source, parts[source], counted[source], seed, shares[source], materialize
        )
    ]
    results = followed(perform_all(engine, jobs), "mix", len(jobs), progress)
    mixed = _by_source(chosen, counted, jobs, list(results))
    facts = {source: _facts(source, parts[source]) for source in chosen}
    entries = work.ingests(place)
    read = ingested(entries, {*chosen, *(n for m in mixed for n in m["merged_from"])})
    recipe = recipe_without_secrets(recipe, entries)
    manifest = build_manifest(
        name, settings, seed, recipe, recipe_sha256, stages, mixed, facts, read
    )
    _remove_stale(folder, manifest)
    contested.write_json(url, manifest, found)
    return manifest


COUNTED_AT_ONCE = 32  # parts of one job
MIXED = ("counts", "tokens", "hashes", "pixels")
"""Groups of signals that weights, sizes and the validation split need."""


def _parts(place: str, source: str) -> list[PartUrls]:
    """Return the files of each part of a source.

    Raises:
        StorageError: if samples that were measured are gone, or some are not measured.
    """
    out = []
    measured = files.list_names(files.join(place, "signals", source), ".parquet")
    if gone := sorted(set(measured) - {f"{n}.parquet" for n in work.parts(place, source, True)}):
        raise StorageError(
            "missing: its samples were measured",
            place=files.join(place, "samples", source, gone[0]),
            hint="put it back, or ingest the source again; then: cauldron measure WORK",
        )
    for part in work.parts(place, source):
        signals = work.signals(place, source, part)
        require_measured(place, source, part, MIXED)
        decisions = work.earlier(place, "mix", source, part)
        out.append((work.samples(place, source, part), signals, decisions))
    return out


def _counted(
    engine: Engine,
    place: str,
    name: str,
    parts: Mapping[str, list[PartUrls]],
    seed: int,
    shares: Mapping[str, float],
) -> dict[str, dict[str, Any]]:
    """Count both sides of every source, some parts a job."""
    jobs, owners = [], []
    for source, urls in parts.items():
        for start in range(0, len(urls), COUNTED_AT_ONCE):
            own = urls[start : start + COUNTED_AT_ONCE]
            share = shares[source]
            jobs.append(
                Job(
                    key=key_of("mix-sizes", 1, _inputs(place, source, own), seed, share),
                    receipt=work.receipt(place, f"mix-{name}-sizes", f"{source}-{start:05d}"),
                    outputs=(),
                    function=count_parts,
                    arguments=(source, own, seed, share),
                )
            )
            owners.append(source)
    counted = {source: count_parts(source, [], seed, 0.0) for source in parts}
    for source, told in zip(owners, perform_all(engine, jobs, shared=False), strict=True):
        total = counted[source]
        for side in ("train", "validation"):
            total[side] = {key: n + told[side][key] for key, n in total[side].items()}
        total["rows"] += told["rows"]
        total["merged_from"] = sorted({*total["merged_from"], *told["merged_from"]})
    return counted


def _inputs(place: str, source: str, parts: Sequence[PartUrls]) -> list[list[str]]:
    """Return what the samples, signals and decisions of parts are known by."""

    def known(part: PartUrls) -> list[str]:
        name = part[0].rpartition("/")[2].removesuffix(".parquet")
        key = files.read_json(work.receipt(place, f"measure-{source}", name))["key"]
        return [key, *(file_sha256(url) for url in part[2])]

    return looked_up(known, parts, place)


def _jobs(
    place: str,
    folder: str,
    source: str,
    parts: list[PartUrls],
    counted: Mapping[str, Any],
    seed: int,
    share: float,
    materialize: bool,
) -> list[Job]:
    """Return the jobs that write a source: runs of shards, or its selection."""
    step = f"mix-{folder.rpartition('/')[2]}"
    if not materialize:
        names = [f"selection/{source}-{kind}.parquet" for kind in ("shards", "validation")]
        return [
            Job(
                key=key_of("selection", 1, _inputs(place, source, parts), seed, share),
                receipt=work.receipt(place, step, source),
                outputs=tuple(files.join(folder, name) for name in names),
                function=write_selection,
                arguments=(source, parts, folder, seed, share),
            )
        ]
    return [
        Job(
            key=key_of(
                "shards", 1, _inputs(place, source, run.parts), seed, share, run.skip, run.rows
            ),
            receipt=work.receipt(place, step, f"{source}-{run.kind}-{run.first:05d}"),
            outputs=tuple(
                at(files.join(folder, name))
                for name in run.names(source)
                for at in (str, index_url)
            ),
            function=write_shards,
            arguments=(source, place, run, folder, seed, share),
        )
        for run in shard_runs(parts, counted["rows"])
    ]


def _by_source(
    chosen: Sequence[str],
    counted: Mapping[str, dict[str, Any]],
    jobs: Sequence[Job],
    results: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Put together what the jobs of each source have written."""
    out: dict[str, dict[str, Any]] = {
        source: {
            "source": source,
            **{key: counted[source][key] for key in ("train", "validation", "merged_from")},
            "shards": [],
            "validation_shards": [],
            "edits": [],
        }
        for source in chosen
    }
    for job, told in zip(jobs, results, strict=True):
        own = out[job.arguments[0]]
        run = job.arguments[2]
        if isinstance(run, ShardRun):
            own[SIDES[run.side]] += told["shards"]
        else:
            own |= {side: told[side] for side in SIDES}
        own["edits"] += told["edits"]
    return list(out.values())


def _facts(source: str, parts: Sequence[PartUrls]) -> dict[str, str]:
    """Return licence and card; without a card the licence is what its samples say of themselves."""
    try:
        return {"license": card(source).license, "card": f"data_cards/{source}.md"}
    except CardMissing:
        columns = (read_table(samples, ["license"])["license"] for samples, _, _ in parts)
        told = {name for column in columns for name in pc.unique(column).to_pylist()}
        return {"license": (told.pop() if len(told) == 1 else "") or "unknown", "card": ""}


def _remove_stale(folder: str, manifest: dict[str, Any]) -> None:
    """Remove files that an earlier mixture of this name wrote and this one does not name."""
    named = {
        listed["url"]
        for source in manifest["sources"]
        for key in ("shards", "validation_shards", "edits")
        for listed in source.get(key, ())
    }
    named |= {index_url(url) for url in named}
    for kind in ("shards", "validation", "selection", "edits"):
        for name in files.find_files(files.join(folder, kind)):
            if f"{kind}/{name}" not in named:
                files.remove(files.join(folder, kind, name))
