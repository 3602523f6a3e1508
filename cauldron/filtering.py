"""Decide by rules on the parts of a work folder; it imports little, since deciding is quick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cauldron.curate.deciding import NO_LISTS, filter_parts
from cauldron.curate.lists import Lists
from cauldron.curate.rules import Rules
from cauldron.engine.base import Engine
from cauldron.engine.progress import Progress, followed, quiet
from cauldron.engine.receipts import Job, perform_all
from cauldron.measuring import require_measured
from cauldron.storage import work
from cauldron.storage.keys import key_of

FILTERED_AT_ONCE = 32  # parts of one job: a query costs more than its rows


def filter_samples(
    engine: Engine,
    place: str,
    rules: Rules,
    sources: Sequence[str] | None = None,
    progress: Progress = quiet,
    lists: Lists = NO_LISTS,
) -> dict[str, Any]:
    """Decide by rules, and by what was decided by hand, on every measured part; decodes nothing."""
    work.require(place)
    jobs, owners = [], []
    for source in sources or work.sources(place):
        names = work.parts(place, source)
        for start in range(0, len(names), FILTERED_AT_ONCE):
            parts = names[start : start + FILTERED_AT_ONCE]
            keys = [require_measured(place, source, part) for part in parts]
            outputs = tuple(work.decisions(place, "filter", source, part) for part in parts)
            signals = [work.signals(place, source, part) for part in parts]
            jobs.append(
                Job(
                    key=key_of(
                        "filter", keys, rules.key, source, *([lists.key] if lists.key else [])
                    ),
                    receipt=work.receipt(place, f"filter-{source}", parts[0]),
                    outputs=outputs,
                    function=filter_parts,
                    arguments=(tuple(zip(signals, outputs, strict=True)), rules, source, lists),
                )
            )
            owners.append(source)
    results = list(followed(perform_all(engine, jobs), "filter", len(jobs), progress))
    return by_source(place, "filter", owners, results, rules.as_dict())


def by_source(
    place: str, step: str, owners: list[str], results: list[dict[str, Any]], settings: Any
) -> dict[str, Any]:
    """Write the ledger entry of a step from the results of its jobs, and return it."""
    counts: dict[str, dict[str, Any]] = {}
    for source, result in zip(owners, results, strict=True):
        entry = counts.setdefault(source, {"kept": 0, "dropped": {}})
        entry["kept"] += result["kept"]
        if result.get("images_left_out"):
            entry["images_left_out"] = entry.get("images_left_out", 0) + result["images_left_out"]
        for reason, number in result["dropped"].items():
            entry["dropped"][reason] = entry["dropped"].get(reason, 0) + number
    entry = {"step": step, "status": "done", "settings": settings, "sources": counts}
    work.write_entry(work.ledger(place, step), entry)
    return entry
