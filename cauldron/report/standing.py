"""Counts and page of a work folder at the end of a run, made again only where something changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from cauldron import __version__
from cauldron.errors import StorageError
from cauldron.report.page import write_report
from cauldron.stats import work_stats
from cauldron.storage import files
from cauldron.storage.keys import key_of

_BY_SIZE = ("samples", "signals", "decisions", "quarantine")
_BY_CONTENT = ("ledger", "mixture", "train")


def summed_up(work: str) -> dict[str, Any]:
    """Return `stats` and the place of the `report`; a local folder that stands as it did is read
    no further than its ledger, its manifests and the sizes of its files.

    Raises:
        StorageError: as `write_report`.
    """
    if not files.is_local(work):
        stats = work_stats(work)
        return {"stats": stats, "report": write_report(work, stats)}
    url = files.join(work, "ledger", "parts", "report", "standing.json")
    known, state = _known(url), _state(work)
    page = files.join(work, "report", "index.html")
    if known.get("state") != state or "stats" not in known or not files.exists(page):
        known = {"state": state, "stats": work_stats(work)}
        page = write_report(work, known["stats"])
        files.write_json(url, known)
    return {"stats": known["stats"], "report": page}


def _known(url: str) -> dict[str, Any]:
    try:
        told = files.read_json(url) if files.exists(url) else {}
    except StorageError:
        return {}
    return told if isinstance(told, dict) else {}


def _state(work: str) -> str:
    """Return a hash of what counts and page are made of."""
    sizes = [list(_sizes(files.join(work, folder))) for folder in _BY_SIZE]
    named = [files.join(work, folder) for folder in _BY_CONTENT]
    told = [_json_files(url) for url in [*named, *_below(named[1])]]
    return key_of(__version__, PurePath(work).name, sizes, told)


def _below(url: str) -> list[str]:
    return [files.join(url, name) for name in files.list_names(url)]


def _json_files(url: str) -> list[tuple[str, str]]:
    names = files.list_names(url, ".json")
    return [
        (name, files.read_bytes(files.join(url, name)).decode("utf-8", "replace")) for name in names
    ]


def _sizes(url: str) -> Iterator[tuple[str, int]]:
    """Yield path and size of every file below a folder, in order."""
    top = files.local_path(url)
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            yield os.path.relpath(path, top), os.stat(path).st_size
