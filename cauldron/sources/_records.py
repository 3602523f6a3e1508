"""A look at the first record of a file whose name says little, such as `train.json`."""

from __future__ import annotations

from collections.abc import Iterator

from cauldron.errors import SourceError, StorageError
from cauldron.readers.raw import Row
from cauldron.sample import Reject


def holds(rows: Iterator[Row], *fields: str) -> bool:
    """Say whether the first record has these fields.

    A damaged file, or one without any record, counts as fitting, so that ingest says why.
    """
    try:
        first = next(rows, None)
    except StorageError:
        return True
    except SourceError:
        return False
    if first is None or isinstance(first.data, Reject):
        return True
    return isinstance(first.data, dict) and set(fields) <= first.data.keys()
