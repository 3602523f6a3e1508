"""Web archives: packings, damage by offset, and codings of bodies."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauldron.errors import StorageError
from cauldron.media.http_body import BodyError, plain_body, read_head
from cauldron.media.limits import Limits
from cauldron.readers.crawl import Crawl, canonical
from cauldron.readers.raw import Raw
from cauldron.readers.warc import Record, read_record, records
from tests.web_archives import arc, chunked, gz, http, record

PAGE = http(b"<p>page</p>")
INFO = record("", b"software: none\r\n", "warcinfo", Content_Type="application/warc-fields")
THREE = [record(f"http://h.org/{n}", http(b"<p>%d</p>" % n)) for n in range(3)]


def read(path: Path, payload: bytes) -> list[Record]:
    path.write_bytes(payload)
    return list(records(str(path)))


def bodies(path: Path) -> list[bytes]:
    whole = [r for r in records(str(path)) if r.kind == "page"]
    return [read_record(str(path), r.offset, r.unpacked).body for r in whole]


def zst(*payloads: bytes) -> bytes:
    return b"".join(pa.compress(one, "zstd", asbytes=True) for one in payloads)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("a.warc", b"".join([INFO, *THREE])),
        ("a.warc.gz", gz(INFO, *THREE)),
        ("a.warc.zst", zst(INFO, *THREE)),
        ("whole.warc.gz", gzip.compress(b"".join([INFO, *THREE]), mtime=0)),
        ("wrong-name.warc", gz(INFO, *THREE)),
        ("zeros.warc.gz", gz(INFO, *THREE) + bytes(3000)),
        ("a.warc.xz", lzma.compress(b"".join([INFO, *THREE]))),
        ("a.warc.bz2", b"".join(bz2.compress(one) for one in [INFO, *THREE])),
    ],
)
def test_records_are_found_and_read_again_in_every_packing(
    tmp_path: Path, name: str, payload: bytes
) -> None:
    found = read(tmp_path / name, payload)
    assert [r.kind for r in found] == ["other", "page", "page", "page"]
    assert bodies(tmp_path / name) == [b"<p>0</p>", b"<p>1</p>", b"<p>2</p>"]
    assert {r.date for r in found} == {"2024-03-01T10:00:00Z"}


def test_a_packing_cut_off_costs_what_is_behind_the_cut(tmp_path: Path) -> None:
    payload = bz2.compress(b"".join([INFO, *THREE])) + bz2.compress(THREE[0] * 400)[:-9]
    found = read(tmp_path / "a.warc.bz2", payload)
    assert Counter(r.reason for r in found if r.kind == "damaged") == {"warc_packing_damaged": 1}
    assert bodies(tmp_path / "a.warc.bz2")[:3] == [b"<p>0</p>", b"<p>1</p>", b"<p>2</p>"]


def test_a_packing_that_grows_without_bound_is_refused(tmp_path: Path) -> None:
    bomb = lzma.compress(bytes(80 << 20), preset=0)
    (found,) = read(tmp_path / "a.warc.xz", bomb)
    assert (found.kind, found.reason) == ("damaged", "warc_too_large")


@pytest.mark.parametrize("packed", [False, True])
def test_arc_files_of_both_versions_are_read(tmp_path: Path, packed: bool) -> None:
    first = arc("http://h.org/a b", PAGE)
    second = b"http://h.org/2 1.2.3.4 20240301100000 text/html 200 - - 0 a.arc %d\n%b\n" % (
        len(PAGE),
        PAGE,
    )
    pieces = [arc("filedesc://x", b"1 0 x\n"), first, second]
    name = tmp_path / ("a.arc.gz" if packed else "a.arc")
    found = read(name, gz(*pieces) if packed else b"".join(pieces))
    assert [(r.kind, r.url) for r in found[1:]] == [
        ("page", "http://h.org/a b"),
        ("page", "http://h.org/2"),
    ]
    assert bodies(name) == [b"<p>page</p>"] * 2


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 10_000), byte=st.integers(1, 255), packed=st.booleans())
def test_one_damaged_byte_costs_one_record_at_most_two(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, packed: bool
) -> None:
    pieces = [record(f"http://h.org/{n}", http(b"<p>%d</p>" % n * 40)) for n in range(8)]
    payload = bytearray(gz(*pieces) if packed else b"".join(pieces))
    payload[at % len(payload)] ^= byte
    name = "a.warc.gz" if packed else "a.warc"
    found = read(tmp_path_factory.mktemp("d") / name, bytes(payload))
    counted = Counter(r.kind for r in found)
    assert len(found) - counted["damaged"] >= 6
    filling = len(payload) - len(payload.lstrip(b"\0"))
    assert sum(r.length for r in found) == len(payload) - filling


@pytest.mark.parametrize("packing", ["plain", "gz"])
def test_a_damaged_record_is_told_by_its_own_offset(tmp_path: Path, packing: str) -> None:
    stored = [one if packing == "plain" else gz(one) for one in THREE]
    broken = stored[1].replace(b"Content-Length", b"Xontent-Length", 1)
    if packing == "gz":
        broken = stored[1][:-3] + b"\1\1\1"
    found = read(tmp_path / "a.warc", stored[0] + broken + stored[2])
    (damaged,) = [r for r in found if r.kind == "damaged"]
    if packing == "gz":
        assert (damaged.offset, damaged.length) == (len(stored[0]), len(stored[1]))
    assert found[-1].offset == len(stored[0]) + len(stored[1])
    assert found[-1].kind == "page"


@pytest.mark.parametrize("told", [3, 99_999, 40])
def test_a_wrong_length_costs_only_its_record(tmp_path: Path, told: int) -> None:
    wrong = record("http://h.org/w", PAGE, Content_Length=str(told))
    found = read(tmp_path / "a.warc", THREE[0] + wrong + THREE[1] + THREE[2])
    kinds = [(r.kind, r.url) for r in found]
    assert [url for kind, url in kinds if kind == "page"] == [f"http://h.org/{n}" for n in range(3)]
    assert kinds[1][0] == "damaged"


@pytest.mark.parametrize("packing", ["plain", "gz"])
def test_a_file_that_was_cut_off_says_so(tmp_path: Path, packing: str) -> None:
    payload = b"".join(THREE) if packing == "plain" else gz(*THREE)
    found = read(tmp_path / "a.warc", payload[:-9])
    assert [r.kind for r in found] == ["page", "page", "damaged"]
    assert "too early" in found[-1].target


def test_what_is_no_archive_ends_as_damage(tmp_path: Path) -> None:
    for payload in (b"", b"<html>not found</html>", bytes(range(256)) * 40, b"\x1f\x8b\x08junk"):
        found = read(tmp_path / "a.warc.gz", payload)
        assert [r.kind for r in found] == ["damaged"]


@pytest.mark.parametrize(
    ("block", "headers", "expected"),
    [
        (http(b"x", "TEXT/HTML; charset=x"), {}, ("page", "")),
        (http(b"x", "application/xhtml+xml"), {}, ("page", "")),
        (http(b"x", "application/pdf"), {}, ("other", "not_html")),
        (http(b"x", "image/png"), {}, ("picture", "not_html")),
        (http(b"x", status="404 Not Found"), {}, ("other", "http_status")),
        (http(b"x", status="302 Found", Location="/b"), {}, ("alias", "http_status")),
        (b"nothing of HTTP", {}, ("other", "http_head_missing")),
        (b"<p>x", {"kind": "resource", "Content_Type": "text/html"}, ("page", "")),
        (
            b"text",
            {"kind": "conversion", "Content_Type": "text/plain"},
            ("other", "not_response"),
        ),
        (b"GET", {"kind": "request"}, ("other", "not_response")),
        (PAGE, {"kind": "revisit"}, ("other", "revisit")),
        (PAGE, {"version": "1.1", "WARC_Target_URI": "<http://h.org/u>"}, ("page", "")),
    ],
)
def test_a_record_is_told_by_its_kind(
    tmp_path: Path, block: bytes, headers: dict[str, str], expected: tuple[str, str]
) -> None:
    (found,) = read(tmp_path / "a.warc", record("http://h.org/u", block, **headers))
    assert (found.kind, found.reason) == expected
    assert found.url == "http://h.org/u"


BODY = "<p>schön</p>".encode() * 50
CHUNKED_GZIP = {"transfer-encoding": "Chunked", "content-encoding": "GZIP"}
RAW_DEFLATE = zlib.compressobj(wbits=-15)
RAW = RAW_DEFLATE.compress(BODY) + RAW_DEFLATE.flush()


@pytest.mark.parametrize(
    ("stored", "headers"),
    [
        (BODY, {}),
        (chunked(BODY), {"transfer-encoding": "chunked"}),
        (gzip.compress(BODY, mtime=0), {"content-encoding": "gzip"}),
        (
            gzip.compress(BODY[:9], mtime=0) + gzip.compress(BODY[9:], mtime=0),
            {"content-encoding": "x-gzip"},
        ),
        (zlib.compress(BODY), {"content-encoding": "deflate"}),
        (RAW, {"content-encoding": "deflate"}),
        (pa.compress(BODY, "brotli", asbytes=True), {"content-encoding": "br"}),
        (pa.compress(BODY, "zstd", asbytes=True), {"content-encoding": "zstd"}),
        (
            chunked(gzip.compress(BODY, mtime=0)),
            {"transfer-encoding": "Chunked", "content-encoding": "GZIP"},
        ),
        (BODY, {"content-encoding": "gzip"}),
        (BODY, {"content-encoding": "br", "transfer-encoding": "chunked"}),
        (gzip.compress(gzip.compress(BODY, mtime=0), mtime=0), {"content-encoding": "gzip, gzip"}),
    ],
    ids=range(12),
)
def test_codings_of_a_body_are_undone(stored: bytes, headers: dict[str, str]) -> None:
    assert plain_body(stored, headers) == BODY


@pytest.mark.parametrize(
    ("stored", "coding", "reason"),
    [
        (gzip.compress(bytes(5_000_000), mtime=0), "gzip", "body_too_large"),
        (zlib.compress(bytes(5_000_000)), "deflate", "body_too_large"),
        (pa.compress(bytes(5_000_000), "brotli", asbytes=True), "br", "body_too_large"),
        (pa.compress(bytes(5_000_000), "zstd", asbytes=True), "zstd", "body_too_large"),
        (gzip.compress(BODY, mtime=0)[:-20], "gzip", "body_damaged"),
        (BODY, "compress", "content_coding_unknown"),
        (BODY, "gzip,gzip,gzip,gzip", "content_coding_unknown"),
    ],
)
def test_a_body_that_must_not_be_unpacked_is_refused(
    stored: bytes, coding: str, reason: str
) -> None:
    with pytest.raises(BodyError) as caught:
        plain_body(stored, {"content-encoding": coding}, Limits(max_body_bytes=2_000_000))
    assert caught.value.reason == reason


def test_headers_may_be_folded_repeated_and_oddly_spelt() -> None:
    head = read_head(
        b"HTTP/1.0 200\nCONTENT-type: text/html;\n charset='koi8-r'\nA: 1\na: 2\n\nbody"
    )
    assert head is not None
    assert (head.media_type, head.charset, head.headers["a"]) == ("text/html", "koi8-r", "1, 2")


def test_addresses_are_compared_in_one_form() -> None:
    assert canonical("HTTP://H.org:80/a?b=2&a=1&utm_source=x#top") == "http://h.org/a?a=1&b=2"
    assert canonical("https://h.org") == "https://h.org/"
    assert canonical("http://[broken") == "http://[broken"


def crawl(folder: Path, *payloads: bytes) -> Crawl:
    for number, payload in enumerate(payloads):
        (folder / f"{number}.warc.gz").write_bytes(payload)
    return Crawl(Raw([str(folder)], str(folder / ".indexes")))


def test_the_newest_copy_of_a_page_counts_across_files(tmp_path: Path) -> None:
    old = record("http://h.org/a#x", http(b"old"), WARC_Date="2023-01-01T00:00:00Z")
    new = record("http://H.org/a", http(b"new"), WARC_Date="2024-01-01T00:00:00Z")
    other = record("http://h.org/b", http(b"other"))
    pages = crawl(tmp_path, gz(old, new), gz(old, other)).pages()
    assert [kept.tolist() for _, _, kept in pages] == [[False, True], [False, True]]


def test_a_picture_is_found_through_redirects_and_revisits(tmp_path: Path) -> None:
    moved = http(b"", status="301 Moved", Location="/c.png")
    loop = http(b"", status="302 Found", Location="/loop.png")
    target = {"WARC_Refers_To_Target_URI": "http://h.org/a.png"}
    payload = gz(
        record("http://h.org/a.png", moved),
        record("http://h.org/c.png", http(b"bytes", "image/png")),
        record("http://h.org/again.png", b"", "revisit", **target),
        record("http://h.org/loop.png", loop),
        record("http://h.org/odd.jpg", http(b"odd", "application/octet-stream")),
    )
    found = crawl(tmp_path, payload)
    assert found.picture("http://h.org/a.png") == b"bytes"
    assert found.picture("https://h.org/again.png") == b"bytes"
    assert found.picture("http://h.org/odd.jpg") == b"odd"
    assert found.picture("http://h.org/loop.png") is None
    assert found.picture("http://h.org/none.png") is None


def test_an_index_is_kept_and_used_again(tmp_path: Path) -> None:
    first = crawl(tmp_path, gz(*THREE), gz(*THREE)[:-9])
    again = Crawl(Raw([str(tmp_path)], str(tmp_path / ".indexes")))
    assert len(list((tmp_path / ".indexes").glob("*.crawl"))) == 2
    for one, two in zip(first.files, again.files, strict=True):
        assert one.entries.tobytes() == two.entries.tobytes()
        assert (one.damaged, one.others) == (two.damaged, two.others)


def test_a_damaged_record_cannot_be_read_by_its_offset(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(gz(THREE[0])[:-20])
    with pytest.raises(StorageError, match="damaged record"):
        read_record(str(tmp_path / "a.warc.gz"), 0, False)
