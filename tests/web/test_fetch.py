"""Fetching pictures: real servers on the loopback that pose as public names."""

from __future__ import annotations

import itertools
import json
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cauldron.cli.main import app
from cauldron.errors import UsageError
from cauldron.web.consent import Policy, parsed_policy, reserved
from cauldron.web.fetch import fetch_all
from cauldron.web.fetched import LOG, FetchedStore
from cauldron.web.guard import FetchError
from cauldron.web.opt_out import OptOut
from cauldron.web.request import retry_after
from tests.web.sites import PICTURE, Site, fetched, getter, quick


def test_a_picture_is_fetched_from_the_checked_address_under_its_name(site: Site) -> None:
    site.replies["/a%20b.png"] = (200, {"Content-Type": "image/png"}, PICTURE)
    answer = getter().get(site.url("/a b.png#top"))
    assert answer.body == PICTURE
    assert site.asked == [(f"pics.example:{site.port}", "/a%20b.png")]


def test_a_body_that_is_cut_off_may_be_asked_for_again(site: Site) -> None:
    site.replies["/cut"] = (200, {"Content-Length": "5000"}, b"short")
    with pytest.raises(FetchError) as caught:
        getter(timeout_s=0.5).get(site.url("/cut"))
    assert caught.value.again


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
