"""Why one sample is, or is not, in a mixture: origin, signals, every decision, its weight."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from cauldron.errors import StorageError
from cauldron.stats import ingest_entries, sample_ids
from cauldron.storage import files
from cauldron.storage import work as places
from cauldron.storage.shards import open_parquet, read_table

_NEAR_POOL = 20_000  # ids compared letter by letter when an id is unknown
_LISTED = 20  # members of a cluster of duplicates that are listed
_LONG_BYTES = 32  # longer binary signals (minhash) are named by size only


def find_sample(work: str, sample_id: str) -> tuple[str, str, int] | None:
    """Locate a sample by id columns alone; return source, part and row number."""
    for source in _likely_sources(work, sample_id):
        for part in places.parts(work, source):
            row = sample_ids(work, source, part).index(sample_id).as_py()
            if row >= 0:
                return source, part, row
    return None


def _likely_sources(work: str, sample_id: str) -> list[str]:
    known = places.sources(work)
    own = sample_id.split("/", 1)[0]
    return [own] if own in known else known


def read_row(url: str, row: int, columns: list[str] | None = None) -> dict[str, Any]:
    """Read one row of a Parquet file, touching its row group only."""
    with open_parquet(url) as file:
        for group in range(file.metadata.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if row < rows:
                table = file.read_row_group(group, columns=columns)
                found: dict[str, Any] = table.slice(row, 1).to_pylist()[0]
                return found
            row -= rows
    raise IndexError(row)


def explain(work: str, sample_id: str) -> dict[str, Any]:
    """Say where a sample came from, what was measured, what was decided, where it went.

    An id that no sample has gives `found: False`, with its records in quarantine and near ids.
    """
    place = find_sample(work, sample_id)
    if place is None:
        return {
            "id": sample_id,
            "found": False,
            "quarantined": list(_quarantined(work, sample_id)),
            "near": _near_ids(work, sample_id),
        }
    source, part, row = place
    columns = ["source", "license", "origin", "extra"]
    sample = read_row(places.samples(work, source, part), row, columns)
    decided = list(_decisions(work, source, part, row, sample_id))
    first = next((d for d in decided if not d["keep"]), None)
    entries = [e for e in ingest_entries(work) if e["source"] == source]
    split = sample_id.split("/")[1] if sample_id.count("/") > 1 else ""
    own = [e for e in entries if e.get("split") == split] or entries
    return {
        "id": sample_id,
        "found": True,
        **sample,
        "roots": sorted({files.redacted(str(r)) for e in own for r in e.get("roots") or ()}),
        "part": part,
        "row": row,
        "signals": _signals(work, source, part, row, sample_id),
        "decisions": decided,
        "duplicates": _cluster(work, sample_id, decided),
        "leaks": _leaks(work, source, part, sample_id),
        "kept": first is None,
        "dropped_by": first and first["step"],
        "reason": first and first["reason"],
        "mixtures": [_place(*m, source, sample_id, first is None) for m in manifests(work)],
    }


def _signals(work: str, source: str, part: str, row: int, sample_id: str) -> dict[str, Any]:
    url = places.signals(work, source, part)
    if not files.exists(url):
        return {}
    try:
        found = read_row(url, row)
    except IndexError:
        return {}
    return {k: _plain(v) for k, v in found.items()} if found.pop("id") == sample_id else {}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex() if len(value) <= _LONG_BYTES else f"{len(value)} bytes"
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _decisions(
    work: str, source: str, part: str, row: int, sample_id: str
) -> Iterator[dict[str, Any]]:
    for step in places.STEPS:
        url = places.decisions(work, step, source, part)
        if not files.exists(url):
            continue
        try:
            found = read_row(url, row)
        except IndexError:
            continue
        if found.pop("id") == sample_id:
            yield {"step": step, **{k: _plain(v) for k, v in found.items()}}


def _cluster(work: str, sample_id: str, decided: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the cluster of duplicates that a sample belongs to: the one kept, and the others."""
    own = next((d for d in decided if d["step"] == "dedup" and not d["keep"]), None)
    kept = str(own["detail"]).partition(":")[2] if own and own["detail"] else sample_id
    members = []
    for source in places.sources(work):
        for part in places.parts(work, source):
            url = places.decisions(work, "dedup", source, part)
            if files.exists(url):
                table = read_table(url, ["id", "reason", "value", "detail"])
                told = pa.array([f"of:{kept}", f"into:{kept}"])
                same = table.filter(pc.is_in(table["detail"], value_set=told))
                members += [{k: _plain(v) for k, v in r.items()} for r in same.to_pylist()]
    if not members:
        return {}
    listed = [{k: m[k] for k in ("id", "reason", "value")} for m in members[:_LISTED]]
    return {"kept": kept, "dropped": len(members), "members": listed}


