"""The manifest: the contract with training teams. JSON, versioned, self-contained, byte-stable."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from cauldron import __version__
from cauldron.errors import StorageError
from cauldron.mixture.order import ALGORITHM, Order, whole_draws
from cauldron.mixture.settings import MixSettings
from cauldron.sample import SCHEMA_VERSION as SAMPLE_VERSION
from cauldron.storage import files
from cauldron.storage.shards import read_table

SCHEMA_VERSION = 1


def build_manifest(
    name: str,
    settings: MixSettings,
    seed: int,
    recipe: Any,
    recipe_sha256: str,
    planned: list[dict[str, Any]],
    mixed: list[dict[str, Any]],
    facts: dict[str, dict[str, str]],
) -> dict[str, Any]:
    """Return the manifest of a mixture.

    Args:
        planned: rows of `mixture.settings.plan`.
        mixed: results of `mixture.materialize.mix_source`, in the same order of sources.
        facts: licence and card file of each source.
    """
    by_name = {result["source"]: result for result in mixed}
    draws = whole_draws([row["draw_share"] for row in planned])
    total = sum(draws)
    sources = []
    for row, drawn in zip(planned, draws, strict=True):
        result = by_name[row["name"]]
        sources.append(
            {
                "name": row["name"],
                **facts[row["name"]],
                "weight": drawn / total,
                "share_asked": row["asked"],
                "share": row["share"],
                "epochs": row["epochs"],
                "limited_by": row["limited_by"],
                **result["train"],
                "validation": result["validation"],
                "shards": result["shards"],
                "validation_shards": result["validation_shards"],
            }
        )
    return {
        "schema_version": SCHEMA_VERSION,
        "sample_schema_version": SAMPLE_VERSION,
        "cauldron_version": __version__,
        "name": name,
        "seed": seed,
        "unit": settings.by,
        "recipe": recipe,
        "recipe_sha256": recipe_sha256,
        "materialized": all(
            s["url"].startswith("shards/") for source in sources for s in source["shards"]
        ),
        "sources": sources,
        "totals": {
            key: sum(source[key] for source in sources)
            for key in ("samples", "turns", "images", "chars")
        },
        "order": {
            "algorithm": ALGORITHM,
            "names": [row["name"] for row in planned],
            "sizes": [by_name[row["name"]]["train"]["samples"] for row in planned],
            "draws": draws,
        },
    }


def read_manifest(path: str) -> dict[str, Any]:
    """Read a manifest; a folder that holds manifest.json will do.

    Raises:
        StorageError: if it is missing, not a manifest, or of a newer version.
    """
    url = path if path.endswith(".json") else files.join(path, "manifest.json")
    manifest = files.read_json(url)
    if not isinstance(manifest, dict) or "schema_version" not in manifest:
        raise StorageError("not a manifest", place=url)
    if manifest["schema_version"] > SCHEMA_VERSION:
        raise StorageError(
            f"manifest version {manifest['schema_version']} is newer than {SCHEMA_VERSION}",
            place=url,
            hint="upgrade cauldron",
        )
    return manifest


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
    """Return the order rule of a manifest."""
    order = manifest["order"]
    return Order(
        manifest["seed"], tuple(order["names"]), tuple(order["sizes"]), tuple(order["draws"])
    )
