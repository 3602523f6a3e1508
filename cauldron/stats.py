"""Counts over a work folder, and why one sample is or is not in a mixture.

Two sums must hold for every source: records read = samples written + quarantined + skipped, and
samples = kept + dropped. The first step that drops a sample gives the reason.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from cauldron.errors import StorageError
from cauldron.storage import files
from cauldron.storage import work as places
from cauldron.storage.shards import open_parquet, read_table

_MEASURED = {"images": "n_images", "turns": "n_turns", "chars": "chars"}
_UNFINISHED = ("running", "started", "failed", "interrupted")
_NEAR_POOL = 20_000  # ids compared letter by letter when an id is unknown
_LONG_BYTES = 32  # longer binary signals (minhash) are named by size only


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What all steps together decided on the rows of a part.

    Args:
        keep: [rows] bool.
        step: [rows] the step that dropped a row, "" where kept.
        reason: [rows] its reason, "" where kept.
        problems: sentences on decisions that do not fit the part.
    """

    keep: npt.NDArray[np.bool_]
    step: npt.NDArray[np.object_]
    reason: npt.NDArray[np.object_]
    problems: tuple[str, ...] = ()


def sample_ids(work: str, source: str, part: str) -> pa.ChunkedArray:
    """Return the ids of a part, in row order, reading no other column."""
    return read_table(places.samples(work, source, part), ["id"])["id"]


def verdicts(work: str, source: str, part: str, ids: pa.ChunkedArray) -> Verdicts:
    """Join the decisions of all steps on a part; the first drop counts."""
    keep = np.ones(len(ids), dtype=bool)
    step = np.full(len(ids), "", dtype=object)
    reason = np.full(len(ids), "", dtype=object)
    problems = []
    for name in places.STEPS:
        url = places.decisions(work, name, source, part)
        if not files.exists(url):
            continue
        table = read_table(url, ["id", "keep", "reason"])
        if not _same(table["id"], ids) or table["keep"].null_count:
            problems.append(f"{name} decisions do not fit {source}/{part}; run {name} again")
            continue
        new = keep & ~table["keep"].to_numpy()
        keep &= ~new
        step[new] = name
        reason[new] = [r or "no_reason" for r in table["reason"].filter(pa.array(new)).to_pylist()]
    return Verdicts(keep=keep, step=step, reason=reason, problems=tuple(problems))


def _same(left: pa.ChunkedArray, right: pa.ChunkedArray) -> bool:
    return len(left) == len(right) and bool(left.equals(right.cast(left.type)))


def source_names(work: str) -> list[str]:
    """Return the sources that were read, with samples or without."""
    return sorted({*places.sources(work), *(e["source"] for e in _ingests(work))})


def work_stats(work: str) -> dict[str, Any]:
    """Count every source of a work folder and check both sums.

    Returns:
        `sources` (name to counts), `totals` over all, `balanced`, and `problems` in sentences.
        `quarantined`, `skipped` and `dropped` map reason to count; `dropped_by` maps step to
        reasons; `kept_images`, `kept_turns` and `kept_chars` count kept samples only.
    """
    entries = list(_ingests(work))
    sources = {
        name: _source_stats(work, name, [e for e in entries if e["source"] == name])
        for name in source_names(work)
    }
    return {
        "sources": sources,
        "totals": _totals(list(sources.values())),
        "balanced": all(s["balanced"] for s in sources.values()),
        "problems": [problem for s in sources.values() for problem in s["problems"]],
    }


def _ingests(work: str) -> Iterator[dict[str, Any]]:
    folder = files.join(work, "ledger")
    for name in files.list_names(folder, ".json"):
        if name.startswith("ingest-"):
            entry = files.read_json(files.join(folder, name))
            if isinstance(entry, dict) and isinstance(entry.get("source"), str):
                yield entry


