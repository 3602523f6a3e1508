"""Check every checksum and count of a manifest or a work folder against the files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cauldron.errors import StorageError
from cauldron.mixture.manifest import folder_of, read_manifest
from cauldron.storage import files, work
from cauldron.storage.shards import file_sha256, open_parquet


def verify(path: str) -> list[str]:
    """Return the problems found, none when all is as recorded.

    Raises:
        StorageError: if the path is neither a manifest nor a work folder.
    """
    if path.endswith(".json") or files.exists(files.join(path, "manifest.json")):
        return list(_manifest_problems(path))
    work.require(path)
    problems = list(_work_problems(path))
    mixtures = files.join(path, "mixture")
    for name in files.list_names(mixtures):
        folder = files.join(mixtures, name)
        if files.exists(files.join(folder, "manifest.json")):
            problems += _manifest_problems(folder)
    return problems


def _manifest_problems(path: str) -> Iterator[str]:
    manifest = read_manifest(path)
    folder = folder_of(path)
    for source in manifest["sources"]:
        for listed in (*source.get("edits", ()), *source.get("ids", ())):
            yield from _file_problems(files.join(folder, listed["url"]), listed)
        if source.get("ids") and not _any_there(folder, source):
            continue  # published without bytes, and not rebuilt here
        for shard in (*source["shards"], *source["validation_shards"]):
            yield from _file_problems(files.join(folder, shard["url"]), shard)
        yield from _count_problems(manifest, source)


def _count_problems(manifest: dict[str, Any], source: dict[str, Any]) -> Iterator[str]:
    """Compare rows with samples; what a published form cannot hold is in no shard."""
    published = manifest.get("published") or {}
    reasons = published.get("left_out", {}).get(source["name"], {})
    held = {key: sum(s["rows"] for s in source[key]) for key in ("shards", "validation_shards")}
    told = {"shards": source["samples"], "validation_shards": source["validation"]["samples"]}
    if reasons:
        held, told = {"shards": sum(held.values())}, {"shards": sum(told.values())}
        told["shards"] -= sum(reasons.values())
    for key, count in told.items():
        if held[key] != count:
            yield f"{source['name']}: {key} hold {held[key]} rows, the manifest says {count}"


def _any_there(folder: str, source: dict[str, Any]) -> bool:
    shards = (*source["shards"], *source["validation_shards"])
    return any(files.exists(files.join(folder, shard["url"])) for shard in shards)


def _work_problems(path: str) -> Iterator[str]:
    folder = files.join(path, "ledger")
    for name in files.list_names(folder, ".json"):
        if not name.startswith("ingest-"):
            continue
        entry = files.read_json(files.join(folder, name))
        label = f"{entry['source']}/{entry['split']}"
        if entry["status"] != "done":
            yield f"{label}: its ingest did not end; run it again"
            continue
        for part in entry["parts"]:
            yield from _file_problems(work.samples(path, entry["source"], part["name"]), part)
        counts = entry["counts"]
        if counts["read"] != counts["written"] + counts["quarantined"] + counts["skipped"]:
            yield f"{label}: read is not written + quarantined + skipped"
        if sum(part["rows"] for part in entry["parts"]) != counts["written"]:
            yield f"{label}: the parts do not hold {counts['written']} samples"


def _file_problems(url: str, recorded: dict[str, Any]) -> Iterator[str]:
    shown = files.redacted(url)
    if not files.exists(url):
        yield f"{shown}: missing"
        return
    if files.size_bytes(url) != recorded["size_bytes"]:
        yield f"{shown}: {files.size_bytes(url)} bytes, recorded {recorded['size_bytes']}"
    elif file_sha256(url) != recorded["sha256"]:
        yield f"{shown}: content has changed (sha256 differs)"
    else:
        try:
            with open_parquet(url) as file:
                if file.metadata.num_rows != recorded["rows"]:
                    yield f"{shown}: {file.metadata.num_rows} rows, recorded {recorded['rows']}"
        except StorageError as error:
            yield f"{shown}: {error.message}"
