"""Mixtures without bytes come back to the byte, whatever was changed in their samples."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.curate.test_dedup import scene
from tests.sources.test_options import pdf

RECIPE = """
schema_version: 1
name: small
ingest:
  - {source: asks.yaml, raw: [raw/asks], split: validation}
  - {source: asks.yaml, raw: [raw/asks]}
  - {source: more.yaml, raw: [raw/more]}
  - {source: html, raw: [raw/pages]}
rules:
  rules:
    - {name: image_too_small, signal: image_width, min: 50, images: each}
    - {name: too_long, signal: chars, max: 100000}
lists: {block: [block.txt]}
dedup: {merge: true, paragraphs: 3, text: "off", images: "off"}
mix: {validation: {share: 0.2}, materialize: MATERIALIZE}
"""
HIDDEN = ("asks", "more", "html")


def asked(folder: Path, name: str, question: str, files: str, pictures: int) -> None:
    """Write a source of two questions on each picture, and its description."""
    raw = folder / "raw" / name
    raw.mkdir(parents=True)
    for split, first in (("train", 1), ("validation", 40)):
        records = []
        for number in range(first, first + pictures):
            (raw / f"{number}.png").write_bytes(scene(number))
            records += [
                {"image": f"{number}.png", "q": f"{question} {k}?", "a": f"{name} {number} {k}"}
                for k in range(2)
            ]
        (raw / f"{split}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    (folder / f"{name}.yaml").write_text(
        f"name: {name}\nlicense: LicenseRef-own\nfiles: {files}\nimages: '{{image}}'\n"
        "turns:\n  - {user: '{q}', assistant: '{a}'}\n"
    )


def pages(folder: Path, number: int) -> None:
    """Write pages with a large and a small picture, and a notice that all of them repeat."""
    raw = folder / "raw" / "pages"
    raw.mkdir(parents=True)
    (raw / "small.png").write_bytes(_small())
    for page in range(number):
        (raw / f"large{page}.png").write_bytes(scene(page + 70))
        told = " ".join(
            f"Page {page} tells of the river Nº {k} and of its bridge." for k in range(9)
        )
        (raw / f"page{page}.html").write_text(
            f"<html><body><h1>Rivers {page}</h1><p>{told}</p><img src='small.png'>"
            f"<p>Between: {told}</p><img src='large{page}.png' alt='a bridge'>"
            "<p>Subscribe to our letter and never miss a single thing about rivers again.</p>"
            "</body></html>"
        )


def _small() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 60), (9, 99, 199)).save(out, "PNG")
    return out.getvalue()


def cauldron(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cauldron", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


def done(*arguments: str | Path) -> dict[str, Any]:
    run = cauldron(*arguments, "--json")
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw data and two mixtures of it: `shards/` and, only naming rows, `selection/`."""
    folder = tmp_path_factory.mktemp("rebuild")
    asked(folder, "asks", "What", "{train: train.jsonl, validation: validation.jsonl}", 8)
    asked(folder, "more", "Where", "train.jsonl", 5)
    pages(folder, 8)
    (folder / "block.txt").write_text("more/train/3.png\nhtml/train/page2.html\n")
    for name, shards in (("shards", "true"), ("selection", "false")):
        recipe = folder / f"{name}.yaml"
        recipe.write_text(RECIPE.replace("MATERIALIZE", shards))
        done("run", recipe, "-o", folder / name, "--workers", "1")
    return folder


def mixture(home: Path, name: str) -> Path:
    return home / name / "mixture" / "small"


