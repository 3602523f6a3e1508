"""Pictures that were downloaded before, found by their web address.

Read are what `cauldron fetch` writes, the outputs of img2dataset (tars or folders of `<key>.jpg`
beside `<key>.json` with `url` and `status`), and mirrors that keep a file under `host/path`.
"""

from __future__ import annotations

import functools
import hashlib
import re
import tarfile
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import orjson

from cauldron.errors import StorageError
from cauldron.media.limits import LIMITS
from cauldron.readers.raw import Found, Raw
from cauldron.storage.files import open_input
from cauldron.web.fetched import LOG, blob_name, log_lines

_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif")
_MAX_SIDECAR_BYTES = 1_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


class _Place(NamedTuple):
    """A file, or a part of one."""

    url: str
    offset: int
    size: int


class PictureStore:
    """Downloaded pictures below the raw roots, indexed once a process."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._places: dict[bytes, _Place] = {}
        listing = raw.listing()
        beside = {found.url: found for found in listing}
        for found in listing:
            if found.path.endswith(".tar"):
                self._places.update(_tar_places(found))
            elif found.path.rpartition("/")[2] == LOG:
                self._places.update(_fetched_places(found))
            elif found.path.endswith(".json"):
                self._places.update(_folder_place(raw, found, beside))

    def find(self, address: str) -> bytes | None:
        """Return the bytes of a picture, or None when it was not downloaded.

        Raises:
            StorageError: if it cannot be read or is over the limit.
        """
        place = self._places.get(_hashed(address))
        if place is None:
            return self._raw.picture(_mirrored(address), LIMITS.max_image_bytes)
        if place.size > LIMITS.max_image_bytes:
            raise StorageError(f"larger than {LIMITS.max_image_bytes} bytes", place=place.url)
        if place.offset < 0:
            return self._raw.read(place.url, LIMITS.max_image_bytes)
        with open_input(place.url) as file:
            file.seek(place.offset)
            return file.read(place.size)


@functools.lru_cache(maxsize=1)
def _store(roots: tuple[str, ...]) -> PictureStore:
    return PictureStore(Raw(roots))


def store_of(raw: Raw) -> PictureStore:
    """Return the store below the roots; the index is made once a process."""
    return _store(raw.roots)


def _hashed(address: str) -> bytes:
    return hashlib.blake2b(address.encode("utf-8", "replace"), digest_size=12).digest()


def _tar_places(found: Found) -> Iterator[tuple[bytes, _Place]]:
    pictures: dict[str, _Place] = {}
    addresses: dict[str, str] = {}
    try:
        with open_input(found.url) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                stem, _, ending = member.name.rpartition(".")
                if not member.isfile():
                    continue
                if f".{ending.lower()}" in _PICTURES:
                    pictures[stem] = _Place(found.url, member.offset_data, member.size)
                elif ending == "json" and member.size <= _MAX_SIDECAR_BYTES:
                    opened = tar.extractfile(member)
                    addresses[stem] = _address(opened.read() if opened else b"")
    except (tarfile.TarError, OSError, EOFError):
        pass  # a tar that was cut off keeps what stands before the cut
    for stem, address in addresses.items():
        if address and stem in pictures:
            yield _hashed(address), pictures[stem]


def _fetched_places(found: Found) -> Iterator[tuple[bytes, _Place]]:
    with open_input(found.url) as log:
        for line in log:
            for told in log_lines(line):
                if told.get("status") == "success" and _SHA256.fullmatch(str(told.get("sha256"))):
                    url = f"{found.folder}/{blob_name(told['sha256'])}"
                    yield _hashed(told["url"]), _Place(url, -1, 0)


def _folder_place(
    raw: Raw, found: Found, beside: dict[str, Found]
) -> Iterator[tuple[bytes, _Place]]:
    stem = found.url.removesuffix(".json")
    picture = next((stem + ending for ending in _PICTURES if stem + ending in beside), None)
    if picture is None:
        return
    try:
        address = _address(raw.read(found.url, _MAX_SIDECAR_BYTES))
    except StorageError:
        return
    if address:
        yield _hashed(address), _Place(picture, -1, 0)


def _address(sidecar: bytes) -> str:
    """Return the address in an img2dataset sidecar; "" where the download failed."""
    try:
        about: Any = orjson.loads(sidecar)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(about, dict) or about.get("status", "success") != "success":
        return ""
    address = about.get("url")
    return address if isinstance(address, str) else ""


def _mirrored(address: str) -> list[str]:
    """Return where a mirror keeps an address: `host/path`, spelt out or as it stands."""
    try:
        split = urlsplit(address)
    except ValueError:
        return []
    host, path = split.hostname or "", split.path.lstrip("/")
    names = [f"{host}/{unquote(path)}", f"{host}/{path}", f"{host}/{path}?{split.query}"]
    safe = [name for name in names if "\0" not in name and ".." not in name.split("/")]
    return safe if host and path else []
