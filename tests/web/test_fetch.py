"""Fetching pictures: real servers on the loopback that pose as public names."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cauldron.cli.main import app
from cauldron.errors import UsageError
from cauldron.web.consent import Policy, parsed_policy, reserved
from cauldron.web.fetch import FetchSettings, fetch_all
from cauldron.web.fetched import LOG, FetchedStore
from cauldron.web.guard import FetchError, Guard
from cauldron.web.opt_out import OptOut
from cauldron.web.request import Getter, retry_after
from tests.conftest import picture

PICTURE = picture()
Reply = tuple[int, dict[str, str], bytes]


class Site:
    """A server that answers by path; unknown paths are not found."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.replies: dict[str, Reply | Callable[[BaseHTTPRequestHandler], None]] = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.headers["Host"], self.path))
                reply = site.replies.get(self.path, (404, {}, b""))
                if callable(reply):
                    reply(self)
                    return
                status, headers, body = reply
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *told: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def url(self, path: str, host: str = "pics.example") -> str:
        return f"http://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [path for _, path in self.asked if path not in ("/robots.txt", "/ai.txt")]


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join()


def posing(host: str, port: int) -> list[str]:
    """Resolve names of examples to the loopback; numbers stand for themselves."""
    return ["127.0.0.1"] if host.endswith(".example") else [host]


GUARD = Guard(resolver=posing, allowed=("127.0.0.0/8",))


def getter(**options: object) -> Getter:
    return Getter(**{"guard": GUARD, "timeout_s": 5.0, **options})  # type: ignore[arg-type]


def quick(**options: object) -> FetchSettings:
    settings = {"getter": getter(), "per_host": 1_000.0, "first_wait_s": 0.001, **options}
    return FetchSettings(**settings)  # type: ignore[arg-type]


def refused(url: str, ask: Getter) -> str:
    with pytest.raises(FetchError) as caught:
        ask.get(url)
    return caught.value.reason


@pytest.mark.parametrize(
    "ip",
    "127.0.0.1 10.1.2.3 172.16.0.1 192.168.0.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 "
    "255.255.255.255 240.0.0.1 198.18.0.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 ff02::1 "
    "::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: ::127.0.0.1 "
    "fd00:ec2::254 nonsense".split(),
)
def test_an_address_that_is_not_public_is_refused(ip: str) -> None:
    guard = Guard(resolver=lambda host, port: ["93.184.216.34", ip])
    with pytest.raises(FetchError) as caught:
        guard.target("http://pics.example/a.png")
    assert caught.value.reason == "address_not_public"


@pytest.mark.parametrize("ip", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_a_public_address_may_be_asked(ip: str) -> None:
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
def test_an_address_of_another_kind_is_refused(url: str, reason: str) -> None:
    with pytest.raises(FetchError) as caught:
        GUARD.target(url)
    assert caught.value.reason == reason


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "localhost"])
def test_odd_spellings_of_the_loopback_are_refused_after_resolving(host: str, site: Site) -> None:
    assert refused(f"http://{host}:{site.port}/", Getter()) == "address_not_public"
    assert not site.asked


def test_a_picture_is_fetched_from_the_checked_address_under_its_name(site: Site) -> None:
    site.replies["/a%20b.png"] = (200, {"Content-Type": "image/png"}, PICTURE)
    answer = getter().get(site.url("/a b.png#top"))
    assert answer.body == PICTURE
    assert site.asked == [(f"pics.example:{site.port}", "/a%20b.png")]


@pytest.mark.parametrize(
    "place",
    ["http://169.254.169.254/latest/meta-data/", "http://10.0.0.8/", "//[::1]/", "file:///etc/x"],
)
def test_a_redirect_inwards_is_refused(site: Site, place: str) -> None:
    site.replies["/a.png"] = (302, {"Location": place}, b"")
    assert refused(site.url("/a.png"), getter()) in ("address_not_public", "scheme_refused")


def test_an_answer_of_the_name_server_that_changes_has_no_effect(site: Site) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    guard = Guard(resolver=lambda host, port: next(answers), allowed=("127.0.0.1/32",))
    site.replies["/a.png"] = (302, {"Location": "/b.png"}, b"")
    assert refused(site.url("/a.png"), getter(guard=guard)) == "address_not_public"
    assert site.paths() == ["/a.png"]


def test_redirects_are_followed_five_times(site: Site) -> None:
    for n in range(9):
        site.replies[f"/{n}"] = (301, {"Location": f"{n + 1}"}, b"")
    site.replies["/9"] = (200, {}, b"there")
    assert getter().get(site.url("/4")).body == b"there"
    assert refused(site.url("/3"), getter()) == "too_many_redirects"


