"""Threats 9 and 26: addresses in data that must not be asked, by safety and by wish."""

from __future__ import annotations

import gzip
import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from cauldron.web.guard import FetchError, Guard
from cauldron.web.opt_out import OptOut
from cauldron.web.request import Getter
from tests.conftest import picture
from tests.web.sites import GUARD, Site, fetched, getter, quick, refused


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as made:
        yield made


@pytest.mark.parametrize(
    "ip",
    "127.0.0.1 10.1.2.3 172.16.0.1 192.168.0.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 "
    "255.255.255.255 240.0.0.1 198.18.0.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 ff02::1 "
    "::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: ::127.0.0.1 "
    "fd00:ec2::254 nonsense".split(),
)
def test_threat_09_an_address_that_is_not_public_is_refused(ip: str) -> None:
    guard = Guard(resolver=lambda host, port: ["93.184.216.34", ip])
    with pytest.raises(FetchError) as caught:
        guard.target("http://pics.example/a.png")
    assert caught.value.reason == "address_not_public"


@pytest.mark.parametrize("ip", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_threat_09_a_public_address_may_be_asked(ip: str) -> None:
    target = Guard(resolver=lambda host, port: [ip]).target("https://Pics.Example/a?b#c")
    assert (target.ip, target.site, target.path) == (ip, "https://pics.example", "/a?b")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "scheme_refused"),
        ("ftp://h.example/a", "scheme_refused"),
        ("gopher://h.example/a", "scheme_refused"),
        ("http:///a", "address_invalid"),
        ("http://user:secret@h.example/", "address_invalid"),
        ("http://h.example:99999/", "address_invalid"),
        ("http://h.example/\r\nHost: other", "address_invalid"),
        ("http://h.example\\@other.example/", "address_invalid"),
        ("http://[::1/", "address_invalid"),
    ],
)
def test_threat_09_an_address_of_another_kind_is_refused(url: str, reason: str) -> None:
    with pytest.raises(FetchError) as caught:
        GUARD.target(url)
    assert caught.value.reason == reason


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "localhost"])
def test_threat_09_odd_spellings_of_the_loopback_are_refused_after_resolving(
    host: str, site: Site
) -> None:
    assert refused(f"http://{host}:{site.port}/", Getter()) == "address_not_public"
    assert not site.asked


@pytest.mark.parametrize(
    "place",
    ["http://169.254.169.254/latest/meta-data/", "http://10.0.0.8/", "//[::1]/", "file:///etc/x"],
)
def test_threat_09_a_redirect_inwards_is_refused(site: Site, place: str) -> None:
    site.replies["/a.png"] = (302, {"Location": place}, b"")
    assert refused(site.url("/a.png"), getter()) in ("address_not_public", "scheme_refused")


def test_threat_09_an_answer_of_the_name_server_that_changes_has_no_effect(site: Site) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    guard = Guard(resolver=lambda host, port: next(answers), allowed=("127.0.0.1/32",))
    site.replies["/a.png"] = (302, {"Location": "/b.png"}, b"")
    assert refused(site.url("/a.png"), getter(guard=guard)) == "address_not_public"
    assert site.paths() == ["/a.png"]


def test_threat_09_redirects_are_followed_five_times(site: Site) -> None:
    for n in range(9):
        site.replies[f"/{n}"] = (301, {"Location": f"{n + 1}"}, b"")
    site.replies["/9"] = (200, {}, b"there")
    assert getter().get(site.url("/4")).body == b"there"
    assert refused(site.url("/3"), getter()) == "too_many_redirects"


def test_threat_09_a_body_over_the_limit_is_left_whether_told_or_not(site: Site) -> None:
    def untold(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(bytes(200_000))

    site.replies["/told"] = (200, {"Content-Length": "999999999"}, b"")
    site.replies["/untold"] = untold
    packed = gzip.compress(bytes(5_000_000))
    site.replies["/packed"] = (200, {"Content-Encoding": "gzip"}, packed)
    for path in ("/told", "/untold", "/packed"):
        assert refused(site.url(path), getter(max_bytes=100_000)) == "too_large"


@pytest.mark.parametrize("in_head", [True, False])
def test_threat_09_a_server_that_drips_is_cut_off_at_the_limit(site: Site, in_head: bool) -> None:
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" if in_head else b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(200):
            if stop.wait(0.02):
                break
            handler.wfile.write(b"X-A: b\r\n" if in_head else b"x")

    site.replies["/slow"] = drip
    start = time.monotonic()
    assert refused(site.url("/slow"), getter(timeout_s=0.3)) == "timeout"
    assert time.monotonic() - start < 3
    stop.set()


def test_threat_26_listed_domains_addresses_and_files_are_not_used(
    tmp_path: Path, site: Site
) -> None:
    site.replies |= {f"/{n}.png": (200, {}, picture((n, 0, 0))) for n in range(3)}
    listed = hashlib.sha256(picture((2, 0, 0))).hexdigest()
    lines = ["# no", "closed.example", site.url("/1.png"), f"sha256:{listed}"]
    urls = [site.url("/0.png", "a.closed.example"), *(site.url(f"/{n}.png") for n in range(3))]
    assert fetched(tmp_path, urls, quick(), OptOut(lines)) == {"opted_out": 3, "success": 1}
    assert site.paths() == ["/0.png", "/2.png"]
