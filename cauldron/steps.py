"""The steps of curation over a work folder, each one resumable.

ingest -> measure -> filter -> dedup -> decontaminate -> mix. Every step works part by part with a
receipt; only ingest and measure touch pictures, so a changed threshold decodes nothing.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from cauldron import __version__
from cauldron.engine.base import Engine
from cauldron.engine.progress import Progress, followed, quiet
from cauldron.engine.receipts import Failure, Job, name_of, perform_all
from cauldron.errors import CardMissing, CheckError, UsageError
from cauldron.ingest import Counts, ingest_part, require_pictures
from cauldron.media.limits import changed_limits
from cauldron.planning import SHARD_ROWS, PartTask, spill_plan
from cauldron.readers.raw import Raw, archive_rejects
from cauldron.sample import SCHEMA_VERSION
from cauldron.sources.base import Form
from cauldron.sources.card import card
from cauldron.sources.catalogue import detect
from cauldron.storage import files, work
from cauldron.storage.keys import key_of

MAX_REJECT_SHARE = 0.5
PROMPTS = ("cauldron", "plain")


def ingest(
    engine: Engine,
    place: str,
    name: str,
    roots: Sequence[str],
    *,
    split: str = "train",
    form: str = "auto",
    limit: int | None = None,
    seed: int = 0,
    prompts: str = "cauldron",
    options: Mapping[str, str] | None = None,
    max_reject_share: float = MAX_REJECT_SHARE,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Turn raw data of one source and split into samples.

    Returns:
        The ledger entry: counts with reasons, parts with checksums, roots and settings.

    Args:
        prompts: `cauldron` for the wording of the paper, `plain` for bare question and answer.
        options: what the form is asked for besides, as written: `{"dpi": "150"}`.

    Raises:
        SourceError: unknown source, form or split, or no raw data.
        UsageError: unknown prompts or options.
        CheckError: more than `max_reject_share` of the records were rejected.
    """
    work.check_name(name), work.check_name(split)
    if prompts not in PROMPTS:
        raise UsageError(f"unknown prompts '{prompts}'", hint=f"one of: {', '.join(PROMPTS)}")
    raw = Raw(roots, _index_folder(place))
    chosen, found = detect(name, form, raw, split)
    asked = chosen.read_options(options or {})
    settings: dict[str, Any] = {
        "form": chosen.name,
        "limit": limit,
        "seed": seed,
        "prompts": prompts,
        "shard_rows": SHARD_ROWS,
    }
    if changed := changed_limits():
        settings["limits"] = dict(changed)
    if asked:
        secrets = sorted(o.name for o in chosen.options if o.secret and o.name in asked)
        settings["options"] = {k: key_of(v) if k in secrets else v for k, v in asked.items()}
        settings |= {"secrets": secrets} if secrets else {}
    key = key_of(__version__, SCHEMA_VERSION, name, split, settings, raw.stats())
    entry_url = work.ledger(place, f"ingest-{name}-{split}")
    entry = files.read_json(entry_url) if files.exists(entry_url) else {}
    if entry.get("key") == key and entry.get("status") == "done" and _intact(place, name, entry):
        return {**entry, "resumed": True}

    with _spill_folder(place, f"{name}-{split}", engine) as folder:
        rows = itertools.chain(chosen.rows(raw, found, split), archive_rejects(raw, split, name))
        plan = folder.shared(spill_plan(chosen, rows, folder.path, limit))
        first = _first_part(place, name, split, len(plan), entry)
        base = {
            "step": "ingest",
            "source": name,
            "split": split,
            "roots": [files.redacted(root) for root in raw.roots],
            "settings": settings,
            "key": key,
            "first_part": first,
            "n_parts": len(plan),
            "version": __version__,
        }
        work.write_entry(entry_url, {**base, "status": "running"})
        task = PartTask(
            work=place,
            source=name,
            split=split,
            form=chosen.name,
            roots=raw.roots,
            archives=tuple(raw.archives()),
            indexes=raw.indexes,
            license=_license(name),
            seed=seed,
            prompts=prompts,
            options=asked,
            limited=limit is not None,
        )
        if plan:
            first_part = replace(task, spill=plan[0][0])
            list(engine.run(require_pictures, [first_part], dangerous=True))
        jobs = [
            _ingest_job(replace(task, part=f"part-{first + n:05d}", spill=spill), digest, key)
            for n, (spill, digest) in enumerate(plan)
        ]
        failures: list[Failure] = []
        results = perform_all(engine, jobs, failures, dangerous=True)
        done = list(followed(results, f"ingest {name}", len(jobs), progress))

    counts = _total([result["counts"] for result in done])
    parts = [r["shard"] | {"name": r["part"]} for r in done if r["counts"]["written"]]
    _remove_stale(place, name, entry, {r["part"] for r in done})
    entry = {**base, "status": "done", "counts": counts, "parts": parts}
    if failures:
        entry |= {"status": "incomplete", "failed": _told_failures(failures)}
    _check_counts(name, counts, max_reject_share, place, chosen)
    work.write_entry(entry_url, entry)
    return {**entry, "resumed": False}


def _told_failures(failures: Sequence[Failure]) -> dict[str, str]:
    """Return the parts that could not be made, and why; nothing of them is left."""
    told = {}
    for failure in failures:
        for url in failure.job.outputs:
            files.remove(url)
        told[name_of(failure.job).rpartition("/")[2]] = str(failure.error)
    return told