def test_a_body_over_the_limit_is_left_whether_told_or_not(site: Site) -> None:
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
def test_a_server_that_drips_is_cut_off_at_the_limit(site: Site, in_head: bool) -> None:
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


def test_a_body_that_is_cut_off_may_be_asked_for_again(site: Site) -> None:
    site.replies["/cut"] = (200, {"Content-Length": "5000"}, b"short")
    with pytest.raises(FetchError) as caught:
        getter(timeout_s=0.5).get(site.url("/cut"))
    assert caught.value.again


def fetched(
    tmp_path: Path, urls: list[str], settings: FetchSettings, opt_out: OptOut | None = None
) -> dict[str, int]:
    store = FetchedStore(str(tmp_path / "store"))
    try:
        return dict(fetch_all(urls, store, settings, opt_out))
    finally:
        store.close()


def test_pictures_are_stored_once_by_content_and_failures_counted(
    tmp_path: Path, site: Site
) -> None:
    site.replies |= {
        "/a.png": (200, {}, PICTURE),
        "/b.png": (200, {}, PICTURE),
        "/page": (200, {}, b"<html>not a picture</html>"),
        "/noai": (200, {"X-Robots-Tag": "noai"}, PICTURE),
        "/tdm": (200, {"TDM-Reservation": "1"}, PICTURE),
    }
    urls = [site.url(p) for p in ("/a.png", "/b.png", "/page", "/noai", "/tdm", "/gone", "/a.png")]
    counts = fetched(tmp_path, [*urls, "ftp://x.example/"], quick())
    assert counts == {
        "success": 2,
        "image_not_identified": 1,
        "opted_out": 2,
        "http_404": 1,
        "known_already": 1,
        "scheme_refused": 1,
    }
    (blob,) = (tmp_path / "store/blobs").glob("*/*")
    assert blob.read_bytes() == PICTURE


def test_busy_servers_are_asked_again_when_they_say(tmp_path: Path, site: Site) -> None:
    asked: list[float] = []

    def busy(handler: BaseHTTPRequestHandler) -> None:
        asked.append(time.monotonic())
        if len(asked) < 3:
            handler.send_response(429 if len(asked) == 1 else 503)
            handler.send_header("Retry-After", "1" if len(asked) == 1 else "0")
        else:
            handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(PICTURE if len(asked) == 3 else b"")

    site.replies["/a.png"] = busy
    assert fetched(tmp_path, [site.url("/a.png")], quick())["success"] == 1
    assert asked[1] - asked[0] >= 1


def test_a_server_that_stays_busy_is_given_up_and_may_be_tried_later(
    tmp_path: Path, site: Site
) -> None:
    site.replies["/a.png"] = (503, {}, b"")
    assert fetched(tmp_path, [site.url("/a.png")], quick()) == {"http_503": 1, "tried_again": 2}
    site.replies["/a.png"] = (200, {}, PICTURE)
    assert fetched(tmp_path, [site.url("/a.png")], quick()) == {"known_already": 1}
    store = FetchedStore(str(tmp_path / "store"), again=True)
    assert fetch_all([site.url("/a.png")], store, quick())["success"] == 1
    store.close()


def test_one_site_is_asked_no_faster_than_allowed(tmp_path: Path, site: Site) -> None:
    times: list[float] = []

    def noted(handler: BaseHTTPRequestHandler) -> None:
        times.append(time.monotonic())
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(PICTURE)

    site.replies |= {f"/{n}.png": noted for n in range(4)}
    fetched(tmp_path, [site.url(f"/{n}.png") for n in range(4)], quick(per_host=10.0))
    assert min(b - a for a, b in itertools.pairwise(times)) > 0.08


def test_robots_and_ai_rules_are_honoured_also_behind_redirects(tmp_path: Path, site: Site) -> None:
    site.replies |= {
        "/robots.txt": (200, {}, b"User-agent: *\nDisallow: /private/\n"),
        "/ai.txt": (200, {}, b"User-Agent: *\nDisallow: *.gif$\n"),
        "/private/a.png": (200, {}, PICTURE),
        "/b.gif": (200, {}, PICTURE),
        "/moved.png": (302, {"Location": "/private/a.png"}, b""),
        "/c.png": (200, {}, PICTURE),
    }
    urls = [site.url(p) for p in ("/private/a.png", "/b.gif", "/moved.png", "/c.png")]
    assert fetched(tmp_path, urls, quick()) == {"robots_disallowed": 3, "success": 1}
    assert "/private/a.png" not in site.paths()


def test_a_site_whose_rules_cannot_be_had_is_left_alone(tmp_path: Path, site: Site) -> None:
    site.replies |= {"/robots.txt": (500, {}, b""), "/a.png": (200, {}, PICTURE)}
    counts = fetched(tmp_path, [site.url("/a.png")], quick(tries=1))
    assert counts == {"robots_unreachable": 1}
    assert not site.paths()


