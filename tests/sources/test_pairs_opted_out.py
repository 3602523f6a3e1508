"""Pairs on an opt-out list are passed by: by domain, address or hash, in lists and downloads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson
import pytest

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.storage.shards import read_table
from cauldron.storage.work import samples
from tests.conftest import picture

RED, GREEN, BLUE = picture((9, 0, 0)), picture((0, 9, 0)), picture((0, 0, 9))


def ingest(tmp_path: Path, source: str, *entries: str) -> tuple[dict[str, Any], list[str]]:
    """Return why pairs were skipped, and the captions of the others."""
    (tmp_path / "list.txt").write_text("".join(f"{entry}\n" for entry in entries))
    work = str(tmp_path / "work")
    options = {"opt_out": str(tmp_path / "list.txt")}
    with LocalEngine(1) as engine:
        found = steps.ingest(engine, work, source, [str(tmp_path / "raw")], options=options)
    rows = read_table(samples(work, source, "part-00000"), ["messages"]).to_pylist()
    captions = [row["messages"][0]["content"][1]["text"] for row in rows]
    return found["counts"]["reasons"]["skipped"], captions


def raw_pairs(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    pairs = [
        {"image": "red.png", "url": "https://a.example/red.png", "caption": "Red."},
        {"image": "green.png", "url": "https://b.example/green.png", "caption": "Green."},
        {"image": "blue.png", "caption": "Blue."},
    ]
    (raw / "train.jsonl").write_bytes(b"\n".join(map(orjson.dumps, pairs)))
    for name, payload in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        (raw / f"{name}.png").write_bytes(payload)


def test_a_list_of_pairs_loses_those_of_a_domain_and_of_a_hash(tmp_path: Path) -> None:
    raw_pairs(tmp_path)
    hashed = f"sha256:{hashlib.sha256(BLUE).hexdigest()}"
    assert ingest(tmp_path, "pairs", "example.org", "b.example", hashed) == (
        {"opted_out": 2},
        ["Red."],
    )


def download(tmp_path: Path) -> None:
    raw = tmp_path / "raw" / "00000"
    raw.mkdir(parents=True)
    for number, payload in enumerate((RED, GREEN, BLUE)):
        url = f"https://a.example/{number}.png"
        told = {"caption": f"Number {number}.", "url": url, "key": f"{number}", "status": "success"}
        (raw / f"{number}.json").write_bytes(orjson.dumps(told))
        (raw / f"{number}.txt").write_text(f"Number {number}.")
        (raw / f"{number}.png").write_bytes(payload)


@pytest.mark.parametrize(
    "entry", ["http://a.example/1.png", f"sha256:{hashlib.sha256(GREEN).hexdigest()}"]
)
def test_a_download_loses_what_is_listed(tmp_path: Path, entry: str) -> None:
    download(tmp_path)
    found = ingest(tmp_path, "laion_coco", entry)
    assert found == ({"opted_out": 1}, ["Number 0.", "Number 2."])
