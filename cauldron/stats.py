"""Counts over a work folder.

Two sums must hold for every source: records read = samples written + quarantined + skipped, and
samples = kept + dropped. The first step that drops a sample gives the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cauldron.storage import files
from cauldron.storage import work as places
from cauldron.storage.shards import read_table

_MEASURED = {"images": "n_images", "turns": "n_turns", "chars": "chars"}
_UNFINISHED = ("running", "started", "failed", "interrupted")


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
    return sorted({*places.sources(work), *(e["source"] for e in ingest_entries(work))})


def work_stats(work: str) -> dict[str, Any]:
    """Count every source of a work folder and check both sums.

    Returns:
        `sources` (name to counts), `totals` over all, `balanced`, and `problems` in sentences.
        `quarantined`, `skipped` and `dropped` map reason to count; `dropped_by` maps step to
        reasons; `kept_images`, `kept_turns` and `kept_chars` count kept samples only.
    """
    entries = list(ingest_entries(work))
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


def ingest_entries(work: str) -> Iterator[dict[str, Any]]:
    """Yield the ledger entries of all ingests that can be read as such."""
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
