"""What a run would do to a work folder, told without doing it: what to measure, rows to drop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cauldron.curate.deciding import columns_of, counts_of, decide, read_signals
from cauldron.curate.rules import Rules
from cauldron.filtering import FILTERED_AT_ONCE
from cauldron.measuring import MeasureSettings, PlannedPart, plan_measure
from cauldron.storage import files, work
from cauldron.storage.shards import open_parquet


def forecast_measure(
    place: str, sources: Sequence[str], settings: MeasureSettings
) -> dict[str, Any]:
    """Tell how many parts are measured already, and which groups of how many parts are not.

    Args:
        sources: those that have samples are looked at.
    """
    there = _with_samples(place, sources)
    planned = plan_measure(place, there, settings)[1] if there else []
    missing = Counter(spec.name for part in planned for spec in part.new)
    to_do = [part for part in planned if part.new]
    return {
        "parts": len(planned),
        "cached": len(planned) - len(to_do),
        "rows_to_measure": sum(_rows(place, part) for part in to_do),
        "groups_to_measure": dict(sorted(missing.items())),
    }


def _with_samples(place: str, sources: Sequence[str]) -> list[str]:
    known = set(work.sources(place))
    return [source for source in sources if source in known]


def _rows(place: str, part: PlannedPart) -> int:
    with open_parquet(work.samples(place, part.source, part.part)) as file:
        return int(file.metadata.num_rows)


def forecast_filter(place: str, sources: Sequence[str], rules: Rules) -> dict[str, Any]:
    """Tell how many samples of each source each rule would drop, exactly, from their signals.

    Returns:
        Source to `kept`, `dropped` by rule and `images_left_out`; `unknown` lists sources that are
        not measured yet, or not for these rules.
    """
    told: dict[str, Any] = {}
    unknown = []
    for source in sources:
        counts = _counted(place, source, rules)
        if counts is None:
            unknown.append(source)
        else:
            told[source] = counts
    return {"sources": told, "unknown": unknown}


def _counted(place: str, source: str, rules: Rules) -> dict[str, Any] | None:
    chosen = rules.of(source)
    urls = [work.signals(place, source, part) for part in work.parts(place, source)]
    if not urls or not all(_measured(url, set(columns_of(chosen))) for url in urls):
        return None
    kept, images, dropped = 0, 0, Counter[str]()
    for start in range(0, len(urls), FILTERED_AT_ONCE):
        signals, _ = read_signals(urls[start : start + FILTERED_AT_ONCE], chosen)
        counts = counts_of(decide(signals, chosen))
        kept += counts["kept"]
        images += counts["images_left_out"]
        dropped.update(counts["dropped"])
    return {"kept": kept, "dropped": dict(sorted(dropped.items())), "images_left_out": images}


def _measured(url: str, columns: set[str]) -> bool:
    if not files.exists(url):
        return False
    with open_parquet(url) as file:
        return columns <= set(file.schema_arrow.names)
