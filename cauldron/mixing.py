"""Mix: decisions and weights of a work folder to a manifest, with shards when asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from cauldron.curate.edits import changes_url, read_edits
from cauldron.engine.base import Engine
from cauldron.engine.receipts import Job, perform_all
from cauldron.errors import CardMissing
from cauldron.measuring import require_measured
from cauldron.mixture.manifest import build_manifest
from cauldron.mixture.materialize import PartUrls, mix_source, sizes_of, split_rows
from cauldron.mixture.plan import plan
from cauldron.mixture.settings import MixSettings, Tags
from cauldron.sources.card import card, commercial_use
from cauldron.steps import Progress, followed, ingests, quiet, receipt
from cauldron.storage import contested, files, work
from cauldron.storage.index import index_url
from cauldron.storage.keys import key_of
from cauldron.storage.shards import file_sha256


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
    materialize: bool = False,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Write mixture/<name>/manifest.json and what it names.

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
    parts = {source: _parts(place, source) for source in sources or work.sources(place)}
    parts = {name: urls for name, urls in parts.items() if _wanted(name, settings)}
    held = settings.validation
    shares = {
        source: held.share if not held.sources or source in held.sources else 0.0
        for source in parts
    }
    sizes = {
        source: sizes_of(
            [(train, table) for train, _, table in split_rows(urls, seed, shares[source])]
        )
        for source, urls in parts.items()
    }
    stages = plan(settings, sizes)
    drawn = {row.name for stage in stages for row in stage.sources}
    chosen = [source for source in parts if source in drawn or shares[source]]
    jobs = [
        _job(place, folder, source, parts[source], seed, shares[source], materialize)
        for source in chosen
    ]
    mixed = list(followed(perform_all(engine, jobs), "mix", len(jobs), progress))
    facts = {source: _facts(source) for source in chosen}
    read = _ingests(place, {*chosen, *(n for m in mixed for n in m["merged_from"])})
    manifest = build_manifest(
        name, settings, seed, recipe, recipe_sha256, stages, mixed, facts, read
    )
    _remove_stale(folder, manifest)
    contested.write_json(url, manifest, found)
    return manifest


def _wanted(source: str, settings: MixSettings) -> bool:
    include, exclude = settings.include, settings.exclude
    return (include is None or fits(source, include)) and not (exclude and fits(source, exclude))


def fits(source: str, tags: Tags) -> bool:
    """Say whether a source's card fits tags; a source without a card has no licence to fit."""
    try:
        facts = card(source)
        license_, category = facts.license, facts.category
    except CardMissing:
        license_, category = "unknown", ""
    return (
        (not tags.sources or source in tags.sources)
        and (not tags.licenses or license_ in tags.licenses)
        and (not tags.categories or category in tags.categories)
        and (tags.commercial_use is None or commercial_use(license_) == tags.commercial_use)
    )


MIXED = ("counts", "tokens", "hashes", "pixels")
"""Groups of signals that weights, sizes and the validation split need."""


def _parts(place: str, source: str) -> list[PartUrls]:
    out = []
    for part in work.parts(place, source):
        signals = work.signals(place, source, part)
        require_measured(place, source, part, MIXED)
        decisions = work.earlier(place, "mix", source, part)
        out.append((work.samples(place, source, part), signals, decisions))
    return out


def _job(
    place: str,
    folder: str,
    source: str,
    parts: list[PartUrls],
    seed: int,
    share: float,
    materialize: bool,
) -> Job:
    inputs = [
        [_measured(place, source, part), *map(file_sha256, decisions), *_edits(place, decisions)]
        for (_, _, decisions), part in zip(parts, work.parts(place, source), strict=True)
    ]
    kind = "shards" if materialize else "selection"
    return Job(
        key=key_of("mix", inputs, seed, share, kind),
        receipt=receipt(place, f"mix-{folder.rpartition('/')[2]}", source),
        outputs=(_first(folder, source, materialize),),
        function=mix_source,
        arguments=(source, place, parts, folder, seed, share, materialize),
    )


def _measured(place: str, source: str, part: str) -> str:
    return str(files.read_json(receipt(place, f"measure-{source}", part))["key"])


def _edits(place: str, decisions: Sequence[str]) -> list[str]:
    """Return what the edits of a part depend on: themselves, and the parts they merge from."""
    urls = [url for url in map(changes_url, decisions) if files.exists(url)]
    merged = {
        (other.source, other.part)
        for url in urls
        for edit in read_edits(url).values()
        for other in edit.merged
    }
    return [*map(file_sha256, urls), *(_measured(place, *other) for other in sorted(merged))]


def _first(folder: str, source: str, materialize: bool) -> str:
    name = f"shards/{source}-00000.parquet" if materialize else f"selection/{source}-shards.parquet"
    return files.join(folder, name)


def _facts(source: str) -> dict[str, str]:
    try:
        return {"license": card(source).license, "card": f"data_cards/{source}.md"}
    except CardMissing:
        return {"license": "unknown", "card": ""}


def _ingests(place: str, sources: Collection[str]) -> list[dict[str, Any]]:
    """Return how sources were read, in the order of their parts."""
    entries = [entry for entry in ingests(place) if entry["source"] in sources]
    entries.sort(key=lambda entry: (entry["source"], entry["first_part"]))
    return [
        {"source": entry["source"], "split": entry["split"], **entry["settings"]}
        for entry in entries
        if entry["n_parts"]
    ]


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
