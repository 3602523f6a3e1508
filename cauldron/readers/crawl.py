"""What lies in web archives, by address: pages, pictures, redirects, and all that was left out.

One pass over a file makes its index, a few bytes a record, which is kept beside the work. Of pages
with one address the newest counts. Pictures are found by address, through redirects.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import numpy as np
import numpy.typing as npt
import orjson

from cauldron.errors import StorageError
from cauldron.media.http_body import BodyError, plain_body
from cauldron.media.limits import LIMITS
from cauldron.readers.archives import SEPARATOR, is_archive, split_url, stamp
from cauldron.readers.raw import Found, Raw
from cauldron.readers.warc import SUFFIXES, read_record, records
from cauldron.storage import files

INDEX_VERSION = 1
_PAGE, _PICTURE, _ALIAS = 0, 1, 2
_KINDS = {"page": _PAGE, "picture": _PICTURE, "alias": _ALIAS}
_ENTRY = np.dtype(
    [
        ("kind", "u1"),
        ("unpacked", "?"),
        ("offset", "u8"),
        ("length", "u8"),
        ("url", "u8"),
        ("date", "u8"),
        ("target", "u8"),
    ]
)
Entries = npt.NDArray[Any]
_CHUNK = 50_000
_MAX_HOPS = 5
_TRACKING = ("utm_", "fbclid", "gclid", "msclkid", "mc_cid", "mc_eid", "igshid", "yclid")
_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIndex:
    """One archive file: its entries in order, damaged places, and other records by reason."""

    found: Found
    entries: Entries
    damaged: list[tuple[str, int, str]] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)


def canonical(url: str) -> str:
    """Return an address for comparison.

    The host is in lower case; the default port, the fragment and tracking parameters are off, and
    the other parameters are sorted.
    """
    try:
        split = urlsplit(url.strip())
        query = split.query
        if query:
            pairs = [
                pair
                for pair in parse_qsl(query, keep_blank_values=True, max_num_fields=1_000)
                if not pair[0].lower().startswith(_TRACKING)
            ]
            query = urlencode(sorted(pairs))
    except ValueError:
        return url
    host = split.netloc.lower().removesuffix(_PORTS.get(split.scheme, ":"))
    return urlunsplit((split.scheme.lower(), host, split.path or "/", query, ""))


def _hashed(url: str) -> int:
    digest = hashlib.blake2b(canonical(url).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest)


def archive_files(raw: Raw) -> list[Found]:
    """Return the web archives below the roots; those inside other archives too, to be refused."""
    texts = [f"*.warc.{kind}{packing}" for kind in ("wet", "wat") for packing in ("", ".gz")]
    patterns = [f"*{suffix}" for suffix in SUFFIXES] + [*texts, "*.wet.gz", "*.wat.gz"]
    return [f for f in raw.find(*patterns) if not _is_packed_alone(f)]


def _is_packed_alone(found: Found) -> bool:
    """Say whether this is `x.warc` seen inside `x.warc.gz`, which is a web archive itself."""
    inside = split_url(found.url)
    return bool(inside and not is_archive(inside[0]))


def refused(found: Found) -> tuple[str, str] | None:
    """Return reason and detail for a file that holds no pages by its name."""
    name = found.path.lower()
    if SEPARATOR in found.url:
        return "warc_inside_archive", "unpack the archive that it lies in"
    if ".wet" in name:
        return "wet_has_text_only", "WET files hold text without pictures; take the WARC files"
    if ".wat" in name:
        return "wat_has_facts_only", "WAT files hold facts about pages; take the WARC files"
    return None


def file_index(found: Found, folder: str) -> FileIndex:
    """Return the index of a file: kept in `folder`, or built and kept there."""
    version = (INDEX_VERSION, found.url, *stamp(found.url))
    name = hashlib.blake2b(repr(version).encode("utf-8", "replace"), digest_size=12).hexdigest()
    place = Path(folder) / f"{name}.crawl" if folder else None
    if place and place.with_suffix(".json").is_file():
        told = orjson.loads(place.with_suffix(".json").read_bytes())
        entries = np.fromfile(place, _ENTRY)
        if len(entries) == told["entries"]:
            damaged = [tuple(one) for one in told["damaged"]]
            return FileIndex(found=found, entries=entries, damaged=damaged, others=told["others"])
    index = _built(found)
    if place:
        files.write_bytes(str(place), index.entries.tobytes())
        told = {"entries": len(index.entries), "damaged": index.damaged, "others": index.others}
        files.write_json(str(place.with_suffix(".json")), told)
    return index


def _built(found: Found) -> FileIndex:
    chunks: list[Entries] = [np.zeros(0, _ENTRY)]
    held: list[tuple[Any, ...]] = []
    damaged: list[tuple[str, int, str]] = []
    others: Counter[str] = Counter()
    for record in records(found.url):
        if record.kind == "damaged":
            told = f"{record.length} bytes left out: {record.target}"
            damaged.append((record.reason, record.offset, told))
            continue
        if record.kind != "page":
            others[record.reason] += 1
        if record.kind in _KINDS:
            date = int("".join(filter(str.isdigit, record.date))[:14] or 0)
            target = _hashed(record.target) if record.target else 0
            place = (record.unpacked, record.offset, record.length)
            held.append((_KINDS[record.kind], *place, _hashed(record.url), date, target))
        if len(held) == _CHUNK:
            chunks.append(np.array(held, _ENTRY))
            held = []
    entries = np.concatenate([*chunks, np.array(held, _ENTRY)])
    return FileIndex(found=found, entries=entries, damaged=damaged, others=dict(others))


class Crawl:
    """All web archives below the roots of raw data."""

    def __init__(self, raw: Raw) -> None:
        listed = [f for f in archive_files(raw) if refused(f) is None]
        self.files = [file_index(found, raw.indexes) for found in listed]
        numbers = [np.full(len(f.entries), n, "u4") for n, f in enumerate(self.files)]
        self._number = np.concatenate([np.zeros(0, "u4"), *numbers])
        self._entries = np.concatenate([np.zeros(0, _ENTRY), *(f.entries for f in self.files)])
        self._pictures = self._newest_first(_PICTURE)
        self._aliases = self._newest_first(_ALIAS)

    def _newest_first(self, kind: int) -> npt.NDArray[np.int64]:
        """Return the entries of a kind sorted by address, of equal ones the newest first."""
        chosen = np.flatnonzero(self._entries["kind"] == kind)
        entries = self._entries[chosen]
        order = np.lexsort((-chosen, ~entries["date"], entries["url"]))
        return chosen[order]

    def pages(self) -> list[tuple[Found, Entries, npt.NDArray[np.bool_]]]:
        """Return the pages of each file, and which of them are the newest of their address."""
        newest = np.zeros(len(self._entries), bool)
        ordered = self._newest_first(_PAGE)
        urls = self._entries["url"][ordered]
        if len(ordered):
            newest[ordered[np.flatnonzero(np.diff(urls, prepend=~urls[:1]) != 0)]] = True
        out, start = [], 0
        for index in self.files:
            mask = index.entries["kind"] == _PAGE
            kept = newest[start : start + len(mask)][mask]
            out.append((index.found, index.entries[mask], kept))
            start += len(mask)
        return out

    def picture(self, address: str) -> bytes | None:
        """Return the bytes of a picture, None where the archives do not hold it.

        Raises:
            StorageError: if its record is damaged or too large.
        """
        swapped = address.replace("http", "https", 1)
        if address.startswith("https:"):
            swapped = address.replace("https", "http", 1)
        for hashed in (_hashed(address), _hashed(swapped)):
            for _ in range(_MAX_HOPS + 1):
                place = self._place(self._pictures, hashed)
                if place is not None:
                    return self._read(place)
                alias = self._place(self._aliases, hashed)
                if alias is None:
                    break
                hashed = int(self._entries["target"][alias])
        return None

    def _place(self, ordered: npt.NDArray[np.int64], hashed: int) -> int | None:
        urls = self._entries["url"]
        low, high = 0, len(ordered)
        while low < high:
            middle = (low + high) // 2
            if int(urls[ordered[middle]]) < hashed:
                low = middle + 1
            else:
                high = middle
        if low < len(ordered) and int(urls[ordered[low]]) == hashed:
            return int(ordered[low])
        return None

    def _read(self, place: int) -> bytes:
        entry = self._entries[place]
        url = self.files[int(self._number[place])].found.url
        record = read_record(url, int(entry["offset"]), bool(entry["unpacked"]))
        try:
            body = plain_body(record.body, record.head.headers if record.head else {})
        except BodyError as error:
            raise StorageError(f"damaged record: {error}", place=files.redacted(url)) from error
        if len(body) > LIMITS.max_image_bytes:
            raise StorageError(f"larger than {LIMITS.max_image_bytes} bytes", place=url)
        return body


@functools.lru_cache(maxsize=1)
def _crawl(roots: tuple[str, ...], indexes: str, archives: tuple[str, ...]) -> Crawl:
    return Crawl(Raw(roots, indexes, archives))


def crawl_of(raw: Raw) -> Crawl:
    """Return what lies in the web archives below the roots; loaded once a process."""
    return _crawl(raw.roots, raw.indexes, tuple(raw.archives()))
