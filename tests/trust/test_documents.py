"""Threats 5 to 7: what PDF, XML, SVG and HTML files may do to whoever reads them."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path

import orjson
import pytest

from cauldron.media.html import read_page
from cauldron.media.images import ImageError, inspect
from cauldron.media.limits import LIMITS
from cauldron.media.svg import _require_closed, looks_like_svg, painted
from cauldron.readers import XmlError, xml_element
from tests.trust.commands import cauldron, child_s, told
from tests.trust.network import Knocks, listening
from tests.trust.pdfs import endless_pdf, hostile_pdfs

MOST_S = 10


def pdf_run(folder: Path, work: Path) -> tuple[dict[str, int], str]:
    """Ingest a folder of PDFs as a user does; return the counts and all that was written."""
    done = cauldron(
        "ingest", "pdf", folder, "-o", work, "--json", "--max-rejects", "1", "--workers", 1
    )
    told(done, 0)
    counts = orjson.loads(done.stdout)
    written = b"".join(p.read_bytes() for p in work.rglob("*") if p.is_file())
    return counts, written.decode("utf-8", "replace") + done.stderr


def test_threat_05_hostile_pdfs_are_read_or_counted(tmp_path: Path) -> None:
    pytest.importorskip("pymupdf", reason="needs cauldron[pdf]")
    raw = tmp_path / "raw"
    raw.mkdir()
    quick = {name: data for name, data in hostile_pdfs().items() if len(data) < 1_000_000}
    for name, data in quick.items():
        (raw / f"{name}.pdf").write_bytes(data)
    counts, written = pdf_run(raw, tmp_path / "work")
    assert counts["read"] == counts["written"] + counts["quarantined"] + counts["skipped"]
    assert counts["read"] >= len(quick) and counts["written"] >= 2
    assert "CANARY" not in written
    assert not [p for p in tmp_path.rglob("canary*")]


@pytest.mark.slow
def test_threat_05_no_hostile_pdf_takes_over_ten_seconds(tmp_path: Path) -> None:
    pytest.importorskip("pymupdf", reason="needs cauldron[pdf]")
    for name, data in {**hostile_pdfs(), "endless": endless_pdf()}.items():
        raw = tmp_path / name / "raw"
        raw.mkdir(parents=True)
        (raw / "a.pdf").write_bytes(data)
        start = child_s()
        pdf_run(raw, tmp_path / name / "work")
        assert child_s() - start < MOST_S + 2, name  # two for the start of the program


def test_threat_05_real_broken_pdfs_lose_no_run(slices: Path, tmp_path: Path) -> None:
    pytest.importorskip("pymupdf", reason="needs cauldron[pdf]")
    raw = tmp_path / "raw"
    raw.mkdir()
    for path in sorted((slices / "bad_inputs" / "pdf").iterdir()):
        (raw / f"{path.stem}.pdf").write_bytes(path.read_bytes())
    start = time.monotonic()
    counts, _ = pdf_run(raw, tmp_path / "work")
    assert counts["read"] == 32 == counts["written"] + counts["quarantined"] + counts["skipped"]
    assert time.monotonic() - start < 60


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that nobody must read."""
    path = tmp_path / "canary.txt"
    path.write_text("CANARY-CONTENT")
    return path


def hostile_xml(canary: Path, url: str) -> list[bytes]:
    """Return documents that ask for a file or an address, or grow without end."""
    bomb = '<!ENTITY a0 "lol">' + "".join(
        f'<!ENTITY a{n} "' + f"&a{n - 1};" * 10 + '">' for n in range(1, 10)
    )
    quadratic = '<!ENTITY a "' + "x" * 100_000 + '">'
    texts = [
        f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{canary}">]><a>&x;</a>',
        f'<!DOCTYPE a [<!ENTITY x SYSTEM "{url}/x">]><a>&x;</a>',
        f'<!DOCTYPE a [<!ENTITY % x SYSTEM "{url}/x.dtd"> %x;]><a/>',
        f'<!DOCTYPE a [<!ENTITY % x PUBLIC "p" "file://{canary}"> %x;]><a/>',
        f"<!DOCTYPE a [{bomb}]><a>&a9;</a>",
        f"<!DOCTYPE a [{quadratic}]><a>{'&a;' * 100_000}</a>",
    ]
    return [text.encode() for text in texts]


