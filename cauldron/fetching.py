"""Fetch the pictures that a source names by web address into a folder, beside the raw data.

Nothing else in cauldron asks a network for pictures. The folder is then given to `cauldron ingest`
as one more raw root.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cauldron.errors import SourceError, UsageError
from cauldron.planning import MALFORMED
from cauldron.readers.raw import Raw, Row
from cauldron.sources.base import Form
from cauldron.sources.catalogue import detect
from cauldron.storage import files
from cauldron.web.fetch import FetchSettings, fetch_all
from cauldron.web.fetched import LOG, FetchedStore
from cauldron.web.guard import Guard
from cauldron.web.opt_out import opt_out_list
from cauldron.web.request import Getter

REPORT = "report.json"


def settings_of(
    *,
    per_host: float,
    at_once: int,
    robots: bool,
    user_agent: str,
    timeout_s: float,
    max_bytes: int,
    allowed: tuple[str, ...],
) -> FetchSettings:
    """Return settings as the command line gives them.

    Raises:
        UsageError: if one is out of bounds, or no network.
    """
    if not (0 < per_host <= 1_000 and 1 <= at_once <= 256 and timeout_s > 0 and max_bytes > 0):
        raise UsageError("--per-host, --at-once (to 256), --timeout-s, --max-bytes are positive")
    if not user_agent.isascii() or not user_agent.isprintable() or not user_agent:
        raise UsageError("a user agent is one line of ASCII")
    for network in allowed:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise UsageError(f"--allow-network {network}: {error}") from error
    guard = Guard(allowed=allowed)
    getter = Getter(guard=guard, user_agent=user_agent, timeout_s=timeout_s, max_bytes=max_bytes)
    return FetchSettings(getter=getter, per_host=per_host, at_once=at_once, robots=robots)


def fetch(
    name: str,
    roots: Sequence[str],
    folder: str,
    settings: FetchSettings,
    *,
    split: str = "train",
    form: str = "auto",
    limit: int | None = None,
    opt_out: str = "",
    again: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Fetch pictures of a source that are not below the raw roots nor in the folder.

    Returns:
        How many addresses ended in which way: in this run, and in the folder as a whole.

    Args:
        limit: look at this many records at most.
        again: try addresses once more whose failure may pass.

    Raises:
        SourceError: if the source has no addresses, or no raw data.
    """
    if not files.is_local(folder):
        raise UsageError("pictures are fetched into a local folder", place=folder)
    raw = Raw(roots)
    chosen, found = detect(name, form, raw, split)
    if chosen.absent is None:
        raise SourceError(
            f"source '{name}' names no pictures by web address",
            hint=f"cauldron sources {name} says where its pictures come from",
        )
    listed = opt_out_list(opt_out)
    store = FetchedStore(str(files.local_path(folder)), again)
    try:
        rows = chosen.rows(raw, found, split)
        counts = fetch_all(addresses(chosen, rows, raw, limit), store, settings, listed, progress)
        total = dict(store.before)
        for status, number in counts.items():
            if status not in ("known_already", "tried_again"):
                total[status] = total.get(status, 0) + number
    finally:
        store.close()
    entry = {
        "source": name,
        "folder": folder,
        "run": dict(sorted(counts.items())),
        "addresses": dict(sorted(total.items())),
        "log": files.join(folder, LOG),
    }
    files.write_json(files.join(folder, REPORT), entry)
    return entry


def addresses(form: Form, rows: Iterator[Row], raw: Raw, limit: int | None = None) -> Iterator[str]:
    """Yield the addresses of pictures that are not here, record by record."""
    left = limit
    for row in rows:
        try:
            for opened in form.open(row, raw):
                if left is not None and left <= 0:
                    return
                left = left if left is None else left - 1
                if isinstance(opened, Row) and form.absent and isinstance(opened.data, dict):
                    yield from form.absent(opened)
        except MALFORMED:
            continue  # ingest puts it into quarantine
