"""The manifest: the contract with training teams. JSON, versioned, self-contained, byte-stable."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cauldron import __version__
from cauldron.errors import StorageError
from cauldron.mixture.order import ALGORITHM, APART, Order, Stage
from cauldron.mixture.plan import SIZES, StagePlan
from cauldron.mixture.schema import checked
from cauldron.mixture.settings import MixSettings
from cauldron.sample import SCHEMA_VERSION as SAMPLE_VERSION
from cauldron.storage import files
from cauldron.storage.shards import read_table
from cauldron.storage.versions import JSON_VERSION, refuse_newer

TOKENS = "estimate: UTF-8 bytes / 4"


def build_manifest(
    name: str,
    settings: MixSettings,
    seed: int,
    recipe: Any,
    recipe_sha256: str,
    stages: list[StagePlan],
    mixed: list[dict[str, Any]],
    facts: dict[str, dict[str, str]],
    ingest: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the manifest of a mixture.

    Args:
        stages: the plan.
        mixed: sizes, shards and edits of each source.
        facts: licence and card file of each source.
        ingest: source, split and settings of each ingest, in the order of parts.
    """
    sources = [
        {
            "name": result["source"],
            **facts[result["source"]],
            **_over_stages(stages, result["source"]),
            **result["train"],
            "validation": result["validation"],
            "shards": result["shards"],
            "validation_shards": result["validation_shards"],
            **{key: result[key] for key in ("edits", "merged_from") if result.get(key)},
        }
        for result in mixed
    ]
    drawn = [source for source in sources if source["weight"] > 0]
    return {
        "schema_version": JSON_VERSION,
        "sample_schema_version": SAMPLE_VERSION,
        "cauldron_version": __version__,
        "name": name,
        "seed": seed,
        "unit": settings.by,
        "tokenizer": TOKENS,
        "image_tokens": settings.image_tokens,
        "recipe": recipe,
        "recipe_sha256": recipe_sha256,
        "materialized": all(
            s["url"].startswith("shards/") for source in sources for s in source["shards"]
        ),
        "ingest": [dict(entry) for entry in ingest],
        "sources": sources,
        "stages": [asdict(stage) for stage in stages],
        "totals": {key: sum(source[key] for source in sources) for key in ("samples", *SIZES)},
        "order": {
            "algorithm": ALGORITHM,
            "names": [source["name"] for source in drawn],
            "sizes": [source["samples"] for source in drawn],
            "stages": [
                {"samples": stage.samples, "shares": _draw_shares(stage, drawn)} for stage in stages
            ],
        },
    }


def _over_stages(stages: list[StagePlan], name: str) -> dict[str, Any]:
    """Return what all stages together draw of a source."""
    rows = [(stage, row) for stage in stages for row in stage.sources if row.name == name]
    total = sum(row.samples for stage in stages for row in stage.sources)
    epochs = sum(row.epochs for _, row in rows)
    first = next((row for row in stages[0].sources if row.name == name), None)
    return {
        "weight": sum(row.samples for _, row in rows) / total,
        "share_asked": first.asked if first else 0.0,
        "share": first.share if first else 0.0,
        "epochs": epochs,
        "never_seen": max(1.0 - epochs, 0.0),
        "tokens_drawn": round(sum(row.tokens for _, row in rows)),
        "limited_by": ", ".join(sorted({row.limited_by for _, row in rows} - {""})),
    }


def _draw_shares(stage: StagePlan, drawn: list[dict[str, Any]]) -> list[float]:
    shares = {row.name: row.draw_share for row in stage.sources}
    return [shares.get(source["name"], 0.0) for source in drawn]


def read_manifest(path: str) -> dict[str, Any]:
    """Read a manifest; a folder that holds manifest.json will do.

    Raises:
        StorageError: if it is missing, of a newer version, or does not fit the schema.
    """
    url = path if path.endswith(".json") else files.join(path, "manifest.json")
    try:
        manifest = files.read_json(url)
    except StorageError as error:
        if path.endswith(".json") or files.exists(url):
            raise
        below = ", ".join(_manifests_below(path))
        error.hint = f"manifests are below it: {below}" if below else error.hint
        raise
    if not isinstance(manifest, dict) or "schema_version" not in manifest:
        raise StorageError("not a manifest", place=url)
    samples = manifest.get("sample_schema_version", SAMPLE_VERSION)
    refuse_newer("samples of", samples, SAMPLE_VERSION, files.redacted(url))
    return checked(manifest, url)


def _manifests_below(folder: str) -> list[str]:
    """Return the folders of mixtures in a work folder, or in the folder of all its mixtures."""
    places = [files.join(folder, "mixture"), folder]
    inside = (files.join(place, name) for place in places for name in files.list_names(place))
    return [place for place in inside if files.exists(files.join(place, "manifest.json"))]


def folder_of(path: str) -> str:
    """Return the folder that a manifest's URLs are relative to."""
    return path.rpartition("/")[0] or "." if path.endswith(".json") else path


def manifest_rows(
    manifest: dict[str, Any], folder: str
) -> Iterator[tuple[str, Iterator[tuple[str, list[int], list[str]]]]]:
    """Yield each source with (URL of a shard or samples part, rows in it, their ids).

    Args:
        folder: the manifest's folder; a manifest without shards of its own lies in a work folder.
    """
    for source in manifest["sources"]:
        yield source["name"], _tables(source, folder, manifest["materialized"])


def _tables(
    source: dict[str, Any], folder: str, materialized: bool
) -> Iterator[tuple[str, list[int], list[str]]]:
    for shard in source["shards"] + source["validation_shards"]:
        url = files.join(folder, shard["url"])
        if materialized:
            ids = read_table(url, ["id"])["id"].to_pylist()
            yield url, list(range(len(ids))), ids
            continue
        selection = read_table(url).to_pylist()
        for part, rows in itertools.groupby(selection, key=lambda row: str(row["part"])):
            listed = list(rows)
            place = files.join(folder, "..", "..", "samples", source["name"], part)
            yield place, [row["row"] for row in listed], [row["id"] for row in listed]


def order_of(manifest: dict[str, Any]) -> Order:
    """Return the order rule of a manifest.

    Raises:
        StorageError: if its rule is not known here.
    """
    order = manifest["order"]
    if order["algorithm"] not in (ALGORITHM, APART):
        raise StorageError(
            f"an order rule that is not known here: {order['algorithm']}",
            place=manifest["name"],
            hint="read it with the version of cauldron that wrote it, or mix again",
        )
    stages = tuple(
        Stage(shares=tuple(stage["shares"]), samples=stage["samples"]) for stage in order["stages"]
    )
    names, sizes = tuple(order["names"]), tuple(order["sizes"])
    return Order(manifest["seed"], names, sizes, stages, order["algorithm"])
