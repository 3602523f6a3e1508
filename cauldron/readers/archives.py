"""Archives seen as if they were unpacked, without ever being unpacked to disk.

An index of a .zip, .tar, .tar.gz (.tgz), .tar.bz2 or .tar.xz is built once, in one pass, and kept
beside the work; a member is then read by its place. Random reads in .tar.gz use seek points of
`indexed_gzip`. A member's URL is `ARCHIVE!/member`.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from cauldron.errors import SourceError, StorageError
from cauldron.media.limits import LIMITS
from cauldron.readers.streams import DAMAGED, decompressed
from cauldron.storage import files

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
SEPARATOR = "!/"
STORED, DEFLATED = 0, 8
_FORMAT = 2  # of indexes that are kept
_MOST_PROBLEMS = 1_000  # told one by one
LINK, ENCRYPTED, UNREADABLE = -1, -2, -3
"""`Member.method` of members that are listed but refused: a link, encrypted, unknown packing."""
_DAMAGE = (zipfile.BadZipFile, *DAMAGED)
_MEMBER_URL = re.compile(
    r"^(.*?\.(?:zip|tar|tar\.gz|tgz|tar\.bz2|tar\.xz|gz|bz2|xz|zst))!/(.*)$", re.I
)


class Member(NamedTuple):
    """Where a member lies: of its header in a zip, of its bytes in a (decompressed) tar."""

    offset: int
    stored: int
    size: int
    method: int
    crc: int


class Problem(NamedTuple):
    """What is wrong with an archive (`member` is empty) or with one of its members."""

    member: str
    reason: str
    detail: str


@dataclass(frozen=True, eq=False)
class Index:
    """The members of one archive by path; of equal paths the last one counts, as for `tar`.

    Args:
        problems: what was left out: members that lead outside, all that stands behind a damage.
    """

    url: str
    members: dict[str, Member] = field(repr=False)
    seek_points: str = ""
    problems: tuple[Problem, ...] = ()

    @cached_property
    def folders(self) -> dict[str, list[str]]:
        """File names by folder inside the archive."""
        found: dict[str, list[str]] = {}
        for path in self.members:
            folder, _, name = path.rpartition("/")
            found.setdefault(folder, []).append(name)
        return found

    @cached_property
    def top(self) -> str:
        """The one folder that holds everything, "" when there is none."""
        tops = {path.partition("/")[0] for path in self.folders}
        return tops.pop() if len(tops) == 1 else ""

    def find(self, path: str) -> str | None:
        """Return the member at a path, which may leave out the one top folder."""
        if path in self.members:
            return path
        below = f"{self.top}/{path}"
        return below if self.top and below in self.members else None


def is_archive(name: str) -> bool:
    """Say whether a file name is that of an archive with members."""
    return name.lower().endswith(SUFFIXES)


def stem(name: str) -> str:
    """Return an archive's file name without its archive ending."""
    lowered = name.lower()
    ending = max((s for s in SUFFIXES if lowered.endswith(s)), key=len, default="")
    return name[: len(name) - len(ending)]


def split_url(url: str) -> tuple[str, str] | None:
    """Return archive and member of a member's URL, None for any other URL."""
    match = _MEMBER_URL.match(url) if SEPARATOR in url else None
    return (match[1], match[2]) if match else None


_cache: dict[tuple[str, int, int], Index] = {}


def index_of(url: str, folder: str = "") -> Index:
    """Return the index of an archive: from this process, from `folder`, or built and kept there.

    Of a damaged archive it has what stands before the damage.
    """
    version = (url, *stamp(url))
    if version not in _cache:
        _cache[version] = _load(folder, version) or _built(url, folder, version)
    return _cache[version]


def tar_index(url: str) -> dict[str, Member]:
    """Return the members of a tar that is not packed; nothing is kept.

    Raises:
        SourceError: if it is packed, damaged or holds paths that lead outside.
    """
    if not url.lower().endswith(".tar"):
        raise SourceError("is a packed archive", place=files.redacted(url))
    problems: list[Problem] = []
    with _damaged(url), decompressed(url) as plain:
        members = dict(_bounded(_tar_members(plain, problems)))
    if problems:
        raise SourceError(problems[0].detail, place=files.redacted(url))
    return members


def stamp(url: str) -> tuple[int, int]:
    """Return size and modification time of a file; the time of a remote one is 0."""
    if files.is_local(url):
        with files.reported(url, "read"):
            status = files.local_path(url).stat()
        return status.st_size, status.st_mtime_ns
    return files.size_bytes(url), 0


def _kept(folder: str, version: tuple[str, int, int], ending: str) -> Path:
    told = repr((_FORMAT, *version)).encode("utf-8", "replace")
    name = hashlib.blake2b(told, digest_size=12).hexdigest()
    return Path(folder) / f"{name}{ending}"


