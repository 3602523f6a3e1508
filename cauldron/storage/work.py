"""The work folder: where each kind of file lies, and one writer at a time."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock

from cauldron.errors import CheckError, StorageError
from cauldron.storage import files
from cauldron.storage.contested import own_name
from cauldron.storage.versions import JSON_VERSION

STEPS = ("filter", "dedup", "decontaminate")
"""Decision steps in the order in which they count: the first drop is the reason."""

SET_ASIDE = "set-aside"


def samples(work: str, source: str, part: str = "") -> str:
    """Return the folder of a source's samples, or one part."""
    return _place(work, "samples", source, part, ".parquet")


def signals(work: str, source: str, part: str = "") -> str:
    """Return the folder of a source's signals, or one part."""
    return _place(work, "signals", source, part, ".parquet")


def decisions(work: str, step: str, source: str, part: str = "") -> str:
    """Return the folder of a step's decisions on a source, or one part."""
    return _place(files.join(work, "decisions"), step, source, part, ".parquet")


def leaks(work: str, source: str, part: str = "") -> str:
    """Return the folder of the benchmark items that a source's samples stand in, or one part."""
    return _place(work, "leaks", source, part, ".parquet")


def shuffle(work: str) -> str:
    """Return the folder of files between the stages of a step; they go when it ends."""
    return files.join(work, ".shuffle")


def quarantine(work: str, source: str, part: str = "") -> str:
    """Return the folder of a source's quarantine, or one part."""
    return _place(work, "quarantine", source, part, ".jsonl")


def ledger(work: str, name: str) -> str:
    """Return the ledger entry of a step."""
    return files.join(work, "ledger", f"{name}.json")


def write_entry(url: str, entry: Mapping[str, Any]) -> None:
    """Write a ledger entry, with the version of its format."""
    files.write_json(url, {"schema_version": JSON_VERSION, **entry})


def receipt(work: str, step: str, part: str) -> str:
    """Return the receipt of a step on a part."""
    return files.join(work, "ledger", "parts", step, f"{part}.json")


def ingests(work: str) -> list[dict[str, Any]]:
    """Return the ledger entries of all ingests, by source and split."""
    folder = files.join(work, "ledger")
    names = [n for n in files.list_names(folder, ".json") if n.startswith("ingest-")]
    return [files.read_json(files.join(folder, name)) for name in names]


def checksums(work: str, source: str) -> dict[str, str]:
    """Return the sha256 of each samples part of a source, from the ledger."""
    return {
        part["name"]: part["sha256"]
        for entry in ingests(work)
        if entry["source"] == source and entry["status"] in ("done", "incomplete")
        for part in entry["parts"]
    }


def sources(work: str) -> list[str]:
    """Return the sources that have samples."""
    return files.list_names(files.join(work, "samples"))


def parts(work: str, source: str, every: bool = False) -> list[str]:
    """Return the part names of a source, in order.

    Args:
        every: also those that are set aside.
    """
    names = files.list_names(samples(work, source), ".parquet")
    apart = {} if every else set_aside(work).get(source, {})
    return [n for name in names if (n := name.removesuffix(".parquet")) not in apart]


def set_aside(work: str) -> dict[str, dict[str, str]]:
    """Return the parts, by source, that later steps leave out, and why: they cannot be measured."""
    url = ledger(work, SET_ASIDE)
    told: dict[str, dict[str, str]] = files.read_json(url) if files.exists(url) else {}
    return told


def write_set_aside(work: str, apart: dict[str, dict[str, str]]) -> None:
    """Set parts aside; without any no file is left."""
    if apart:
        files.write_json(ledger(work, SET_ASIDE), apart)
    elif files.exists(ledger(work, SET_ASIDE)):
        files.remove(ledger(work, SET_ASIDE))


def earlier(work: str, step: str, source: str, part: str) -> tuple[str, ...]:
    """Return the decisions on a part that steps before this one have made."""
    before = STEPS[: STEPS.index(step)] if step in STEPS else STEPS
    urls = [decisions(work, name, source, part) for name in before]
    return tuple(url for url in urls if files.exists(url))


def require(work: str) -> None:
    """Check that a folder is a work folder with samples.

    Raises:
        StorageError: if it is not.
    """
    if not sources(work):
        raise StorageError(
            "holds no samples", place=work, hint="cauldron ingest NAME RAW -o WORK comes first"
        )


@contextlib.contextmanager
def locked(work: str, share: tuple[int, int] | None = None) -> Iterator[None]:
    """Hold the work folder for writing; the lock goes with the process.

    Args:
        share: the share of the work that this run does; runs of other shares may write as well.

    Raises:
        CheckError: if another run holds it.
        StorageError: if the folder cannot be written.
    """
    if not files.is_local(work):
        yield
        return
    folder = files.local_path(work)
    with files.reported(work, "write"):
        folder.mkdir(parents=True, exist_ok=True)
        files.require_free(work)
        name = f".lock-{share[0] + 1}-of-{share[1]}" if share else ".lock"
        lock, holder = filelock.FileLock(folder / name), folder / f"{name}-holder"
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise CheckError(
                f"another run is writing here: {_told(holder)}",
                place=work,
                hint="wait for it, or choose another -o",
            ) from error
        holder.write_text(own_name())
    try:
        if share is None:
            _sweep(folder)
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


def _told(path: Path) -> str:
    """Return who holds the lock; a run that has only just begun may not have said so yet."""
    for _ in range(20):
        with contextlib.suppress(OSError):
            if told := path.read_text("utf-8", "replace").strip():
                return told
        time.sleep(0.05)
    return "unknown"


def _sweep(folder: Path) -> None:
    """Remove what a killed run left half written."""
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            if name.endswith(files.TEMPORARY):
                files.discard(Path(place, name))


def check_name(name: str) -> str:
    """Return a source or mixture name that is safe as a folder name.

    Raises:
        StorageError: if it is not.
    """
    if not name or name.startswith(".") or "/" in name or "\\" in name:
        raise StorageError(f"{name!r} cannot be a folder name")
    return name


def _place(work: str, kind: str, source: str, part: str, suffix: str) -> str:
    folder = files.join(work, kind, source)
    return files.join(folder, f"{part}{suffix}") if part else folder