def hide(names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        yield from ("--without-bytes", name)


def raw(home: Path, *names: str) -> Iterator[str]:
    for name in names:
        folder = "pages" if name == "html" else name
        yield from ("--raw", f"{name}={home / 'raw' / folder}")


def data(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.glob("data/**/*.parquet")}


@pytest.mark.parametrize("form", ["samples", "trl", pytest.param("hub", marks=pytest.mark.slow)])
def test_samples_that_were_changed_come_back_to_the_byte(
    home: Path, tmp_path: Path, form: str
) -> None:
    out, stage = tmp_path / "out", tmp_path / "stage"
    more = ("--form", form, "--stage", stage)
    told = done("publish", mixture(home, "shards"), out, *hide(HIDDEN), *more)
    assert set(told["without_bytes"]) == set(HIDDEN) and not data(out)
    back = done("rebuild", out, "-o", tmp_path / "back", *raw(home, *HIDDEN))
    assert set(back["sources"].values()) == {"rebuilt"}
    assert data(tmp_path / "back") == data(stage / form) != {}
    for place in (out, tmp_path / "back"):
        checked = cauldron("verify", place)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_ids_say_what_was_changed_without_a_word_of_it(home: Path, tmp_path: Path) -> None:
    done("publish", mixture(home, "shards"), tmp_path / "out", *hide(HIDDEN))
    files = sorted((tmp_path / "out" / "ids").rglob("*.parquet"))
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    pages = [row for row in rows if row["source"] == "html"]
    assert len(pages) == 7
    assert all(row["images_left_out"] == [0] and row["paragraphs_left_out"] for row in pages)
    merged = [place["id"] for row in rows for place in row["merged"] or ()]
    assert {name.split("/")[0] for name in merged} == {"asks", "more"}
    assert not any(b"bridge" in file.read_bytes() for file in files)


def test_a_selection_is_published_as_its_shards_would_be(home: Path, tmp_path: Path) -> None:
    for name in ("shards", "selection"):
        given = (*hide(HIDDEN), "--stage", tmp_path / f"{name}-stage")
        done("publish", mixture(home, name), tmp_path / name, *given)
    stages = [tmp_path / f"{name}-stage" / "samples" for name in ("shards", "selection")]
    assert data(stages[0]) == data(stages[1]) != {}
    ids = [
        {p.name: p.read_bytes() for p in sorted((tmp_path / name).rglob("ids/asks/*.parquet"))}
        for name in ("shards", "selection")
    ]
    assert ids[0] == ids[1] != {}


def test_training_from_a_selection_of_changed_samples_asks_for_shards(home: Path) -> None:
    run = cauldron("bench-loader", mixture(home, "selection"), "--seconds", "1")
    assert run.returncode != 0
    assert "--materialize" in run.stderr and "Traceback" not in run.stderr


def test_a_source_with_turns_of_a_hidden_one_is_not_published_whole(
    home: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("schema_version: 1\nname: x\npublish: {redistribute: [asks, html]}\n")
    given = ("--recipe", recipe, "--without-bytes", "more", "--dry-run")
    run = cauldron("publish", mixture(home, "shards"), tmp_path / "out", *given)
    assert run.returncode == 3
    assert "samples of asks hold turns merged from more" in run.stderr


def test_what_is_merged_from_a_source_needs_its_raw_data(home: Path, tmp_path: Path) -> None:
    done("publish", mixture(home, "shards"), tmp_path / "out", *hide(HIDDEN))
    run = cauldron("rebuild", tmp_path / "out", "-o", tmp_path / "b", *raw(home, "asks", "html"))
    assert run.returncode == 2 and "no raw data named for: more" in run.stderr


def test_a_changed_page_is_named_when_rebuilding(home: Path, tmp_path: Path) -> None:
    done("publish", mixture(home, "shards"), tmp_path / "out", *hide(HIDDEN))
    copy = tmp_path / "pages"
    copy.mkdir()
    for file in (home / "raw" / "pages").iterdir():
        text = file.read_bytes()
        (copy / file.name).write_bytes(
            text.replace(b"Rivers 5", b"Rivers 6") if file.name == "page5.html" else text
        )
    places = (*raw(home, "asks", "more"), "--raw", f"html={copy}")
    run = cauldron("rebuild", tmp_path / "out", "-o", tmp_path / "back", *places)
    assert run.returncode == 3
    assert "html/train/page5" in run.stderr and "its text differs" in run.stderr


def test_the_card_tells_filters_and_what_was_changed(home: Path, tmp_path: Path) -> None:
    done("publish", mixture(home, "shards"), tmp_path / "out", *hide(HIDDEN))
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| too\\_long | chars at most 100000 | 0 |" in card
    assert "- html: 7 pictures left out, 7 repeated paragraphs left out" in card
    assert "samples merged into others on the same pictures" in card
    licences = (tmp_path / "out" / "LICENSES.md").read_text()
    assert "some samples hold turns merged from more" in licences
    assert "- licence: LicenseRef-own" in licences


@pytest.mark.slow
def test_a_password_is_published_nowhere_and_asked_for_when_rebuilding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.pdf").write_bytes(pdf("Hidden text.", password="tulip-8841"))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "schema_version: 1\nname: small\nrules: {rules: []}\nmix: {validation: {share: 0}}\n"
        "ingest: [{source: pdf, raw: [raw], options: {password: tulip-8841}}]\n"
    )
    work, out = tmp_path / "work", tmp_path / "out"
    done("run", recipe, "-o", work, "--workers", "1")
    done("publish", work / "mixture" / "small", out, "--without-bytes", "pdf")
    told = json.loads((out / "manifest.json").read_text())
    for place in (told["ingest"][0], told["recipe"]["ingest"][0]):
        assert place["options"]["password"] == "$PDF_PASSWORD"
    again = ("rebuild", out, "-o", tmp_path / "back", "--raw", f"pdf={tmp_path / 'raw'}")
    run = cauldron(*again)
    assert run.returncode == 2 and "the environment has no $PDF_PASSWORD" in run.stderr
    monkeypatch.setenv("PDF_PASSWORD", "tulip-8841")
    assert done(*again)["sources"] == {"pdf": "rebuilt"}


def test_a_damaged_copy_is_told_and_fetched_again(home: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "schema_version: 1\nname: x\npublish: {redistribute: [asks, more], without_bytes: [html]}\n"
    )
    out = tmp_path / "out"
    done("publish", mixture(home, "shards"), out, "--recipe", recipe)
    damaged = next((out / "data" / "asks").iterdir())
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-9] + b"damaged!!")
    again = ("rebuild", out, "-o", tmp_path / "back", *raw(home, "html"))
    run = cauldron(*again)
    assert run.returncode == 3 and "is not what was published" in run.stderr
    assert not (tmp_path / "back" / damaged.relative_to(out)).exists()
    damaged.write_bytes(whole)
    done(*again)
    assert (tmp_path / "back" / damaged.relative_to(out)).read_bytes() == whole