def failed_parts(place: str) -> dict[str, str]:
    """Return the parts that could not be ingested or measured, and why."""
    told = {
        f"{entry['source']}/{part}": why
        for entry in work.ingests(place)
        for part, why in entry.get("failed", {}).items()
    }
    for source, parts in work.set_aside(place).items():
        told |= {f"{source}/{part}": why for part, why in parts.items()}
    return told


def require_all_parts(place: str) -> None:
    """Check that no part was left out.

    Raises:
        CheckError: naming those that were.
    """
    told = failed_parts(place)
    if told:
        listed = "\n  ".join(f"{part}: {why}" for part, why in sorted(told.items())[:10])
        raise CheckError(
            f"{len(told)} parts were left out, the rest is done:\n  {listed}",
            place=place,
            hint="the same command tries them again",
        )


def _ingest_job(task: PartTask, digest: str, key: str) -> Job:
    return Job(
        key=key_of(key, digest, task.license),
        receipt=work.receipt(task.work, f"ingest-{task.source}", task.part),
        outputs=(
            work.samples(task.work, task.source, task.part),
            work.quarantine(task.work, task.source, task.part),
        ),
        function=ingest_part,
        arguments=(task,),
    )


def _license(name: str) -> str:
    try:
        return card(name).license
    except CardMissing:
        return "unknown"


def _index_folder(place: str) -> str:
    """Return where indexes of archives are kept: in a local work folder or the user's cache."""
    if files.is_local(place):
        return str(files.local_path(place) / ".archives")
    return str(Path.home() / ".cache" / "cauldron" / "archives")


class _spill_folder:
    """A folder for the plan, inside the work folder, removed afterwards.

    To a store it is sent from a local folder when it is complete, so that every node can read it.
    """

    def __init__(self, place: str, name: str, engine: Engine) -> None:
        if engine.share:
            name = f"{name}-{engine.share[0] + 1}-of-{engine.share[1]}"
        self._url = files.join(place, ".plan", name)
        if files.is_local(place):
            self.path = files.local_path(self._url)
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.path = Path(tempfile.mkdtemp(prefix="cauldron-plan-"))

    def shared(self, plan: list[tuple[Path, str]]) -> list[tuple[str, str]]:
        """Return the plan at places that every worker can read."""
        if files.is_local(self._url):
            return [(str(path), digest) for path, digest in plan]
        out = []
        for path, digest in plan:
            url = files.join(self._url, path.name)
            files.write_bytes(url, path.read_bytes())
            path.unlink()
            out.append((url, digest))
        return out

    def __enter__(self) -> _spill_folder:
        return self

    def __exit__(self, *error: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if not files.is_local(self._url):
            files.remove(self._url)


def _intact(place: str, name: str, entry: dict[str, Any]) -> bool:
    urls = [(work.samples(place, name, p["name"]), p["size_bytes"]) for p in entry["parts"]]
    return all(files.exists(url) and files.size_bytes(url) == size for url, size in urls)


def _first_part(place: str, name: str, split: str, n: int, entry: dict[str, Any]) -> int:
    """Number parts of further splits behind those of the splits already there."""
    others = [e for e in work.ingests(place) if e["source"] == name and e["split"] != split]
    taken = [(e["first_part"], e["first_part"] + e["n_parts"]) for e in others]
    first = int(entry.get("first_part", 0))
    if all(first + n <= start or end <= first for start, end in taken):
        return first
    return int(max(end for _, end in taken))


def _remove_stale(place: str, name: str, entry: dict[str, Any], written: set[str]) -> None:
    first = entry.get("first_part", 0)
    for number in range(first, first + entry.get("n_parts", 0)):
        part = f"part-{number:05d}"
        if part not in written:
            for url in (work.samples(place, name, part), work.quarantine(place, name, part)):
                files.remove(url)


def _total(counts: list[dict[str, Any]]) -> dict[str, Any]:
    total = Counts()
    for part in counts:
        total.read += part["read"]
        total.written += part["written"]
        total.images += part["images"]
        total.turns += part["turns"]
        for where, reasons in (
            (total.quarantined, part["reasons"]["quarantined"]),
            (total.skipped, part["reasons"]["skipped"]),
            (total.notes, part["notes"]),
        ):
            for reason, number in reasons.items():
                total.add(where, reason, number)
    return total.as_dict()


def _check_counts(name: str, counts: dict[str, Any], share: float, place: str, form: Form) -> None:
    if counts["read"] != counts["written"] + counts["quarantined"] + counts["skipped"]:
        raise CheckError(f"counts of '{name}' do not add up: {counts}", place=place)
    if counts["read"] and counts["quarantined"] > share * counts["read"]:
        quarantined = counts["reasons"]["quarantined"]
        reasons = ", ".join(f"{r} {n}" for r, n in quarantined.items())
        missing = quarantined.get("image_missing", 0) * 2 > counts["quarantined"]
        wanted = f"wanted: {form.pictures or form.wanted}; " if missing else ""
        raise CheckError(
            f"{counts['quarantined']} of {counts['read']} records of '{name}' were rejected: "
            f"{reasons}{_first_rejected(place, name)}",
            place=work.quarantine(place, name),
            hint=f"{wanted}each is listed there; --max-rejects raises the share that is allowed",
        )


def _first_rejected(place: str, name: str) -> str:
    """Return one record of a quarantine with what is wrong with it, to be read in a message."""
    folder = work.quarantine(place, name)
    for part in files.list_names(folder, ".jsonl"):
        line = files.read_bytes(files.join(folder, part)).partition(b"\n")[0]
        first = orjson.loads(line)
        told = f" ({first['error']})" if first.get("error") else ""
        origin = first["origin"]
        return f"; the first: {origin['file']} record {origin['record']}, {first['reason']}{told}"
    return ""
