"""What is to measure: which groups of signals of which parts, given what is there already."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cauldron.engine.receipts import Job
from cauldron.engine.scout import scouted
from cauldron.engine.watch import NOWHERE, Span, Watch, mark_beside, new_death
from cauldron.errors import StorageError, UsageError, near
from cauldron.signals.groups import ALWAYS, BUILT_IN, Spec, group_of
from cauldron.signals.measure import measure_part, measured_table
from cauldron.storage import files, work
from cauldron.storage.keys import key_of
from cauldron.storage.shards import file_sha256, open_parquet

VISION_MODEL = "cauldron.vision_signals:vision_group"


class MeasureSettings(BaseModel):
    """What is measured.

    Args:
        signals: names of groups of signals; empty: all built-in ones.
        tokenizer: a `tokenizer.json` that counts tokens; without one they are estimated.
        models: vision model folders of `transformers` by name; each adds its columns.
        plugins: further groups by name: an entry point or `module:function`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    signals: tuple[str, ...] = ()
    tokenizer: str | None = None
    models: dict[str, str] = Field(default_factory=dict)
    plugins: dict[str, str] = Field(default_factory=dict)

    def with_asked(self, asked: MeasureSettings) -> MeasureSettings:
        """Return these settings with what another call asks for besides, or otherwise."""
        return MeasureSettings(
            signals=asked.signals or self.signals,
            tokenizer=asked.tokenizer or self.tokenizer,
            models={**self.models, **asked.models},
            plugins={**self.plugins, **asked.plugins},
        )

    def specs(self) -> list[Spec]:
        """Return the groups that are asked for.

        Raises:
            UsageError: if a name is unknown or a file is missing.
        """
        names = dict.fromkeys([*ALWAYS, *self.signals]) if self.signals else BUILT_IN
        for name in names:
            if name not in BUILT_IN:
                hint = f"one of: {', '.join(BUILT_IN)}"
                raise UsageError(f"no signals '{name}'{near(name, BUILT_IN)}", hint=hint)
        settings = {"tokens": _tokenizer(self.tokenizer)} if self.tokenizer else {}
        out = [
            Spec(name=n, factory=n, settings=settings.get(n, ())) for n in BUILT_IN if n in names
        ]
        for name, folder in sorted(self.models.items()):
            told = (("name", name), ("folder", folder), ("sha256", _folder_sha256(folder)))
            out.append(Spec(name=name, factory=VISION_MODEL, settings=told))
        return out + [Spec(name=n, factory=f) for n, f in sorted(self.plugins.items())]


def absolute(path: str) -> str:
    """Return a path that later calls from other folders find as well."""
    return str(files.local_path(path).resolve()) if files.is_local(path) else path


def _tokenizer(path: str) -> tuple[tuple[str, str], ...]:
    if not files.exists(path):
        raise UsageError("no such tokenizer", place=path, hint="a tokenizer.json")
    return (("tokenizer", path), ("sha256", file_sha256(path)))


