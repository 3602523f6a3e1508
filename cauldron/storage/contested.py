"""Files that two runs may want to write: on S3 the store itself lets only one of them.

A run remembers which version it found at its beginning, and asks the store to take the new one only
in place of that. In a local work folder the lock keeps a second run out from the start.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from cauldron.errors import CheckError
from cauldron.storage import files

_REFUSED = (409, 412)
_WRITER = "cauldron-writer"


def own_name() -> str:
    """Return host and process of this run, as they are told to others."""
    return f"{socket.gethostname()}, process {os.getpid()}"


def version(url: str) -> str | None:
    """Return the version of an object that is there now; None where none is, or none is kept."""
    store = _store(url)
    return _head(*store).get("ETag") if store else None


def write_json(url: str, value: Any, found: str | None) -> None:
    """Write JSON; on S3 only if the object is still the one that `version` told.

    Raises:
        CheckError: if another run wrote it meanwhile, naming that run, unless it wrote the same.
    """
    store = _store(url)
    if store is None:
        files.write_json(url, value)
        return
    fs, bucket, key = store
    payload = files.json_bytes(value)
    condition = {"IfMatch": found} if found else {"IfNoneMatch": "*"}
    told = {"Bucket": bucket, "Key": key, "Body": payload, "Metadata": {_WRITER: own_name()}}
    with files.reported(url, "write"):
        try:
            fs.call_s3("put_object", **told, **condition)
        except OSError as error:
            status = getattr(error.__cause__, "response", {}).get("ResponseMetadata", {})
            if status.get("HTTPStatusCode") not in _REFUSED:
                raise
            fs.invalidate_cache()
            if files.read_bytes(url) == payload:
                return
            winner = _head(*store).get("Metadata", {}).get(_WRITER, "unknown")
            raise CheckError(
                f"another run wrote this meanwhile: {winner}",
                place=files.redacted(url),
                hint="this one changed nothing; run it again if it should count",
            ) from error
        fs.invalidate_cache()


def _store(url: str) -> tuple[Any, str, str] | None:
    """Return the S3 file system of a URL with bucket and key; None for other places."""
    if not url.startswith(("s3://", "s3a://")):
        return None
    fs, path = files.filesystem(url)
    bucket, _, key = path.partition("/")
    return fs, bucket, key


def _head(fs: Any, bucket: str, key: str) -> dict[str, Any]:
    with files.reported(f"s3://{bucket}/{key}", "look up"):
        try:
            return dict(fs.call_s3("head_object", Bucket=bucket, Key=key))
        except FileNotFoundError:
            return {}
