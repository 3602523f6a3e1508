"""Measure, dedup and decontaminate a work folder: which parts, which keys, receipts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from cauldron.curate.decontaminate import (
    KINDS,
    DecontaminateSettings,
    decontaminate_part,
    totals,
)
from cauldron.curate.dedup import DedupSettings, dedup
from cauldron.curate.layout import here
from cauldron.curate.leak_index import is_index, labels
from cauldron.curate.parts import PartFiles
from cauldron.engine.base import Engine
from cauldron.engine.local import LocalEngine
from cauldron.engine.progress import Progress, followed, quiet
from cauldron.engine.receipts import Failure, Job, looked_up, perform, perform_all
from cauldron.errors import CheckError
from cauldron.filtering import by_source
from cauldron.indexing import index_benchmarks
from cauldron.measuring import MeasureSettings, PlannedPart, plan_measure, require_measured
from cauldron.planning import SHARD_ROWS
from cauldron.storage import files, work
from cauldron.storage.keys import key_of
from cauldron.storage.shards import file_sha256

COMPARED = ("counts", "hashes", "sketch", "pixels")
"""Groups of signals by which duplicates and leaks are found."""
_VERSION = 3  # goes up when what the search for duplicates writes changes


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
        The ledger entry, `measured` and `unchanged` parts, `groups`: measured parts of each, and
        `unmeasured`: rows that a group could not measure.
    """
    settings, planned = plan_measure(place, sources, settings)
    if engine.share:
        _require_ingested(place)
    jobs = [part.job(place) for part in planned]
    failures: list[Failure] = []
    made = perform_all(engine, jobs, failures, dangerous=True)
    results = list(followed(made, "measure", len(jobs), progress))
    planned = _set_aside(place, planned, jobs, failures)
    groups = Counter(
        name
        for part, result in zip(planned, results, strict=True)
        if not result["resumed"]
        for name in [spec.name for spec in part.new]
    )
    measured = sum(not r["resumed"] for r in results)
    unmeasured: Counter[str] = Counter()
    for result in results:
        unmeasured.update(result.get("unmeasured", {}))
    chosen = sorted({part.source for part in planned})
    for source in chosen:
        _remove_stale(place, source)
    entry = {
        "step": "measure",
        "status": "done",
        "parts": len(planned),
        "sources": chosen,
        "settings": settings.model_dump(mode="json"),
    }
    work.write_entry(work.ledger(place, "measure"), entry)
    counts = {"measured": measured, "unchanged": len(planned) - measured}
    by_group = {"groups": groups, "unmeasured": unmeasured}
    return {**entry, **counts, **{name: dict(sorted(n.items())) for name, n in by_group.items()}}


def _require_ingested(place: str) -> None:
    """Check that no ingest is going on.

    Raises:
        CheckError: if one is, since its parts are not all there to be shared out.
    """
    for entry in work.ingests(place):
        if entry["status"] == "running":
            raise CheckError(
                f"the ingest of '{entry['source']}' ({entry['split']}) is not finished",
                place=place,
                hint="all its shares have to end first; the same ingest again goes on",
            )


def _set_aside(
    place: str, planned: list[PlannedPart], jobs: Sequence[Job], failures: Sequence[Failure]
) -> list[PlannedPart]:
    """Set aside the parts that could not be measured; return the others."""
    why = {failure.job.receipt: str(failure.error) for failure in failures}
    apart = work.set_aside(place)
    left = []
    for part, job in zip(planned, jobs, strict=True):
        own = apart.setdefault(part.source, {})
        own.pop(part.part, None)
        if job.receipt in why:
            own[part.part] = why[job.receipt]
        else:
            left.append(part)
    work.write_set_aside(place, {source: parts for source, parts in apart.items() if parts})
    return left


def _remove_stale(place: str, source: str) -> None:
    """Remove signals of parts that are no more."""
    parts = work.parts(place, source)
    for name in files.list_names(work.signals(place, source), ".parquet"):
        if name.removesuffix(".parquet") not in parts:
            files.remove(work.signals(place, source, name.removesuffix(".parquet")))


def forget(place: str, step: str) -> None:
    """Remove the decisions of a step, so that they count no longer."""
    files.remove(files.join(place, "decisions", step))
    files.remove(files.join(place, "ledger", "parts", f"{step}.json"))
    if step == "dedup":
        files.remove(work.shuffle(place))
    if step == "decontaminate":
        files.remove(work.leaks(place, ""))
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