def _source_stats(work: str, source: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    read = _read_counts(source, entries)
    kept = _kept_counts(work, source)
    problems = [*read.pop("problems"), *kept.pop("problems")]
    if not entries:
        problems.append(f"{source}: no ledger entry of an ingest")
    left = sum(read["quarantined"].values()) + sum(read["skipped"].values())
    if read["read"] != read["written"] + left:
        problems.append(
            f"{source}: {read['read']} records read, {read['written']} written and {left} "
            "quarantined or skipped"
        )
    if read["written"] != kept["samples"]:
        problems.append(
            f"{source}: {read['written']} samples written, {kept['samples']} found on disk"
        )
    if kept["samples"] != kept["kept"] + sum(kept["dropped"].values()):
        problems.append(f"{source}: kept and dropped do not add up to {kept['samples']} samples")
    return {**read, **kept, "balanced": not problems, "problems": problems}


def _read_counts(source: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Add the ledger entries of a source's splits."""
    totals = {"read": 0, "written": 0}
    reasons: dict[str, Counter[str]] = {"quarantined": Counter(), "skipped": Counter()}
    notes: Counter[str] = Counter()
    problems = []
    for entry in entries:
        split, counts = entry.get("split", ""), entry.get("counts") or {}
        if entry.get("status") in _UNFINISHED:
            problems.append(f"{source}/{split}: its ingest is {entry['status']}, not done")
        for key in totals:
            totals[key] += int(counts.get(key, 0))
        for key, counter in reasons.items():
            found = (counts.get("reasons") or {}).get(key) or {}
            counter.update(found)
            if sum(found.values()) != counts.get(key, 0):
                problems.append(f"{source}/{split}: reasons of {key} do not add up")
        notes.update(counts.get("notes") or {})
    return {
        **totals,
        **{key: _ranked(counter) for key, counter in reasons.items()},
        "notes": _ranked(notes),
        "splits": sorted(str(e.get("split", "")) for e in entries),
        "problems": problems,
    }


def _kept_counts(work: str, source: str) -> dict[str, Any]:
    """Count samples by decision, and what they hold by their signals."""
    counts = dict.fromkeys(("samples", "kept", *_MEASURED, *(f"kept_{k}" for k in _MEASURED)), 0)
    by_step: dict[str, Counter[str]] = {step: Counter() for step in places.STEPS}
    problems: list[str] = []
    measured = True
    names = places.parts(work, source)
    for part in names:
        ids = sample_ids(work, source, part)
        verdict = verdicts(work, source, part, ids)
        problems += verdict.problems
        counts["samples"] += len(ids)
        counts["kept"] += int(verdict.keep.sum())
        for step, reason in zip(
            verdict.step[~verdict.keep], verdict.reason[~verdict.keep], strict=True
        ):
            by_step[step][reason] += 1
        url = places.signals(work, source, part)
        if not files.exists(url):
            measured = False
            continue
        table = read_table(url, list(_MEASURED.values()))
        if table.num_rows != len(ids):
            problems.append(f"signals do not fit {source}/{part}; run measure again")
            continue
        for key, column in _MEASURED.items():
            numbers = np.asarray(table[column].fill_null(0).to_numpy(), dtype=np.int64)
            counts[key] += int(numbers.sum())
            counts[f"kept_{key}"] += int(numbers[verdict.keep].sum())
    problems += _half_done(work, source, names)
    merged = sum(by_step.values(), Counter[str]())
    return {
        **counts,
        "dropped": _ranked(merged),
        "dropped_by": {step: _ranked(c) for step, c in by_step.items() if c},
        "measured": measured and bool(names),
        "problems": problems,
    }


def _half_done(work: str, source: str, parts: list[str]) -> list[str]:
    problems = []
    for step in places.STEPS:
        have = sum(files.exists(places.decisions(work, step, source, part)) for part in parts)
        if 0 < have < len(parts):
            problems.append(f"{source}: {step} covers {have} of {len(parts)} parts")
    return problems


def _totals(sources: list[dict[str, Any]]) -> dict[str, Any]:
    totals: dict[str, Any] = {}
    for key in (
        "read",
        "written",
        "samples",
        "kept",
        *_MEASURED,
        *(f"kept_{k}" for k in _MEASURED),
    ):
        totals[key] = sum(s[key] for s in sources)
    for key in ("quarantined", "skipped", "dropped"):
        totals[key] = _ranked(sum((Counter(s[key]) for s in sources), Counter[str]()))
    return totals


def _ranked(counter: Counter[str]) -> dict[str, int]:
    """Return counts, most frequent first, equal ones by name."""
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))


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
    entries = [e for e in _ingests(work) if e["source"] == source]
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
