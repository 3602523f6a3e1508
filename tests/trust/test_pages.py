"""Threats 12 to 15: text of strangers in pages, cards, tables and on terminals."""

from __future__ import annotations

import html
import html.parser
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from cauldron.cli.main import app
from cauldron.evaluate.benchmarks.base import Item
from cauldron.evaluate.runs.page import write_page
from cauldron.publish.escape import block, inline, table
from cauldron.report import write_report
from tests.trust.commands import cauldron, told
from tests.trust.pictures import encoded
from tests.trust.verbs import end_of

OWN_PAYLOADS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</title><script>x</script>",
    "<svg/onload=alert(1)>", "\"><iframe src='https://evil.example/'>", "javascript:alert(1)",
    "' onmouseover='alert(1)", "{{7*7}}{% include '/etc/passwd' %}", "<style>@import'//e.example'",
    "</style><base href='https://evil.example/'>", "<meta http-equiv=refresh content='0;//e.ex'>",
    "<form action=https://evil.example><button>", "](javascript:alert(1))",
    "---\nlicense: mit\n---", "</script><!--", "data:text/html,<script>alert(1)</script>",
    "\u202e<b>", "a\x00b<i>",
]  # fmt: skip
ACTIVE = {
    "script",
    "iframe",
    "object",
    "embed",
    "base",
    "form",
    "link",
    "frame",
    "applet",
    "portal",
}
ADDRESSES = {
    "src",
    "href",
    "action",
    "formaction",
    "data",
    "srcset",
    "poster",
    "background",
    "ping",
}


class Live(html.parser.HTMLParser):
    """Collects what a page would run, or ask for outside."""

    def __init__(self, allowed_scripts: int) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.scripts = 0
        self.allowed_scripts = allowed_scripts

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.scripts += 1
            own = all(
                name == "defer" or (name, value) == ("src", "/view.js") for name, value in attrs
            )
            if not own or self.scripts > self.allowed_scripts:
                self.found.append(f"<script {attrs}>")
        elif tag in ACTIVE and not self._own(tag, attrs):
            self.found.append(f"<{tag} {attrs}>")
        for name, value in attrs:
            outside = re.match(r"\s*([a-z][a-z0-9+.-]*:|//)", value or "", re.I)
            if name.startswith("on") or (name in ADDRESSES and outside):
                self.found.append(f"{tag} {name}={value}")
            if name == "style" and re.search(r"url\(|expression|import", value or "", re.I):
                self.found.append(f"{tag} style={value}")

    def _own(self, tag: str, attrs: list[tuple[str, str | None]]) -> bool:
        told = dict(attrs)
        inside = not re.match(r"([a-z]+:|//)", told.get("href") or told.get("action") or "")
        return tag in ("form", "link") and inside