def test_threat_06_xml_touches_no_file_and_no_address(canary: Path) -> None:
    with listening() as knocks:
        start = time.monotonic()
        for document in hostile_xml(canary, knocks.url):
            with pytest.raises(XmlError, match="declares an entity"):
                xml_element(document)
        outside = f'<!DOCTYPE a SYSTEM "{knocks.url}/a.dtd"><a>&x;</a>'
        assert "CANARY" not in (xml_element(outside.encode()).text or "")
        assert time.monotonic() - start < 2 and knocks.count == 0


def test_threat_06_the_real_set_is_refused_or_harmless(slices: Path) -> None:
    for path in sorted((slices / "bad_inputs" / "xml").iterdir()):
        try:
            root = xml_element(path.read_bytes())
        except XmlError:
            continue
        assert len("".join(root.itertext())) < 1_000, path.name


@pytest.mark.parametrize("name", ["utv-8", "u", "utf-7", "shift_jis", "idna"])
def test_threat_06_an_odd_encoding_is_a_reject(name: str) -> None:
    head = f'<?xml version="1.0" encoding="{name}"?>'.encode()
    with contextlib.suppress(ValueError):
        xml_element(head + b"<a>b</a>")
    with contextlib.suppress(ImageError):
        _require_closed(head + b"<svg/>", LIMITS)


def svg(body: str, head: str = "") -> bytes:
    return (
        f"{head}<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink'"
        f" width='40' height='30'><rect width='40' height='30' fill='#c81e1e'/>{body}</svg>"
    ).encode()


def hostile_drawings(canary: Path, knocks: Knocks) -> dict[str, bytes]:
    """Return drawings that ask for something outside."""
    file, url = f"file://{canary}", f"{knocks.url}/x.png"
    return {
        "entity": svg("<text>&x;</text>", f"<!DOCTYPE svg [<!ENTITY x SYSTEM '{file}'>]>"),
        "file": svg(f"<image href='{file}' width='9' height='9'/>"),
        "path": svg(f"<image xlink:href='{canary}' width='9' height='9'/>"),
        "address": svg(f"<image href='{url}' width='9' height='9'/>"),
        "use": svg(f"<use xlink:href='{url}#a'/>"),
        "drawing inside": svg("<image href='data:image/svg+xml;base64,PHN2Zy8+' width='9'/>"),
        "import": svg(f"<style>@import '{url}';</style>"),
        "style": svg(f"<rect style='fill:url({url}#a)' width='9' height='9'/>"),
        "filter": svg(f"<filter id='f'><feImage href='{file}'/></filter>"),
    }


def test_threat_06_a_drawing_touches_no_file_and_no_address(canary: Path) -> None:
    pytest.importorskip("resvg_py", reason="needs cauldron[svg]")
    with listening() as knocks:
        for name, data in hostile_drawings(canary, knocks).items():
            with pytest.raises(ImageError) as caught:
                painted(data)
            assert caught.value.reason == "svg_unsafe", name
        assert knocks.count == 0
        with socket.create_connection(("127.0.0.1", knocks.port)):
            time.sleep(0.2)
        assert knocks.count == 1  # the port would have told


