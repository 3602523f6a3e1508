"""Formats of files: a newer one than this code knows is refused, never half understood."""

from __future__ import annotations

from typing import Any

from cauldron.errors import StorageError

JSON_VERSION = 1
"""The newest `schema_version` of the JSON files that are written here."""


def refuse_newer(what: str, version: Any, known: int, place: str) -> None:
    """Check the version that a file states.

    Raises:
        StorageError: if it is newer than what is known here, or no number.
    """
    try:
        newer = int(version) > known
    except (TypeError, ValueError) as error:
        raise StorageError(f"{what} unknown version {version!r}", place=place) from error
    if newer:
        raise StorageError(
            f"{what} version {version} is newer than {known}, which this version of cauldron knows",
            place=place,
            hint="upgrade cauldron, or make the file again with this version",
        )