def test_listed_domains_addresses_and_files_are_not_used(tmp_path: Path, site: Site) -> None:

    site.replies |= {f"/{n}.png": (200, {}, picture((n, 0, 0))) for n in range(3)}
    listed = hashlib.sha256(picture((2, 0, 0))).hexdigest()
    lines = ["# no", "closed.example", site.url("/1.png"), f"sha256:{listed}"]
    urls = [site.url("/0.png", "a.closed.example"), *(site.url(f"/{n}.png") for n in range(3))]
    assert fetched(tmp_path, urls, quick(), OptOut(lines)) == {"opted_out": 3, "success": 1}
    assert site.paths() == ["/0.png", "/2.png"]


@pytest.mark.parametrize("line", ["a b", "sha256:12", "/only/a/path"])
def test_an_odd_line_of_an_opt_out_list_is_told(line: str) -> None:
    with pytest.raises(UsageError, match="line 2"):
        OptOut(["fine.example", line])


def test_a_torn_log_goes_on(tmp_path: Path, site: Site) -> None:
    site.replies |= {f"/{n}.png": (200, {}, PICTURE) for n in range(2)}
    fetched(tmp_path, [site.url("/0.png")], quick())
    with (tmp_path / "store" / LOG).open("ab") as log:
        log.write(b'{"url": "http://torn')
    counts = fetched(tmp_path, [site.url("/0.png"), site.url("/1.png")], quick())
    assert counts == {"known_already": 1, "success": 1}
    lines = (tmp_path / "store" / LOG).read_bytes().splitlines()
    assert orjson.loads(lines[-1])["url"] == site.url("/1.png")


def test_groups_of_rules_are_chosen_and_the_longest_pattern_decides() -> None:
    text = """
    User-agent: other
    Disallow: /
    User-agent: cauldron-fetch
    User-agent: third
    Crawl-delay: 2.5
    Disallow: /a
    Allow: /a/b
    Disallow: /*.php$
    """
    policy = parsed_policy(text, "cauldron-fetch/1")
    allowed = {
        p: policy.allows(f"http://h{p}") for p in ("/x", "/a/c", "/a/b/c", "/q.php", "/q.phpx")
    }
    assert list(allowed.values()) == [True, False, True, False, True]
    assert policy.delay_s == 2.5
    assert parsed_policy(text, "unnamed") == Policy()


def test_a_pattern_of_many_stars_costs_little_time() -> None:
    policy = Policy(rules=((False, "/" + "*a" * 900 + "$"),))
    start = time.process_time()
    assert policy.allows("http://h/" + "a" * 2_000 + "b")
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("noai, noimageai", "noai"),
        ("otherbot: noai", ""),
        ("cauldron-fetch: noindex", "noindex"),
        ("otherbot: nofollow, *: noimageai", "noimageai"),
        ("max-snippet: 5", ""),
        ("none", "none"),
    ],
)
def test_reservations_in_headers(value: str, expected: str) -> None:
    assert reserved({"x-robots-tag": value}, "cauldron-fetch/1") == expected


def test_retry_after_may_be_seconds_or_a_date() -> None:
    assert (retry_after("7"), retry_after("soon"), retry_after("")) == (7.0, None, None)
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


def test_a_user_fetches_then_ingests(tmp_path: Path, site: Site) -> None:
    site.replies["/cat.png"] = (200, {}, PICTURE)
    url = f"http://127.0.0.1:{site.port}/cat.png"
    row = {
        "images": [None, url, None, url.replace("cat", "gone")],
        "texts": ["a", None, "b", None],
        "metadata": json.dumps([None] * 4),
        "general_metadata": json.dumps({"url": "https://host.example/p"}),
    }
    (tmp_path / "raw").mkdir()
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "raw/train-0.parquet")
    raw, store = str(tmp_path / "raw"), str(tmp_path / "store")
    run = CliRunner().invoke
    command = ["fetch", "obelics", raw, "-o", store, "--per-host", "1000", "--json"]
    shut = orjson.loads(run(app, command).stdout)
    assert shut["addresses"] == {"address_not_public": 2}
    (tmp_path / "store" / LOG).unlink()
    done = run(app, [*command, "--allow-network", "127.0.0.0/8"])
    assert orjson.loads(done.stdout)["addresses"] == {"http_404": 1, "success": 1}
    ingest = ["ingest", "obelics", raw, store, "-o", str(tmp_path / "work"), "--json"]
    assert orjson.loads(run(app, ingest).stdout)["images"] == 1


def test_what_is_no_network_is_told(tmp_path: Path) -> None:
    command = ["fetch", "obelics", str(tmp_path), "-o", str(tmp_path), "--allow-network", "all"]
    assert CliRunner().invoke(app, command).exit_code == 2