def dedup_samples(
    place: str,
    settings: DedupSettings,
    sources: Sequence[str] | None = None,
    engine: Engine | None = None,
    progress: Progress = quiet,
    parts_at_once: int = 0,
) -> dict[str, Any]:
    """Find duplicates among the samples that are still kept.

    Args:
        parts_at_once: parts that one job reads; 0: as fits their number.
    """
    work.require(place)
    parts = _part_files(place, "dedup", sources)
    compared = (*COMPARED, *sorted(settings.embeddings))
    before = looked_up(partial(_before, place, compared), parts, place)
    plain = settings.model_dump(mode="json")
    key, scratch = key_of("dedup", _VERSION, before, plain), work.shuffle(place)
    stages = _Stages(engine or LocalEngine(1), scratch, key_of(key, parts_at_once), progress)
    rows = len(parts) * SHARD_ROWS
    job = Job(
        key=key,
        receipt=files.join(place, "ledger", "parts", "dedup.json"),
        outputs=tuple(part.out for part in parts),
        function=dedup,
        arguments=(parts, settings, scratch, rows, stages, parts_at_once),
    )
    result = perform(job)
    files.remove(scratch)
    entry = {**result, "step": "dedup", "status": "done", "settings": plain}
    work.write_entry(
        work.ledger(place, "dedup"), {k: v for k, v in entry.items() if k != "resumed"}
    )
    return entry


def _before(place: str, compared: Sequence[str], part: PartFiles) -> list[str]:
    """Return what the signals of a part, and earlier decisions on it, are known by."""
    measured = require_measured(place, part.source, part.name, compared)
    return [part.source, part.name, measured, *(file_sha256(url) for url in part.earlier)]


class _Stages:
    """Runs the jobs of stages on an engine, with receipts, so that a cut-off search goes on.

    Shares of a step do the first stage together; the last to end does the others.
    """

    def __init__(self, engine: Engine, scratch: str, key: str, progress: Progress) -> None:
        self._engine, self._scratch, self._key, self._progress = engine, scratch, key, progress
        self._shared = True

    def __call__(
        self, name: str, function: Any, jobs: Sequence[tuple[Any, ...]]
    ) -> list[dict[str, Any]]:
        if len(jobs) == 1 and not self._engine.share:
            return here(name, function, jobs)  # as quick as its receipt
        folder = files.join(self._scratch, name)
        made = [
            Job(
                key=key_of(self._key, name, number),
                receipt=files.join(folder, f"{number:05d}.json"),
                outputs=(files.join(folder, f"{number:05d}.arrow"),),
                function=function,
                arguments=arguments,
            )
            for number, arguments in enumerate(jobs)
        ]
        shared, self._shared = self._shared, False
        results = perform_all(self._engine, made, shared=shared)
        step = f"dedup, {name.replace('-', ' ')}"
        return list(followed(results, step, len(made), self._progress))


def decontaminate_samples(
    engine: Engine,
    place: str,
    benchmarks: Mapping[str, str],
    settings: DecontaminateSettings,
    sources: Sequence[str] | None = None,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Find samples that stand in benchmarks.

    Args:
        benchmarks: label to place; a place is an index, or what an index is built of.
    """
    work.require(place)
    indexes = {label: path for label, path in benchmarks.items() if is_index(path)}
    others = {label: path for label, path in benchmarks.items() if label not in indexes}
    urls = sorted(indexes.values())
    if others:
        folder = files.join(place, "benchmarks")
        own = files.join(folder, "index.parquet")
        index_benchmarks(engine, others, own, files.join(folder, "pieces"), progress=progress)
        urls.append(own)
    hashes = [file_sha256(url) for url in urls]
    plain = {"settings": settings.model_dump(mode="json"), "benchmarks": hashes}
    parts = _part_files(place, "decontaminate", sources)
    before = looked_up(partial(_before, place, COMPARED), parts, place)
    jobs = [
        _leaks_job(place, part, known, tuple(urls), settings, plain)
        for part, known in zip(parts, before, strict=True)
    ]
    results = list(followed(perform_all(engine, jobs), "decontaminate", len(jobs), progress))
    owners = [part.source for part in parts]
    entry = by_source(place, "decontaminate", owners, results, plain)
    told = totals(list(zip(owners, results, strict=True)))
    for name in sorted({name for url in urls for name in labels(url)}):
        told["benchmarks"].setdefault(name, dict.fromkeys(KINDS, 0))
    entry |= told
    work.write_entry(work.ledger(place, "decontaminate"), entry)
    return entry


def _leaks_job(
    place: str,
    part: PartFiles,
    before: list[str],
    urls: tuple[str, ...],
    settings: DecontaminateSettings,
    plain: Any,
) -> Job:
    leaks = work.leaks(place, part.source, part.name)
    return Job(
        key=key_of("decontaminate", 2, before, plain),
        receipt=work.receipt(place, f"decontaminate-{part.source}", part.name),
        outputs=(part.out, leaks),
        function=decontaminate_part,
        arguments=(part, urls, leaks, settings),
    )
