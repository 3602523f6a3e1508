"""SQLite files to rows: one table, read in order, nothing in the file is run."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import quote

from cauldron.media.limits import LIMITS
from cauldron.readers.archives import split_url
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Reject
from cauldron.storage.files import is_local, local_path


def sqlite_rows(
    raw: Raw, found: Found, split: str, source: str, table: str, columns: Sequence[str]
) -> Iterator[Row]:
    """Rows of a table in its own order; `record` is the row id, `data` has the columns as texts.

    A column that the table lacks is "" in every row. The file must be a local one; what cannot be
    read gives one row whose data is a `Reject`, behind those that could.
    """
    base = Row(
        file=found.path, record="", data=None, folder=found.folder, split=split, source=source
    )
    if split_url(found.url) or not is_local(found.url) or not raw.exists(found.url):
        reject = Reject(reason="database_not_local", detail="copy the SQLite file to this machine")
        yield replace(base, data=reject)
        return
    try:
        with contextlib.closing(_opened(str(local_path(found.url)))) as database:
            for number, *cells in _selected(database, table, columns):
                data = {name: str(c or "") for name, c in zip(columns, cells, strict=True)}
                yield replace(base, record=str(number), data=data)
    except (sqlite3.Error, LookupError) as error:
        reject = Reject(reason="database_unreadable", detail=str(error)[:300])
        yield replace(base, data=reject)


def _opened(path: str) -> sqlite3.Connection:
    """Open a file for reading only; neither its triggers and views nor its journal are used."""
    database = sqlite3.connect(f"file:{quote(path)}?mode=ro&immutable=1", uri=True)
    database.text_factory = lambda data: data.decode("utf-8", "replace")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LIMITS.max_line_bytes)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA cell_size_check = ON")
    return database


def _selected(
    database: sqlite3.Connection, table: str, columns: Sequence[str]
) -> Iterator[tuple[object, ...]]:
    made = database.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
    ).fetchone()
    if made is None or "VIRTUAL" in str(made[0]).upper().split()[:2]:
        raise LookupError(f"no table {table}")
    known = {str(row[1]).lower() for row in database.execute(f'PRAGMA table_info("{table}")')}
    wanted = [f'"{name}"' if name.lower() in known else "''" for name in columns]
    yield from database.execute(f'SELECT rowid, {", ".join(wanted)} FROM "{table}" ORDER BY rowid')
