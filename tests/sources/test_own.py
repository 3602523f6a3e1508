"""Data of one's own, described in YAML."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.errors import CheckError, RecipeError
from cauldron.sources.own import described
from tests.conftest import picture


def read(folder: Path, description: str, **more: Any) -> tuple[dict[str, Any], list[Any]]:
    """Ingest a folder by a description; return the entry and the samples."""
    path = folder / "own.yaml"
    path.write_text(description)
    name, form = described(str(path))
    with LocalEngine(0) as engine:
        entry = steps.ingest(engine, str(folder / "work"), name, [str(folder)], form=form, **more)
    samples = [
        row
        for part in entry["parts"]
        for row in pq.read_table(
            folder / "work" / "samples" / name / f"{part['name']}.parquet"
        ).to_pylist()
    ]
    return entry, samples


def lines(path: Path, *records: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def said(sample: Any) -> list[tuple[str, str]]:
    return [
        (m["role"], "".join(p["text"] for p in m["content"] if p["type"] == "text"))
        for m in sample["messages"]
    ]


def test_records_name_their_pictures_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(picture())
    lines(
        tmp_path / "items.jsonl",
        {"id": 7, "file": "a.png", "q": "What?", "a": "Red", "meta": {"by": "me"}},
        {"id": 8, "file": "gone.png", "q": "What?", "a": "Red", "meta": {"by": "me"}},
        {"id": 9, "file": "a.png", "q": "What?"},
    )
    entry, samples = read(
        tmp_path,
        "name: mine\nlicense: CC-BY-4.0\nimages: 'photos/{file}'\nkey: '{id}'\nkeep: [meta]\n"
        "turns:\n  - {user: '{q} ({meta.by})', assistant: '{a}.'}\n",
        max_reject_share=1.0,
    )
    assert [s["id"] for s in samples] == ["mine/train/7"]
    assert said(samples[0]) == [("user", "What? (me)"), ("assistant", "Red.")]
    assert samples[0]["license"] == "CC-BY-4.0"
    assert json.loads(samples[0]["extra"]) == {"meta": {"by": "me"}}
    assert entry["counts"]["reasons"]["quarantined"] == {"image_missing": 1, "missing_column": 1}


def test_a_turn_repeats_over_a_list_and_a_list_gives_several_pictures(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(picture())
    record = {"pictures": ["a.png", "b.png"], "qa": [{"q": "1", "a": "x"}, {"q": "2", "a": "y"}]}
    lines(tmp_path / "items.jsonl", record)
    _, samples = read(
        tmp_path,
        "name: mine\nimages: '{pictures}'\n"
        "turns:\n  - {each: qa, user: '{q}?', assistant: '{a}'}\n",
    )
    assert len(samples[0]["images"]) == 2
    assert [text for _, text in said(samples[0])] == ["1?", "x", "2?", "y"]


def test_chats_documents_tables_and_parquet_are_read(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "<image>\nHi"}, {"role": "assistant", "content": "Ho"}]
    cell = {"bytes": picture(), "path": "x.png"}
    pq.write_table(pa.table({"messages": [chat], "image": [cell]}), tmp_path / "chats.parquet")
    _, samples = read(
        tmp_path,
        "name: chats\nfiles: '*.parquet'\nimages: '{image}'\nconversations: messages\n",
    )
    assert said(samples[0]) == [("user", "Hi"), ("assistant", "Ho")]
    (tmp_path / "notes.csv").write_text("title,body\nA,Long text\n")
    _, samples = read(tmp_path, "name: notes\nfiles: '*.csv'\ntext: '{title}: {body}'\n")
    assert said(samples[0]) == [("document", "A: Long text")]


def test_splits_are_told_by_patterns(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", {"q": "1", "a": "2"})
    lines(tmp_path / "b.jsonl", {"q": "3", "a": "4"})
    _, samples = read(
        tmp_path,
        "name: mine\nfiles: {train: a.jsonl, test: b.jsonl}\n"
        "turns: [{user: '{q}', assistant: '{a}'}]\n",
        split="test",
    )
    assert [text for _, text in said(samples[0])] == ["3", "4"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x\nturn: []\n", r"own.yaml:2: unknown key 'turn'; did you mean 'turns'"),
        ("name: x\n", "name one of turns, conversations and text"),
        ("name: '../x'\ntext: '{a}'\n", "own.yaml:1: 'name'"),
    ],
)
def test_a_faulty_description_is_told_by_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(RecipeError) as error:
        described(str(tmp_path / "own.yaml"))
    assert told in str(error.value)


def test_a_template_reaches_no_attribute(tmp_path: Path) -> None:
    lines(tmp_path / "items.jsonl", {"q": "1", "a": "2"})
    entry, _ = read(
        tmp_path,
        "name: mine\nturns: [{user: '{q.__class__}', assistant: '{a}'}]\n",
        max_reject_share=1.0,
    )
    assert entry["counts"]["reasons"]["quarantined"] == {"missing_column": 1}


def test_messages_of_parts_are_read_with_the_pictures_they_name(tmp_path: Path) -> None:
    (tmp_path / "shots").mkdir()
    (tmp_path / "shots" / "a.png").write_bytes(picture())
    inside = "data:image/png;base64," + base64.b64encode(picture()).decode()

    def chat(*parts: Any) -> Any:
        answer = {"role": "assistant", "content": [{"type": "text", "text": "Ho"}]}
        return {"messages": [{"role": "user", "content": list(parts)}, answer]}

    lines(
        tmp_path / "a.jsonl",
        chat({"type": "image", "image": "/home/me/shots/a.png"}, {"type": "text", "text": "Hi"}),
        chat({"type": "text", "text": "See "}, {"type": "image_url", "image_url": {"url": inside}}),
    )
    _, samples = read(tmp_path, "name: mine\nconversations: messages\n")
    assert [len(s["images"]) for s in samples] == [1, 1]
    assert [said(s)[0][1].strip() for s in samples] == ["Hi", "See"]
    assert [p["type"] for p in samples[1]["messages"][0]["content"]] == ["text", "image"]


def test_a_picture_outside_the_raw_folder_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "secret.png").write_bytes(picture())
    secret = str(tmp_path / "secret.png")
    records = [
        {"image": secret, "q": "1", "a": "2"},
        {"image": "../secret.png", "q": "1", "a": "2"},
    ]
    lines(tmp_path / "raw" / "a.jsonl", *records)
    turns = "turns: [{user: '{q}', assistant: '{a}'}]\n"
    entry, samples = read(
        tmp_path / "raw", f"name: mine\nimages: '{{image}}'\n{turns}", max_reject_share=1.0
    )
    assert samples == []
    assert sum(entry["counts"]["reasons"]["quarantined"].values()) == 2


@pytest.mark.parametrize("answer", [1, "1", "B", "b", "(B)", "no"])
def test_options_are_lettered(answer: Any, tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", {"q": "Same?", "o": ["yes", "no"], "a": answer})
    turns = "turns: [{user: '{q}', assistant: '{a}', choices: o}]\n"
    _, samples = read(tmp_path, f"name: mine\n{turns}")
    asked = "Question: Same?\nChoices:\nA. yes\nB. no\nAnswer with the letter."
    assert said(samples[0]) == [("user", asked), ("assistant", "Answer: B")]


def test_an_answer_that_is_no_option_is_told_with_its_record(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", {"q": "Same?", "o": ["yes", "no"], "a": "maybe"})
    turns = "turns: [{user: '{q}', assistant: '{a}', choices: o}]\n"
    told = r"the first: a.jsonl record 0, missing_column \(option 'maybe'\)"
    with pytest.raises(CheckError, match=told):
        read(tmp_path, f"name: mine\n{turns}")
