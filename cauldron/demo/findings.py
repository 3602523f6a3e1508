"""What the pipeline found of the traps that were planted in the demo's raw trees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cauldron import stats
from cauldron.storage import work

NOT_PLANTED = "not planted"


def findings(
    place: str, planted: Sequence[Mapping[str, Any]], ingests: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Compare traps with what a work folder says of them.

    Traps that ingest must report are compared by source and reason, traps that a decision step must
    drop sample by sample. Samples dropped without having been planted are listed too.

    Args:
        planted: the traps of `planted.json`.
        ingests: ledger entries of ingests, with counts.

    Returns:
        Rows of source, trap, step, reason, planted and found. Harmless traps (`read`) are left out.
    """
    counts = {entry["source"]: entry["counts"] for entry in ingests}
    dropped = {source: _dropped(place, source) for source in work.sources(place)}
    read = [p for p in planted if p["step"] != "read" and p["source"] in counts]
    rows = []
    for trap in _joined(read):
        if trap["step"] in work.STEPS:
            found = sum(
                dropped[trap["source"]].pop(name, ("", ""))
                in [(trap["step"], reason) for reason in trap["reasons"]]
                for name in trap["names"]
            )
        else:
            found = _counted(counts[trap["source"]], trap)
        rows.append(_row(trap, len(trap["names"]), found))
    for source, rest in dropped.items():
        for step, reason in sorted(set(rest.values())):
            extra = {"source": source, "trap": NOT_PLANTED, "step": step, "reasons": (reason,)}
            rows.append(_row(extra, 0, list(rest.values()).count((step, reason))))
    return sorted(rows, key=lambda row: (row["source"], row["planted"] == 0))


def _joined(planted: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Join traps that ingest reports with the same reason: its counts cannot tell them apart."""
    out: dict[tuple[Any, ...], dict[str, Any]] = {}
    for trap in planted:
        told = trap["trap"] if trap["step"] in work.STEPS else ""
        key = (trap["source"], trap["step"], tuple(trap["reasons"]), told)
        if key in out:
            names = [*out[key]["names"], *trap["names"]]
            out[key] |= {"trap": f"{out[key]['trap']}; {trap['trap']}", "names": names}
        else:
            out[key] = dict(trap)
    return list(out.values())


def _row(trap: Mapping[str, Any], planted: int, found: int) -> dict[str, Any]:
    return {
        "source": trap["source"],
        "trap": trap["trap"],
        "step": trap["step"],
        "reason": " or ".join(trap["reasons"]),
        "planted": planted,
        "found": found,
    }


def _counted(counts: Mapping[str, Any], trap: Mapping[str, Any]) -> int:
    """Return how often ingest gave a reason."""
    given = counts["notes"] if trap["step"] == "notes" else counts["reasons"][trap["step"]]
    return sum(given.get(reason, 0) for reason in trap["reasons"])


def _dropped(place: str, source: str) -> dict[str, tuple[str, str]]:
    """Return step and reason of each dropped sample of a source."""
    out: dict[str, tuple[str, str]] = {}
    for part in work.parts(place, source):
        ids = stats.sample_ids(place, source, part)
        told = stats.verdicts(place, source, part, ids)
        for name, keep, step, reason in zip(
            ids.to_pylist(), told.keep, told.step, told.reason, strict=True
        ):
            if not keep:
                out[name] = (str(step), str(reason))
    return out
