"""Files that belong together: same stem side by side, samples of tar shards, two joined lists.

A tar of WebDataset is read in one of two ways. `tar_shards` gives one row a tar, read in order as a
stream. `tar_samples` looks for the members first: they may stand in any order, and a part of the
work holds samples instead of whole tars.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import replace
from typing import IO, Any

from cauldron.errors import SourceError, StorageError
from cauldron.media.limits import LIMITS
from cauldron.readers.archives import STORED, Member, tar_index
from cauldron.readers.raw import Found, Raw, Row
from cauldron.readers.streams import DAMAGED, decompressed
from cauldron.sample import Reject

SAMPLES_PER_TAR = 2_000


def beside(found: Iterable[Found], split: str, source: str) -> Iterator[Row]:
    """One row for files of equal folder and stem; `data` maps each ending to the file's URL.

    The stem ends at the first dot of the file's name, as for WebDataset; `record` is the stem.
    Files of one stem must follow each other, as `Raw.find("*.json", ...)` of one pattern gives.
    """
    held: Row | None = None
    for file in found:
        folder, _, name = file.path.rpartition("/")
        stem, _, ending = name.partition(".")
        if held is None or (held.file, held.record) != (folder, stem):
            if held is not None:
                yield held
            held = Row(
                file=folder, record=stem, data={}, folder=file.folder, split=split, source=source
            )
        held.data[ending.lower()] = file.url
    if held is not None:
        yield held


def tar_shards(found: Iterable[Found], split: str, source: str) -> Iterator[Row]:
    """One cheap row a tar shard; `open_tar_shard` expands it inside a worker."""
    for file in found:
        yield Row(
            file=file.path,
            record="",
            data={"shard": file.url},
            folder=file.folder,
            split=split,
            source=source,
            weight=SAMPLES_PER_TAR,
        )


def open_tar_shard(row: Row, raw: Raw) -> Iterator[Row | Reject]:
    """Read a WebDataset shard (.tar or packed) in order, one row for members of equal key.

    `record` is the key, `data` maps each ending to bytes. A member that is a link or too large
    is left out; a damaged shard ends with a `Reject`.
    """
    key, members = "", dict[str, bytes]()
    try:
        if not raw.exists(row.data["shard"]):
            raise StorageError("cannot read: no such file", place=row.file)
        with (
            decompressed(row.data["shard"]) as plain,
            tarfile.open(fileobj=plain, mode="r|", errorlevel=2) as shard,
        ):
            for info in shard:
                folder, _, name = info.name.rpartition("/")
                stem, _, ending = name.partition(".")
                stem = f"{folder}/{stem}" if folder else stem
                if stem != key and members:
                    yield replace(row, record=key, data=members, weight=1)
                    members = {}
                key = stem
                file = shard.extractfile(info) if info.isreg() else None
                if file is not None and ending and info.size <= LIMITS.max_pdf_bytes:
                    members[ending.lower()] = file.read()
    except (*DAMAGED, SourceError, StorageError) as error:
        yield Reject(reason="archive_damaged", detail=str(error)[:300])
        return
    if members:
        yield replace(row, record=key, data=members, weight=1)


def tar_samples(
    found: Iterable[Found],
    split: str,
    source: str,
    weight: Callable[[dict[str, int]], int] = lambda sizes: 1,
) -> Iterator[Row]:
    """One cheap row for the members of equal key of each tar; `open_tar_sample` reads them.

    A tar that is packed or cannot be read to its end gives one row instead, as `tar_shards` has it.

    Args:
        weight: the samples that are expected of members, told by ending and size in bytes.
    """
    for file in found:
        try:
            members = tar_index(file.url)
        except (SourceError, StorageError):
            yield from tar_shards([file], split, source)
            continue
        for key, places in _by_key(members).items():
            yield Row(
                file=file.path,
                record=key,
                data={"tar": file.url, "members": places},
                folder=file.folder,
                split=split,
                source=source,
                weight=weight({ending: size for ending, (_, size) in places.items()}),
            )


def _by_key(members: dict[str, Member]) -> dict[str, dict[str, tuple[int, int]]]:
    held: dict[str, dict[str, tuple[int, int]]] = {}
    for name, member in members.items():
        folder, _, last = name.rpartition("/")
        stem, _, ending = last.partition(".")
        if ending and member.method == STORED and member.size <= LIMITS.max_pdf_bytes:
            key = f"{folder}/{stem}" if folder else stem
            held.setdefault(key, {})[ending.lower()] = (member.offset, member.size)
    return held


def open_tar_sample(row: Row, raw: Raw) -> Iterator[Row | Reject]:
    """Expand a row of `tar_samples`, or of `beside`: `data` maps each ending to bytes."""
    if "shard" in row.data:
        yield from open_tar_shard(row, raw)
    elif "tar" in row.data:
        with raw.open(row.data["tar"]) as tar:
            members = {e: _at(tar, *place) for e, place in row.data["members"].items()}
        yield replace(row, data=members, weight=1)
    else:
        members = {e: raw.read(url, LIMITS.max_pdf_bytes) for e, url in row.data.items()}
        yield replace(row, data=members, weight=1)


def _at(file: IO[bytes], offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def paired(
    left: Iterable[Row], right: Iterable[Row], key: Callable[[Any], Hashable]
) -> Iterator[tuple[Row, Row | None]]:
    """Join two lists on a key in the order of the left one; None where the right has none.

    Lists in the same order are joined as streams; only rows of the right list that stand before
    their partner are held.
    """
    ahead: dict[Hashable, Row] = {}
    coming = iter(right)
    for row in left:
        wanted = _key(key, row)
        while wanted is not None and wanted not in ahead:
            other = next(coming, None)
            if other is None:
                break
            found = _key(key, other)
            if found is not None:
                ahead[found] = other
        yield row, ahead.pop(wanted, None) if wanted is not None else None


def _key(key: Callable[[Any], Hashable], row: Row) -> Hashable | None:
    try:
        return key(row.data)
    except (KeyError, TypeError, IndexError, AttributeError):
        return None