def live_in(page: str, scripts: int = 1) -> list[str]:
    """Return what of a page is live besides its own script."""
    parser = Live(scripts)
    parser.feed(page)
    parser.close()
    return parser.found


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Payloads and naughty strings: of the real sets where they are there, and own ones."""
    bad = Path(__file__).parents[3] / "shared" / "samples" / "bad_inputs"
    found = list(OWN_PAYLOADS)
    for name in ("html/xss_payloads.json", "text/naughty_strings.json"):
        if (bad / name).is_file():
            found += json.loads((bad / name).read_bytes())
    return [text for text in found if text.strip()]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Path:
    """A work folder whose questions, answers, keys, file and picture names are payloads."""
    root = tmp_path_factory.mktemp("hostile")
    raw = root / "raw"
    raw.mkdir()
    rows = []
    for number, text in enumerate(texts):
        exif = Image.Exif()
        exif[0x010E] = exif[0x013B] = text.encode("ascii", "replace").decode()
        noise = Image.new("RGB", (64, 48), (number % 256, 40, number * 7 % 256))
        name = "".join(c for c in text if c not in "/\x00")[:40].encode("utf-8", "replace").decode()
        name = f"{number}{name}.jpg"
        (raw / name).write_bytes(encoded(noise, "JPEG", exif=exif))
        rows.append({"image": name, "q": text, "a": text, "k": f"{number}{text}", "more": text})
    name = "<script>alert(1)<'%2fscript>.jsonl"
    (raw / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    own = {
        "name": "hostile", "license": "<script>alert(1)</script>", "images": "{image}",
        "key": "{k}", "keep": ["more"], "turns": [{"user": "{q}", "assistant": "{a}"}],
    }  # fmt: skip
    (root / "own.yaml").write_text(yaml.safe_dump(own))
    work = root / "work<script>x"
    rules = "rules: [{name: answer_short, signal: answer_chars, min: 12}]\n"
    (root / "rules.yaml").write_text(rules)
    (root / "mix.yaml").write_text("schema_version: 1\nname: small\nmix: {}\n")
    for line in (
        ["ingest", root / "own.yaml", raw, "-o", work, "--max-rejects", "1", "--workers", 1],
        ["measure", work, "--workers", 1],
        ["filter", work, "--rules", root / "rules.yaml", "--workers", 1],
        ["mix", work, "--recipe", root / "mix.yaml", "--materialize", "--workers", 1],
    ):
        code, said = end_of([str(word) for word in line])
        assert code == 0, said
    return work


def test_threat_12_the_report_is_dead(hostile: Path, texts: list[str]) -> None:
    page = Path(write_report(str(hostile))).read_text("utf-8")
    assert live_in(page) == []
    assert "&lt;script&gt;" in page and "default-src 'none'" in page
    assert all(re.fullmatch(r"[0-9a-f]+\.jpg", p.name) for p in hostile.glob("report/thumbs/*"))


def test_threat_12_the_viewer_is_dead(hostile: Path) -> None:
    pytest.importorskip("starlette", reason="needs cauldron[view]")
    command = [sys.executable, "-m", "cauldron", "view", str(hostile), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        url = next(line.split()[0] for line in server.stderr if line.startswith("http")).rstrip("/")
        try:
            first = fetched(f"{url}/")
            links = sorted(set(re.findall(r'href="(/sample[^"]*)"', first)))
            assert len(links) >= 5
            for page in (first, *(fetched(url + html.unescape(link)) for link in links[:8])):
                assert live_in(page, scripts=9) == [] and not re.search(r"<script>[^<]", page)
        finally:
            server.terminate()


def fetched(url: str) -> str:
    """Return a page of the viewer, which must forbid all that is not its own."""
    with urllib.request.urlopen(url) as answer:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        page: str = answer.read().decode()
        return page


def test_threat_12_pages_of_evaluation_are_dead(texts: list[str], tmp_path: Path) -> None:
    rows = [
        {"id": f"{n}{t}", "prompt": t, "answer": t, "parsed": t, "references": [t, t], "score": 0.0}
        for n, t in enumerate(texts)
    ]
    bad = "<script>alert(1)</script>"
    summary = {
        "title": bad, "model": bad, "protocol": bad, "mean": 0.5, "metric": bad, "program": bad,
        "n": 1, "unparsed": 0, "extra": {bad: bad}, "categories": {bad: {bad: {"n": 1, "mean": 1}}},
        "settings": {"split": bad, "shots": 0, "max_new_tokens": 1, "prompt": bad},
    }  # fmt: skip
    items = [Item(id=row["id"], question="", images=(), references=()) for row in rows]
    write_page(str(tmp_path), summary, rows, [row["id"] for row in rows], items)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert live_in(page, scripts=0) == [] and page.count("&lt;script") > len(texts) / 9


def test_threat_13_the_card_says_what_it_should(hostile: Path, tmp_path: Path) -> None:
    manifest = hostile / "mixture" / "small"
    place = tmp_path / "published"
    done = cauldron("publish", manifest, place, "--json")
    if done.returncode == 3:  # an unknown licence: ids only
        done = cauldron("publish", manifest, place, "--json", "--without-bytes", "hostile")
    told(done, 0)
    card = (place / "README.md").read_text("utf-8")
    _, head, body = card.split("---\n", 2)
    parsed = yaml.safe_load(head)
    assert parsed["license"] in ("other", "unknown") and "<script" not in body
    for page in (body, (place / "LICENSES.md").read_text("utf-8")):
        plain = re.sub(r"```.*?```", "", page, flags=re.S)
        assert live_in(plain, scripts=0) == [] and "](javascript:" not in plain
    orjson.loads((place / "croissant.json").read_bytes())


def test_threat_13_naughty_strings_round_trip_through_yaml_and_markdown(texts: list[str]) -> None:
    for text in texts:
        clean = text.encode("utf-8", "replace").decode()
        assert yaml.safe_load(yaml.safe_dump({"a": clean}, allow_unicode=True)) == {"a": clean}
        shown = inline(clean)
        assert "\n" not in shown and "<" not in shown and live_in(shown, scripts=0) == []
        words = " ".join("".join(c if c.isprintable() else " " for c in clean).split())
        assert html.unescape(re.sub(r"\\([\\`*_{}\[\]()#+!|~$@])", r"\1", shown)) == words
        assert table(["a", "b"], [[clean, 1]]).count("\n") == 2
        fenced = block(clean)
        fence = re.match(r"`+", fenced)[0]  # type: ignore[index]
        assert fenced.endswith(f"\n{fence}") and fenced[len(fence) : -len(fence)].find(fence) < 0


def test_threat_14_no_verb_writes_a_spreadsheet() -> None:
    """Cells that begin with = + - @ or a tab would act in one; nothing here writes CSV."""
    package = Path(__file__).parents[2] / "cauldron"
    writes = re.compile(r"csv\.(Dict)?[wW]riter|write_csv|to_csv|\"--csv\"")
    found = [p for p in package.rglob("*.py") if "demo" not in p.parts]
    assert [p.name for p in found if writes.search(p.read_text("utf-8"))] == []


CONTROL = {chr(n) for n in (*range(32), *range(0x7F, 0xA0))} - set("\n")
TURNS = {chr(n) for n in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


@pytest.mark.parametrize("verb", ["show", "stats", "verify", "report", "why"])
def test_threat_15_no_verb_drives_the_terminal(verb: str, hostile: Path) -> None:
    more = {"show": ["-n", "400"]}.get(verb, [])
    if verb == "why":
        row = orjson.loads(spoken(["show", hostile, "-n", 50, "--json"]))["samples"]
        more = [next(r["id"] for r in row if "script" in r["id"])]
    shown = spoken([verb, hostile, *more])
    assert len(shown) > 50 and not set(shown) & (CONTROL | TURNS), set(shown) & (CONTROL | TURNS)


def spoken(line: list[Any]) -> str:
    """Return all that a verb says."""
    done = CliRunner().invoke(app, [str(word) for word in line])
    assert done.exit_code in (0, 2, 3, 4), done.output
    return done.output


def test_threat_15_an_error_does_not_drive_the_terminal(tmp_path: Path) -> None:
    name = "a\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202eb"
    for line in (["show", tmp_path / name], ["stats", name], ["run", f"{name}.yaml", "-o", name]):
        shown = spoken(line)
        assert not set(shown) & (CONTROL | TURNS) and "owned" in shown