def _leaks(work: str, source: str, part: str, sample_id: str) -> list[dict[str, Any]]:
    """Return the benchmark items that a sample stands in, dropped for it or not."""
    url = places.leaks(work, source, part)
    if not files.exists(url):
        return []
    table = read_table(url)
    own = table.filter(pc.equal(table["id"], sample_id)).drop_columns(["id"])
    found: list[dict[str, Any]] = own.to_pylist()
    return found


def manifests(work: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the folder and content of every mixture's manifest, by name."""
    folder = files.join(work, "mixture")
    for name in files.list_names(folder):
        url = files.join(folder, name, "manifest.json")
        if files.exists(url):
            yield files.join(folder, name), files.read_json(url)


def _place(
    folder: str, manifest: dict[str, Any], source: str, sample_id: str, kept: bool
) -> dict[str, Any]:
    """Say whether a mixture holds a sample: by the id column of its shards where they are there."""
    listed = manifest.get("sources") or []
    entry: dict[str, Any] = next((s for s in listed if s.get("name") == source), {})
    held_out = _holding(folder, [manifest.get("validation"), entry.get("validation")], sample_id)
    shard = "" if held_out else _holding(folder, entry.get("shards"), sample_id)
    weights = sum(float(s.get("weight") or 0) for s in listed)
    weight = float(entry.get("weight") or 0)
    return {
        "name": manifest.get("name") or PurePosixPath(folder).name,
        "included": bool(shard) and (kept or shard.startswith("shards/")),
        "validation": bool(held_out),
        "shard": shard or held_out,
        "weight": entry.get("weight"),
        "share": weight / weights if weights else None,
        "epochs": entry.get("epochs"),
    }


def _holding(folder: str, listed: Any, sample_id: str) -> str:
    """Return the first shard below a part of a manifest that holds an id ("ids" lists count)."""
    if isinstance(listed, list):
        if sample_id in listed:
            return "ids"
        return next((s for item in listed if (s := _holding(folder, item, sample_id))), "")
    if not isinstance(listed, dict):
        return ""
    url = listed.get("url")
    if not isinstance(url, str):
        return _holding(folder, list(listed.values()), sample_id)
    place = url if "://" in url or url.startswith("/") else files.join(folder, url)
    if not files.exists(place):
        return ""
    return url if read_table(place, ["id"])["id"].index(sample_id).as_py() >= 0 else ""


def _quarantined(work: str, sample_id: str) -> Iterator[dict[str, Any]]:
    """Yield quarantined records whose address fits an id."""
    own, _, rest = sample_id.partition("/")
    keys = {sample_id, rest, rest.partition("/")[2]} - {""}
    folder = files.join(work, "quarantine")
    known = files.list_names(folder)
    for source in [own] if own in known else known:
        for record in quarantine_records(work, source):
            file, number = record["file"], record["record"]
            names = {number, f"{file}-{number}", f"{file}:{number}", file, PurePosixPath(file).stem}
            if keys & names:
                yield record


def quarantine_records(work: str, source: str) -> Iterator[dict[str, str]]:
    """Yield source, file, record, reason and detail of each quarantined record."""
    folder = places.quarantine(work, source)
    for name in files.list_names(folder, ".jsonl"):
        for number, line in enumerate(files.read_bytes(files.join(folder, name)).splitlines(), 1):
            try:
                found = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise StorageError("not JSON", place=f"{source}/{name}:{number}") from error
            origin = found.get("origin") or found
            yield {
                "source": source,
                "file": str(origin.get("file", "")),
                "record": str(origin.get("record", "")),
                "reason": str(found.get("reason", "")),
                "detail": str(found.get("detail") or found.get("error") or ""),
            }


def _near_ids(work: str, sample_id: str) -> list[str]:
    pool: list[str] = []
    tail = sample_id.rpartition("/")[2]
    for source in _likely_sources(work, sample_id):
        for part in places.parts(work, source):
            ids = sample_ids(work, source, part).slice(0, _NEAR_POOL - len(pool)).to_pylist()
            pool += ids
    alike = difflib.get_close_matches(sample_id, pool, n=5, cutoff=0.6)
    ending = [i for i in pool if i.rpartition("/")[2] == tail]
    return list(dict.fromkeys([*ending[:3], *alike]))[:5]
