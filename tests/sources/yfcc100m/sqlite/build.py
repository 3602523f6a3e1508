"""The SQLite file: texts as in addresses, columns in another order, one that is missing."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from tests.stores import store

COLUMNS = "title, description, photoid, uid, pageurl, downloadurl, licensename, licenseurl, marker"
BY = "http://creativecommons.org/licenses/by/2.0/"


def build(folder: Path) -> None:
    """Write the file and the store."""
    url = "http://farm1.flickr.example/%d.jpg"
    rows = [
        ("Caf%C3%A9+by+night", "&amp;quot;Fine&amp;quot;", 1, "u", "", url % 1, "BY", BY, 0),
        ("A+film", "", 2, "u", "", url % 2, "BY", BY, 1),
        ("IMG_0007", "", 3, "u", "", url % 3, "BY", BY, 0),
        ("Not+stored", "", 4, "u", "", url % 4, "BY", BY, 0),
    ]
    with contextlib.closing(sqlite3.connect(folder / "yfcc100m_dataset.sql")) as database:
        database.execute(f"CREATE TABLE yfcc100m_dataset ({COLUMNS})")
        marks = ", ".join("?" * 9)
        database.executemany(f"INSERT INTO yfcc100m_dataset VALUES ({marks})", rows)
        database.commit()
    store(folder / "store/00000.tar", [url % 1, url % 2])
