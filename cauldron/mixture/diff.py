"""What changed between two manifests."""

from __future__ import annotations

from typing import Any

from cauldron.mixture.manifest import read_manifest

_SETTINGS = (
    "name",
    "seed",
    "unit",
    "recipe_sha256",
    "cauldron_version",
    "schema_version",
    "sample_schema_version",
)
_COUNTS = ("weight", "share", "epochs", "samples", "turns", "images", "chars", "license")


def differences(a: str, b: str) -> dict[str, Any]:
    """Compare two manifests.

    Returns:
        `same`; `settings` with [before, after] of each changed field; `sources` with
        [before, after] of each changed count, and of `shards`: how many are in one only.

    Raises:
        StorageError: if one of them is not a manifest.
    """
    before, after = read_manifest(a), read_manifest(b)
    settings = {
        key: [before.get(key), after.get(key)]
        for key in _SETTINGS
        if before.get(key) != after.get(key)
    }
    old = {source["name"]: source for source in before["sources"]}
    new = {source["name"]: source for source in after["sources"]}
    sources = {
        name: changed
        for name in sorted(old.keys() | new.keys())
        if (changed := _changed(old.get(name), new.get(name)))
    }
    return {"same": not settings and not sources, "settings": settings, "sources": sources}


def _changed(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, list[Any]]:
    if old is None or new is None:
        return {"source": ["absent" if old is None else "there", "gone" if new is None else "new"]}
    out = {key: [old[key], new[key]] for key in _COUNTS if old[key] != new[key]}
    out |= {
        f"validation {key}": [old["validation"][key], new["validation"][key]]
        for key in old["validation"]
        if old["validation"][key] != new["validation"][key]
    }
    for key in ("shards", "validation_shards"):
        mine, theirs = ({s["sha256"] for s in side[key]} for side in (old, new))
        if mine != theirs:
            out[f"{key} only here"] = [len(mine - theirs), len(theirs - mine)]
    return out