def _folder_sha256(folder: str) -> str:
    """Return one hash of all files of a model folder."""
    names = files.find_files(folder) if files.exists(folder) else []
    if "config.json" not in names:
        raise UsageError("not a model folder: it has no config.json", place=folder)
    return key_of([[name, file_sha256(files.join(folder, name))] for name in names])


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPart:
    """One part: which groups stay, which are to measure.

    Args:
        sha256: of the samples.
        keys: what each group that the part will have depends on.
        new: the groups to measure.
        keep: the columns of the groups that stay.
    """

    source: str
    part: str
    sha256: str
    keys: Mapping[str, str]
    new: tuple[Spec, ...]
    keep: Mapping[str, Sequence[str]]

    def job(self, place: str) -> Job:
        """Return the job that measures what is missing."""
        url = work.samples(place, self.source, self.part)
        out = work.signals(place, self.source, self.part)
        return Job(
            key=key_of("measure", self.sha256, self.keys),
            receipt=work.receipt(place, f"measure-{self.source}", self.part),
            outputs=(out,),
            function=_measure,
            arguments=(MeasureTask(part=self, samples=url, out=out),),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureTask:
    """The measuring of one part.

    Args:
        samples: URL of the samples.
        out: URL of the signals.
        deaths: rows on which a worker died. Of many rows each is measured alone, so that the next
            death tells which it was; a row that died alone gets no signals, but an error.
    """

    part: PlannedPart
    samples: str
    out: str
    deaths: tuple[Span, ...] = ()

    @property
    def mark(self) -> str:
        """The file in which a worker notes where it is; the next run sweeps what is left of it."""
        return mark_beside(self.out, f".at{files.TEMPORARY}")

    def without_culprit(self) -> MeasureTask | None:
        """Return this task with more care for the rows that its worker died on."""
        with open_parquet(self.samples) as file:
            twice = 2 * file.metadata.num_rows  # a row ends two workers: among others, then alone
        span = new_death(self.mark, self.deaths, twice)
        if span is None or span == NOWHERE:
            return None
        return replace(self, deaths=(*self.deaths, Span(*span)))


def _measure(task: MeasureTask) -> dict[str, Any]:
    if task.deaths:
        task = scouted(task, _tried)
    with contextlib.closing(Watch(task.mark)) as watch:
        rows = _WatchedRows(task, watch)
        made = measure_part(task.samples, task.out, task.part.new, task.part.keep, rows)
    with contextlib.suppress(OSError):
        os.unlink(task.mark)
    return {**made, "samples_sha256": task.part.sha256, "keys": task.part.keys}


def _tried(task: MeasureTask) -> None:
    """Measure what lies behind the last rows that ended a worker; nothing is written."""
    with contextlib.closing(Watch(task.mark)) as watch:
        rows = _WatchedRows(task, watch, task.deaths[-1])
        measured_table(task.samples, task.out, task.part.new, task.part.keep, rows)


@dataclass(frozen=True, slots=True)
class _WatchedRows:
    """Notes in a worker's mark which rows are measured.

    Args:
        last: the rows that ended a worker last, where those before them need not be measured.
    """

    task: MeasureTask
    watch: Watch
    last: Span | None = None

    def begin(self, group: int, start: int, rows: int) -> None:
        quick = self.task.part.new[group].factory in BUILT_IN
        self.watch.at(Span(group, start, rows), records=1 if quick else rows)

    def end(self) -> None:
        self.watch.at(NOWHERE)

    def died(self, group: int, start: int, rows: int) -> bool:
        return Span(group, start, rows) in self.task.deaths

    def tried(self, group: int, start: int, rows: int) -> bool:
        if self.last is None:
            return False
        of_texts, later = self._of_texts(group), self._of_texts(self.last.group)
        return start + rows <= self.last.start if of_texts == later else of_texts

    def _of_texts(self, group: int) -> bool:
        return group_of(self.task.part.new[group]).reads == "texts"


def plan_measure(
    place: str, sources: Sequence[str] | None = None, settings: MeasureSettings | None = None
) -> tuple[MeasureSettings, list[PlannedPart]]:
    """Say what is to measure in a work folder.

    Raises:
        UsageError: if a source has no samples.
    """
    work.require(place)
    there = work.sources(place)
    for name in sources or ():
        if name not in there:
            raise UsageError(f"no samples of source '{name}'{near(name, there)}", place=place)
    settings = settings or remembered(place)
    asked = {spec.name: spec for spec in settings.specs()}
    planned = []
    for source in sources or there:
        known = work.checksums(place, source)
        planned += [
            _planned(place, source, p, known, asked) for p in work.parts(place, source, every=True)
        ]
    return settings, planned


def remembered(place: str) -> MeasureSettings:
    """Return what was asked for last time."""
    url = work.ledger(place, "measure")
    told = files.read_json(url).get("settings") if files.exists(url) else None
    return MeasureSettings.model_validate(told or {})


def _planned(
    place: str, source: str, part: str, known: Mapping[str, str], asked: Mapping[str, Spec]
) -> PlannedPart:
    sha256 = known.get(part) or file_sha256(work.samples(place, source, part))
    told = measured(place, source, part) or {}
    held = told.get("keys", {}) if told.get("samples_sha256") == sha256 else {}
    wanted = {name: f"{spec.factory}:{group_of(spec).key}" for name, spec in asked.items()}
    new = [name for name in wanted if held.get(name) != wanted[name]]
    keep = {name: told["columns"][name] for name in held if name not in new}
    return PlannedPart(
        source=source,
        part=part,
        sha256=sha256,
        keys={**held, **wanted},
        new=tuple(asked[name] for name in new),
        keep=keep,
    )


def measured(place: str, source: str, part: str) -> dict[str, Any] | None:
    """Return what the receipt of a part's signals says, None where they are not whole."""
    url = work.receipt(place, f"measure-{source}", part)
    if not files.exists(url):
        return None
    try:
        told = files.read_json(url)
    except StorageError:
        return None
    out = work.signals(place, source, part)
    size = files.size_bytes(out) if files.exists(out) else None
    if told.get("outputs") != [size]:
        return None
    result: dict[str, Any] = told["result"]
    return result


def _measure_hint(place: str, groups: Sequence[str]) -> str:
    """Return the command that measures groups; those of a model need its folder."""
    models = [f" --model {name}=FOLDER" for name in groups if name not in BUILT_IN]
    named = ",".join(name for name in groups if name in BUILT_IN)
    return f"cauldron measure {place} --signals {named}{''.join(models)}"


def require_measured(place: str, source: str, part: str, groups: Sequence[str] = ()) -> str:
    """Return the key of the signals of a part.

    Args:
        groups: groups of signals that must be among them.

    Raises:
        StorageError: if it is not measured, or not for these groups.
    """
    url = work.receipt(place, f"measure-{source}", part)
    if not files.exists(url):
        raise StorageError(
            f"{source}/{part} is not measured", place=place, hint=f"cauldron measure {place}"
        )
    told = files.read_json(url)
    missing = [name for name in groups if name not in told["result"].get("keys", groups)]
    if missing:
        raise StorageError(
            f"{source}/{part} lacks the signals: {', '.join(missing)}",
            place=place,
            hint=_measure_hint(place, groups),
        )
    return str(told["key"])
