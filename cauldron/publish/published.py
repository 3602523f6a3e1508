"""The manifest as it is published: its shards are the files of the repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from cauldron.publish.facts import DataFile, Facts
from cauldron.publish.pieces import SPLITS
from cauldron.storage import files


def own_manifest(facts: Facts, listed: Sequence[DataFile]) -> dict[str, Any]:
    """Return the manifest with the published files as its shards, relative to itself.

    Args:
        listed: the files of all sources; of sources without bytes they are what `rebuild` makes.
    """
    sources = [_source(told.listed, told.name, told.whole, facts, listed) for told in facts.sources]
    left_out = {name: dict(reasons) for name, reasons in facts.unfit.items()}
    return {
        **facts.manifest,
        "materialized": True,
        "sources": sources,
        "recipe": _without_places(facts.manifest.get("recipe")),
        "published": {"form": facts.form, "left_out": left_out},
    }


def _source(
    listed: Mapping[str, Any],
    name: str,
    whole: bool,
    facts: Facts,
    files_: Sequence[DataFile],
) -> dict[str, Any]:
    own = [file for file in files_ if file.source == name]
    shards = {
        key: [_shard(file) for file in own if file.split == split] for split, key in SPLITS.items()
    }
    hidden = [_shard(file) for file in facts.ids if file.source == name]
    kept = {key: value for key, value in listed.items() if key != "edits"}
    return {**kept, **shards, **({} if whole else {"ids": hidden})}


def _shard(file: DataFile) -> dict[str, Any]:
    return {
        "url": file.path,
        "rows": file.rows,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
    }


def _without_places(value: Any) -> Any:
    """Return a recipe without the folders of the machine that it ran on."""
    if isinstance(value, dict):
        return {
            key: [_last(place) for place in item]
            if key == "raw" and isinstance(item, list)
            else _without_places(item)
            for key, item in value.items()
        }
    return [_without_places(item) for item in value] if isinstance(value, list) else value


def _last(place: str) -> str:
    return PurePath(place).name if files.is_local(place) else files.redacted(place)