def test_threat_06_a_harmless_drawing_is_painted_and_a_bomb_is_not() -> None:
    pytest.importorskip("resvg_py", reason="needs cauldron[svg]")
    harmless = svg("<a href='https://h.example/'><circle r='5'/></a><use href='#x'/>")
    facts = inspect(painted(harmless))
    assert looks_like_svg(harmless) and (facts.format, facts.width, facts.height) == ("PNG", 40, 30)
    doubled = "<g id='g0'/>" + "".join(
        f"<g id='g{n}'>" + f"<use href='#g{n - 1}'/>" * 10 + "</g>" for n in range(1, 9)
    )
    for bomb in (
        svg("").replace(b"width='40'", b"width='400000'", 1),
        svg("<g>" * 100_000),
        svg(doubled.replace("<g id='g0'/>", "<rect id='g0' width='9' height='9'/>")),
        svg("<use id='x' href='#x'/>") + b"junk",
    ):
        start = time.monotonic()
        with pytest.raises(ImageError) as caught:
            painted(bomb)
        assert caught.value.reason in ("svg_unsafe", "svg_unreadable", "image_too_large")
        assert time.monotonic() - start < LIMITS.max_svg_s + 2


def test_threat_06_drawings_are_painted_only_where_asked(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py", reason="needs cauldron[svg]")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.svg").write_bytes(svg(""))
    (tmp_path / "raw" / "a.jsonl").write_text('{"image": "a.svg"}\n')
    own = "name: drawn\nimages: '{image}'\nturns: [{user: 'What?', assistant: Red.}]\n"
    ends = []
    for more in ("", "svg: true\n"):
        (tmp_path / "own.yaml").write_text(own + more)
        work = tmp_path / f"work{len(ends)}"
        done = cauldron(
            "ingest", tmp_path / "own.yaml", tmp_path / "raw", "-o", work, "--json",
            "--max-rejects", "1", "--workers", 1,
        )  # fmt: skip
        told(done, 0)
        ends.append(orjson.loads(done.stdout)["reasons"]["quarantined"])
    assert ends == [{"image_not_identified": 1}, {}]


HOSTILE_PAGES = {
    "deep": b"<div>" * 200_000 + b"text",
    "wide": b"<p>word" * 200_000,
    "long_attribute": b"<p title='" + b"x" * 5_000_000 + b"'>text",
    "unclosed": b"<!--" * 100_000 + b"text",
    "entities": b"&amp;&#x41;&#99999999;" * 100_000,
    "tables": b"<table><tr><td>" * 20_000,
    "zeros": b"<p>some words\x00and more of them</p>" * 10_000,
}


@pytest.mark.parametrize("name", sorted(HOSTILE_PAGES))
def test_threat_07_a_page_costs_bounded_time(name: str) -> None:
    start = time.process_time()
    page = read_page(HOSTILE_PAGES[name], path="p.html")
    assert time.process_time() - start < 5
    assert sum(len(part) for part in page.parts if isinstance(part, str)) < 10_000_000


def test_threat_07_a_page_over_the_limit_is_refused() -> None:
    with pytest.raises(Exception, match="too_large"):
        read_page(b"<p>" + b"x" * (LIMITS.max_html_bytes + 1), path="p.html")


def test_threat_07_scripts_are_never_kept(slices: Path) -> None:
    scripts = (
        "<script>CANARY()</script><style>CANARY{}</style><template>CANARY</template>"
        "<noscript>CANARY</noscript><iframe srcdoc='CANARY'>CANARY</iframe>"
        "<object data='CANARY'></object><svg><script>CANARY</script></svg>"
        "<p onclick='CANARY()'>kept <a href='javascript:CANARY()'>words</a></p>"
    )
    page = read_page(f"<p>first</p>{scripts}".encode(), path="p.html")
    shown = repr(page.parts)
    assert "kept words" in shown and "CANARY" not in shown
    payloads = orjson.loads((slices / "bad_inputs" / "html" / "xss_payloads.json").read_bytes())
    for payload in payloads:
        page = read_page(f"<p>first</p>{payload}".encode("utf-8", "replace"), path="p.html")
        for part in page.parts:
            assert isinstance(part, str) or not any(
                a.lower().startswith(("javascript:", "data:")) for a in part.addresses
            )