def _load(folder: str, version: tuple[str, int, int]) -> Index | None:
    path = _kept(folder, version, ".json") if folder else None
    if path is None or not path.is_file():
        return None
    points = _kept(folder, version, ".points")
    told: dict[str, Any] = orjson.loads(path.read_bytes())
    members = {name: Member(*row) for name, row in told["members"].items()}
    problems = tuple(Problem(*row) for row in told["problems"])
    return Index(version[0], members, str(points) if points.is_file() else "", problems)


def _built(url: str, folder: str, version: tuple[str, int, int]) -> Index:
    index = _build(url, folder, version)
    if folder:
        members = {name: list(m) for name, m in index.members.items()}
        told = {"members": members, "problems": [list(p) for p in index.problems]}
        files.write_bytes(str(_kept(folder, version, ".json")), orjson.dumps(told))
    return index


def _build(url: str, folder: str, version: tuple[str, int, int]) -> Index:
    members: dict[str, Member] = {}
    problems: list[Problem] = []
    points = ""
    try:
        if url.lower().endswith(".zip"):
            with files.open_input(url) as file, zipfile.ZipFile(file) as archive:
                members.update(_bounded(_zip_members(archive, problems)))
        else:
            with decompressed(url) as plain:
                for name, member in _bounded(_tar_members(plain, problems)):
                    members[name] = member
                points = _points(plain, _kept(folder, version, ".points")) if folder else ""
    except _DAMAGE as error:
        problems.append(Problem("", "archive_damaged", str(error)[:300]))
    except SourceError as error:
        problems.append(Problem("", "archive_damaged", error.message[:300]))
    more = len(problems) - _MOST_PROBLEMS
    if more > 0:
        told = Problem("", "archive_member_outside", f"{more + 1} more members like these")
        problems[_MOST_PROBLEMS - 1 :] = [told]
    return Index(url, members, points, tuple(problems))


def _bounded(members: Iterator[tuple[str, Member]]) -> Iterator[tuple[str, Member]]:
    """Yield no more members than an archive may have.

    Raises:
        SourceError: if it has more.
    """
    yield from itertools.islice(members, LIMITS.max_members)
    if next(members, None) is not None:
        raise SourceError(f"holds more than {LIMITS.max_members} members")


def _points(plain: Any, path: Path) -> str:
    """Keep the points at which reading a packed tar may begin, where its reader knows them."""
    if not hasattr(plain, "export_index"):
        return ""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain.export_index(f"{path}.partial")
    os.replace(f"{path}.partial", path)
    return str(path)


@contextlib.contextmanager
def _damaged(url: str) -> Iterator[None]:
    try:
        yield
    except (SourceError, StorageError):
        raise
    except _DAMAGE as error:
        raise SourceError(
            f"cannot be read as an archive: {error}",
            place=files.redacted(url),
            hint="download it again, or move it out of the raw folder",
        ) from error


def _zip_members(archive: zipfile.ZipFile, problems: list[Problem]) -> Iterator[tuple[str, Member]]:
    for info in archive.infolist():
        name = _safe(_zip_name(info), problems)
        if not name or info.is_dir():
            continue
        method = info.compress_type
        if info.flag_bits & 0x41:
            method = ENCRYPTED
        elif (info.external_attr >> 16) & 0o170000 == 0o120000:
            method = LINK
        elif method not in (STORED, DEFLATED):
            method = UNREADABLE
        size = info.file_size
        yield name, Member(info.header_offset, info.compress_size, size, method, info.CRC)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return a member's name; without the UTF-8 flag many tools write UTF-8 all the same."""
    if info.flag_bits & 0x800:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.orig_filename


def _tar_members(plain: Any, problems: list[Problem]) -> Iterator[tuple[str, Member]]:
    with tarfile.open(fileobj=plain, mode="r:", errorlevel=2) as archive:
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]
            spelt = info.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            name = _safe(spelt, problems)
            if not name or info.isdir():
                continue
            method = STORED if info.isreg() and not info.issparse() else UNREADABLE
            if info.issym() or info.islnk():
                method = LINK
            yield name, Member(info.offset_data, info.size, info.size, method, 0)


def _safe(name: str, problems: list[Problem]) -> str:
    """Return a member's path with plain parts, "" for the droppings of an operating system.

    One that leads outside the archive's folder is left out too, and told as a problem.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if name.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", name):
        told = f"holds a path that leads outside: {name[:200]!r}"
        problems.append(Problem(name[:200], "archive_member_outside", told))
        return ""
    if not parts or "\x00" in name or parts[0] == "__MACOSX" or parts[-1].startswith("."):
        return ""
    return "/".join(parts)
