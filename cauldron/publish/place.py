"""A folder or an object store as the place of publication."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cauldron.errors import StorageError, UsageError
from cauldron.publish.entries import MANIFEST, Entry, stale
from cauldron.storage import files
from cauldron.storage.shards import file_sha256

Progress = Callable[[str, int, int], None]
RECORD = ".cauldron-published.json"
"""What was published here, by path: size and sha256. It is written before anything else."""
_THREADS = 4


class Place:
    """A folder, on this machine or at any fsspec URL.

    The manifest is written last: what it does not name is not published yet.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def publish(self, entries: Sequence[Entry], message: str, progress: Progress) -> dict[str, Any]:
        """Copy what is not there yet, remove what an earlier publication left, manifest last.

        Raises:
            UsageError: if the folder holds something else.
            StorageError: if it cannot be written.
        """
        before = self._before()
        files.sweep(self.url)
        files.require_free(self.url)
        new = [entry for entry in entries if not self._holds(entry, before)]
        gone = stale(before, entries)
        if new or gone:
            ours = {e.path: {"size_bytes": e.size_bytes, "sha256": e.sha256} for e in entries}
            files.write_json(files.join(self.url, RECORD), {**before, **ours})
            self._copy([e for e in new if e.path != MANIFEST], progress)
            self._copy([e for e in new if e.path == MANIFEST], progress)
            for path in gone:
                files.remove(files.join(self.url, path))
            files.write_json(files.join(self.url, RECORD), ours)
        return {
            "place": files.redacted(self.url),
            "commit": None,
            "changed": bool(new or gone),
            "uploaded": len(new),
            "removed": len(gone),
        }

    def _before(self) -> dict[str, Any]:
        record = files.join(self.url, RECORD)
        if files.exists(record):
            return dict(files.read_json(record))
        if files.list_names(self.url):
            raise UsageError(
                "not empty, and nothing that was published from here",
                place=files.redacted(self.url),
                hint="name a new folder",
            )
        return {}

    def _holds(self, entry: Entry, before: dict[str, Any]) -> bool:
        url = files.join(self.url, entry.path)
        told = before.get(entry.path, {})
        return (
            told.get("sha256") == entry.sha256
            and files.exists(url)
            and files.size_bytes(url) == entry.size_bytes
            and (entry.size_bytes > 1 << 20 or file_sha256(url) == entry.sha256)
        )

    def _copy(self, entries: Sequence[Entry], progress: Progress) -> None:
        with ThreadPoolExecutor(_THREADS) as pool:
            for number, _ in enumerate(pool.map(self._copy_one, entries), start=1):
                progress("publish", number, len(entries))

    def _copy_one(self, entry: Entry) -> None:
        with (
            entry.open() as source,
            files.open_output(files.join(self.url, entry.path)) as target,
        ):
            while block := source.read(1 << 20):
                target.write(block)
        if target.sha256 != entry.sha256:
            raise StorageError("changed while it was published; publish again", place=entry.path)
