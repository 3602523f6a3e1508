"""Turns merged and paragraphs taken out: decisions say so, shards hold it, samples stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from cauldron import curation, mixing
from cauldron.curate.dedup import DedupSettings
from cauldron.engine.local import LocalEngine
from cauldron.lineage import explain
from cauldron.mixture.settings import MixSettings
from cauldron.sample import SAMPLE_SCHEMA, document_messages
from cauldron.storage import work as places
from cauldron.storage.shards import write_shard
from tests.curate.test_dedup import drops, scene, work_of


def mixed(place: str) -> list[dict[str, Any]]:
    """Return the samples of the shards of a mixture."""
    with LocalEngine(0) as engine:
        mixing.mix(engine, place, MixSettings(), name="m", materialize=True)
    shards = sorted(Path(place, "mixture", "m", "shards").glob("*.parquet"))
    return [row for shard in shards for row in pq.read_table(shard).to_pylist()]


def said(sample: dict[str, Any]) -> list[str]:
    return [p["text"] for m in sample["messages"] for p in m["content"] if p["type"] == "text"]


QUESTIONS = [
    ("What is it?", "A disc.", scene(1)),
    ("Where is it?", "There.", scene(1)),
    ("what  is it?", "A disc.", scene(1)),
    ("Who?", "Me.", scene(2)),
]


def test_questions_about_one_picture_become_turns_of_one_sample(tmp_path: Path) -> None:
    place = work_of(tmp_path, "vqav2", QUESTIONS)
    found = curation.dedup_samples(place, DedupSettings(merge=True))
    assert found["rewritten"] == 1
    into = "into:vqav2/train/0"
    assert drops(place, "dedup", "vqav2")["1"] == ("merged", into)
    first, other = mixed(place)
    assert said(first) == ["What is it?", "A disc.", "Where is it?", "There."]
    kinds = [p["type"] for m in first["messages"] for p in m["content"]]
    assert kinds == ["image", "text", "text", "text", "text"]
    assert len(first["images"]) == 1
    assert orjson.loads(first["extra"])["merged"] == ["vqav2/train/1"]
    assert said(other) == ["Who?", "Me."]
    assert explain(place, "vqav2/train/0")["duplicates"]["dropped"] == 2


def test_a_mixture_counts_the_turns_of_merged_samples(tmp_path: Path) -> None:
    place = work_of(tmp_path, "vqav2", QUESTIONS)
    curation.dedup_samples(place, DedupSettings(merge=True))
    mixed(place)
    manifest = orjson.loads(Path(place, "mixture", "m", "manifest.json").read_bytes())
    assert (manifest["sources"][0]["samples"], manifest["sources"][0]["turns"]) == (2, 3)


def test_merging_off_leaves_nothing_behind(tmp_path: Path) -> None:
    place = work_of(tmp_path, "vqav2", QUESTIONS)
    curation.dedup_samples(place, DedupSettings(merge=True))
    curation.dedup_samples(place, DedupSettings())
    assert len(mixed(place)) == 3


def pages(folder: Path, told: list[tuple[str, str]]) -> str:
    """Write documents of (address, text) and measure them."""
    rows = [
        {
            "id": f"html/train/{number}",
            "source": "html",
            "messages": document_messages((text,)),
            "images": [],
            "license": "CC0-1.0",
            "origin": {"file": "f", "record": str(number)},
            "extra": orjson.dumps({"url": url}).decode(),
        }
        for number, (url, text) in enumerate(told)
    ]
    table = pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)
    write_shard(places.samples(str(folder), "html", "part-00000"), [table], SAMPLE_SCHEMA)
    with LocalEngine(0) as engine:
        curation.measure(engine, str(folder))
    return str(folder)


def test_a_paragraph_that_a_site_repeats_leaves_its_pages(tmp_path: Path) -> None:
    notice = "Subscribe to our letter and never miss a thing again."
    told = [(f"https://a.org/{n}", f"Page {n} is about {n}.\n\n{notice}") for n in range(3)]
    told += [("https://b.org/1", f"Another page.\n\n{notice}"), ("https://a.org/9", notice)]
    place = pages(tmp_path, told)
    settings = DedupSettings(paragraphs=3, text="off")
    assert curation.dedup_samples(place, settings)["rewritten"] == 3
    assert drops(place, "dedup", "html")["4"][0] == "repeated_paragraphs"
    texts = [said(sample)[0] for sample in mixed(place)]
    assert texts == [*(f"Page {n} is about {n}." for n in range(3)), told[3][1]]


def test_a_paragraph_seen_twice_stays(tmp_path: Path) -> None:
    told = [(f"https://a.org/{n}", f"Page {n}.\n\nSeen twice.") for n in range(2)]
    place = pages(tmp_path, told)
    curation.dedup_samples(place, DedupSettings(paragraphs=3, text="off"))
    assert [said(sample)[0] for sample in mixed(place)] == [text for _, text in told]
