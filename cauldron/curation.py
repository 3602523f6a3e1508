"""Measure, filter, dedup and decontaminate a work folder: which parts, which keys, receipts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cauldron.curate.deciding import filter_parts
from cauldron.curate.decontaminate import DecontaminateSettings, decontaminate
from cauldron.curate.dedup import DedupSettings, dedup
from cauldron.curate.parts import PartFiles
from cauldron.curate.rules import Rules
from cauldron.engine.base import Engine
from cauldron.engine.receipts import Job, perform, perform_all
from cauldron.errors import StorageError
from cauldron.measuring import MeasureSettings, plan_measure
from cauldron.steps import Progress, followed, quiet, receipt
from cauldron.storage import files, work
from cauldron.storage.keys import key_of
from cauldron.storage.shards import file_sha256

FILTERED_AT_ONCE = 32  # parts of one job: a query costs more than its rows


def measure(
    engine: Engine,
    place: str,
    sources: Sequence[str] | None = None,
    progress: Progress = quiet,
    settings: MeasureSettings | None = None,
) -> dict[str, Any]:
    """Measure what is not measured yet: new and changed parts, and groups that were not asked for.

    Args:
        settings: None measures what was asked for last time, at first all built-in signals.

    Returns:
        The ledger entry, `measured` and `unchanged` parts, and `groups`: measured parts of each.
    """
    settings, planned = plan_measure(place, sources, settings)
    jobs = [part.job(place) for part in planned]
    results = list(followed(perform_all(engine, jobs), "measure", len(jobs), progress))
    groups = Counter(
        name
        for part, result in zip(planned, results, strict=True)
        if not result["resumed"]
        for name in [spec.name for spec in part.new]
    )
    measured = sum(not r["resumed"] for r in results)
    chosen = sorted({part.source for part in planned})
    for source in chosen:
        _remove_stale(place, source)
    entry = {
        "step": "measure",
        "status": "done",
        "parts": len(jobs),
        "sources": chosen,
        "settings": settings.model_dump(mode="json"),
    }
    files.write_json(work.ledger(place, "measure"), entry)
    counts = {"measured": measured, "unchanged": len(jobs) - measured}
    return {**entry, **counts, "groups": dict(sorted(groups.items()))}


def _remove_stale(place: str, source: str) -> None:
    """Remove signals of parts that are no more."""
    parts = work.parts(place, source)
    for name in files.list_names(work.signals(place, source), ".parquet"):
        if name.removesuffix(".parquet") not in parts:
            files.remove(work.signals(place, source, name.removesuffix(".parquet")))


def _signal_key(place: str, source: str, part: str) -> str:
    url = receipt(place, f"measure-{source}", part)
    if not files.exists(url):
        raise StorageError(
            f"{source}/{part} is not measured", place=place, hint=f"cauldron measure {place}"
        )
    return str(files.read_json(url)["key"])


def filter_samples(
    engine: Engine,
    place: str,
    rules: Rules,
    sources: Sequence[str] | None = None,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Decide by rules on every measured part; decodes nothing."""
    work.require(place)
    jobs, owners = [], []
    for source in sources or work.sources(place):
        names = work.parts(place, source)
        for start in range(0, len(names), FILTERED_AT_ONCE):
            parts = names[start : start + FILTERED_AT_ONCE]
            keys = [_signal_key(place, source, part) for part in parts]
            outputs = tuple(work.decisions(place, "filter", source, part) for part in parts)
            signals = [work.signals(place, source, part) for part in parts]
            jobs.append(
                Job(
                    key=key_of("filter", keys, rules.key, source),
                    receipt=receipt(place, f"filter-{source}", parts[0]),
                    outputs=outputs,
                    function=filter_parts,
                    arguments=(tuple(zip(signals, outputs, strict=True)), rules, source),
                )
            )
            owners.append(source)
    results = list(followed(perform_all(engine, jobs), "filter", len(jobs), progress))
    return _by_source(place, "filter", owners, results, rules.as_dict())


def _by_source(
    place: str, step: str, owners: list[str], results: list[dict[str, Any]], settings: Any
) -> dict[str, Any]:
    counts: dict[str, dict[str, Any]] = {}
    for source, result in zip(owners, results, strict=True):
        entry = counts.setdefault(source, {"kept": 0, "dropped": {}})
        entry["kept"] += result["kept"]
        for reason, number in result["dropped"].items():
            entry["dropped"][reason] = entry["dropped"].get(reason, 0) + number
    entry = {"step": step, "status": "done", "settings": settings, "sources": counts}
    files.write_json(work.ledger(place, step), entry)
    return entry


def forget(place: str, step: str) -> None:
    """Remove the decisions of a step, so that they count no longer."""
    files.remove(files.join(place, "decisions", step))
    files.remove(files.join(place, "ledger", "parts", f"{step}.json"))
    files.remove(work.ledger(place, step))


def _part_files(place: str, step: str, sources: Sequence[str] | None) -> list[PartFiles]:
    return [
        PartFiles(
            source=source,
            name=part,
            samples=work.samples(place, source, part),
            signals=work.signals(place, source, part),
            earlier=work.earlier(place, step, source, part),
            out=work.decisions(place, step, source, part),
        )
        for source in sources or work.sources(place)
        for part in work.parts(place, source)
    ]


def _global_job(
    place: str,
    step: str,
    sources: Sequence[str] | None,
    settings: Any,
    function: Any,
    arguments: Any,
) -> Job:
    parts = _part_files(place, step, sources)
    before = [
        [part.source, part.name, _signal_key(place, part.source, part.name)]
        + [file_sha256(url) for url in part.earlier]
        for part in parts
    ]
    return Job(
        key=key_of(step, before, settings),
        receipt=files.join(place, "ledger", "parts", f"{step}.json"),
        outputs=tuple(part.out for part in parts),
        function=function,
        arguments=(parts, *arguments),
    )


def dedup_samples(
    place: str, settings: DedupSettings, sources: Sequence[str] | None = None
) -> dict[str, Any]:
    """Find duplicates among the samples that are still kept."""
    work.require(place)
    plain = settings.model_dump(mode="json")
    result = perform(_global_job(place, "dedup", sources, plain, dedup, (settings,)))
    entry = {**result, "step": "dedup", "status": "done", "settings": plain}
    files.write_json(
        work.ledger(place, "dedup"), {k: v for k, v in entry.items() if k != "resumed"}
    )
    return entry


def decontaminate_samples(
    place: str,
    benchmarks: dict[str, str],
    settings: DecontaminateSettings,
    sources: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Find samples that stand in benchmarks; a benchmark is a measured work folder.

    Args:
        benchmarks: name to work folder.
    """
    work.require(place)
    signals = {
        name: [
            work.signals(folder, source, part)
            for source in work.sources(folder)
            for part in work.parts(folder, source)
        ]
        for name, folder in sorted(benchmarks.items())
    }
    hashes = {name: [file_sha256(url) for url in urls] for name, urls in signals.items()}
    plain = {"settings": settings.model_dump(mode="json"), "benchmarks": hashes}
    job = _global_job(place, "decontaminate", sources, plain, decontaminate, (signals, settings))
    entry = {**perform(job), "step": "decontaminate", "status": "done", "settings": plain}
    files.write_json(
        work.ledger(place, "decontaminate"), {k: v for k, v in entry.items() if k != "resumed"}
    )
    return entry
