"""Turns merged and paragraphs taken out: decisions say so, shards hold it, samples stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cauldron import curation, mixing
from cauldron.curate.dedup import DedupSettings
from cauldron.curate.edits import (
    Edit,
    Place,
    edits_of,
    packed,
    unpacked,
    with_sizes,
    words_of,
    write_changes,
)
from cauldron.curate.paragraphs_left_out import paragraphs, without_paragraphs
from cauldron.curate.turns_merged import exchanges, joined
from cauldron.engine.local import LocalEngine
from cauldron.errors import CheckError
from cauldron.lineage import explain
from cauldron.mixture.settings import MixSettings
from cauldron.sample import SAMPLE_SCHEMA, Turn, chat_messages, document_messages
from cauldron.storage import work as places
from cauldron.storage.shards import write_shard, write_table
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


def chat(
    *said: tuple[str, str], pictures: int = 0, n: int = 0, extra: Any = None
) -> dict[str, Any]:
    turns = tuple(Turn(user=user, assistant=assistant) for user, assistant in said)
    told = orjson.dumps(extra).decode() if extra is not None else ""
    return {"id": f"x/{n}", "messages": chat_messages(pictures, turns), "extra": told}


def test_turns_of_several_samples_are_joined_once_each_with_what_is_told_of_them() -> None:
    turns = [{"k": 1}, {"k": 2}]
    first = chat(("What?", "A"), ("Who?", "B"), pictures=2, extra={"a": 1, "turns": turns})
    second = chat(("what?", " A"), ("What?", "C"), pictures=2, n=1, extra=["no mapping"])
    third = chat(("Why?", "D"), ("Who?", "B"), n=2, extra={"turns": [{"k": 3}]})
    found = joined([first, second, third])
    assert said({"messages": found["messages"]}) == [
        "What?",
        "A",
        "Who?",
        "B",
        "What?",
        "C",
        "Why?",
        "D",
    ]
    kinds = [[p["type"] for p in m["content"]] for m in found["messages"]]
    assert kinds == [["image", "image", "text"]] + [["text"]] * 7
    assert orjson.loads(found["extra"]) == {
        "a": 1, "merged": ["x/1", "x/2"], "turns": [{"k": 1}, {"k": 2}, None, {"k": 3}]
    }  # fmt: skip
    plain = joined([chat(("a", "b")), chat(("c", "d"), n=1, extra={"turns": 5})])
    assert orjson.loads(plain["extra"]) == {"merged": ["x/1"]}


def test_an_exchange_is_a_question_with_all_that_follows() -> None:
    messages = chat(("a", "b"), ("c", "d"), pictures=1)["messages"]
    system = {"role": "system", "content": []}
    told = [[m["role"] for m in turn] for turn in exchanges([system, *messages[:3]])]
    assert told == [["system"], ["user", "assistant"], ["user"]]
    assert list(exchanges([])) == []


def test_paragraphs_leave_by_number_over_all_texts() -> None:
    image = {"type": "image", "text": None}
    texts = ["one\n\ntwo \n \n three", "four", "five\n\n"]
    content = [{"type": "text", "text": texts[0]}, image, {"type": "text", "text": texts[1]}]
    messages = [
        {"role": "user", "content": content},
        {"role": "assistant", "content": [{"type": "text", "text": t} for t in (texts[2], None)]},
    ]
    assert list(paragraphs(messages)) == ["one", "two ", " three", "four", "five", "", ""]

    def left(*gone: int) -> list[list[str | None]]:
        made = without_paragraphs(messages, set(gone))
        assert [m["role"] for m in made] == ["user", "assistant"]
        return [[part["text"] for part in message["content"]] for message in made]

    assert left() == [[texts[0], None, texts[1]], [texts[2]]]
    assert left(1) == [["one\n\n three", None, "four"], [texts[2]]]
    assert left(3, 0) == [["two \n\n three", None], [texts[2]]]
    assert left(0, 1, 2, 4) == [[None, "four"], []]
    assert left(5) == [[texts[0], None, "four"], ["five"]]


def stored(folder: Path, parts: dict[str, list[str]]) -> None:
    """Write samples with these ids, by part."""
    for part, ids in parts.items():
        rows = [
            {
                "id": i, "source": "x", "messages": document_messages((f"text of {i}",)),
                "images": [], "license": "", "origin": {"file": "", "record": ""}, "extra": "",
            }
            for i in ids
        ]  # fmt: skip
        table = pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)
        write_shard(places.samples(str(folder), "x", part), [table], SAMPLE_SCHEMA)


def test_words_are_taken_where_the_edit_says_else_sought_in_the_source(tmp_path: Path) -> None:
    stored(tmp_path, {"part-0": ["a", "b"], "part-1": ["c", "d", "e"]})

    def words(*named: tuple[str, int, str]) -> dict[str, str]:
        merged = tuple(Place("x", *place) for place in named)
        found = words_of(str(tmp_path), [None, Edit(merged=merged[:1]), Edit(merged=merged[1:])])
        return {i: said(found[i])[0] for _, _, i in named}

    wanted = {i: f"text of {i}" for i in "abcde"}
    assert words(("part-0", 1, "b"), ("part-1", 2, "e")) == {i: wanted[i] for i in "be"}
    moved = [("part-0", 1, "a"), ("part-1", 0, "d"), ("part-9", 0, "e"), ("part-0", 2, "b")]
    assert words(*moved) == {i: wanted[i] for i in "adeb"}
    with pytest.raises(CheckError, match=r"2 samples that were merged.*the first: y, z"):
        words(("part-0", 0, "a"), ("part-0", 1, "z"), ("part-1", 0, "y"))
    assert words_of(str(tmp_path), [None, Edit(images=(1,))]) == {}


def test_edits_of_steps_are_read_together_and_told_with_sizes(tmp_path: Path) -> None:
    urls = [str(tmp_path / f"{step}.parquet") for step in ("filter", "dedup")]
    for url, images in zip(urls, ([[2], None, None], [[0, 2], None, None]), strict=True):
        write_table(url, pa.table({"images": pa.array(images, pa.list_(pa.int32()))}))
    sizes = {"n_turns": 5, "chars": 50, "answer_tokens": 7, "text_tokens": 9}
    merge = Edit(merged=(Place("y", "part-0", 3, "i"),))
    changes = {2: (merge, sizes), 0: (Edit(paragraphs=(4,)), {**sizes, "chars": 1})}
    write_changes(urls[1], changes)
    edits = edits_of(urls, 3)
    assert edits == {0: Edit(images=(0, 2), paragraphs=(4,)), 2: merge}
    names = ("n_turns", "n_images", "chars", "answer_tokens", "text_tokens")
    signals = pa.table({name: [100 + n for n in range(3)] for name in names})
    told = with_sizes(signals, urls).to_pydict()
    assert told == {
        "n_turns": [5, 101, 5], "n_images": [98, 101, 102], "chars": [1, 101, 50],
        "answer_tokens": [7, 101, 7], "text_tokens": [9, 101, 9],
    }  # fmt: skip
    assert unpacked(packed(merge, sizes)) == (merge, sizes)
    assert unpacked(packed(Edit(), sizes)) == (Edit(), sizes)
    write_changes(urls[1], {})
    assert edits_of(urls, 3) == {0: Edit(images=(0, 2))}
