"""The items of a benchmark are found in whatever form it comes; what cannot be read is told."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cauldron.curate import benchmark_items, leak_index
from cauldron.curate.benchmark_items import Item, distinct, items, pieces
from cauldron.errors import SourceError, StorageError
from cauldron.storage.shards import write_table
from tests.conftest import picture

PNG, JPEG = picture(), picture((1, 2, 3), "JPEG")


def found(path: Path) -> list[Item]:
    return [item for piece in pieces(str(path)) for item in items(piece, str(path))]


def asked(folder: Path, *rows: dict[str, Any]) -> list[tuple[str, ...]]:
    (folder / "b.json").write_text(json.dumps(rows))
    return [item.questions for item in found(folder / "b.json")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("b.jsonl", '{"id": 7, "question": "Who?"}\n\n{"question": "Why?"}\n'),
        ("b.json", '{"id": 7, "question": "Who?"}\n{"question": "Why?"}\n'),
        ("b.json", '[{"id": 7, "question": "Who?"}, 3, {"question": "Why?"}]'),
        (
            "b.json",
            '{"version": 1, "rows": [{"id": 7, "question": "Who?"}, "x", {"query": "Why?"}]}',
        ),
        ("b.json", '{"7": {"question": "Who?"}, "b:2": {"id": null, "problem": "Why?"}}'),
        ("b.csv", "\ufeffid,question\n7,Who?\n,Why?\n"),
        ("b.tsv", "question_id\tquestion\n7\tWho?\n\tWhy?\n"),
        ("b.CSV", "id,question\n7,Who?\n,Why?\n"),
    ],
)
def test_records_are_found_in_every_form(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    for path in (tmp_path, tmp_path / name):
        told = found(path)
        assert [item.questions for item in told] == [("Who?",), ("Why?",)]
        assert told[0].name == "7" and told[1].name.startswith("b:")


def test_official_questions_of_coco_pictures_are_paired_by_number(tmp_path: Path) -> None:
    rows = [{"image_id": 42, "question": "Who?", "question_id": 42001}, {"image_id": 4}]
    (tmp_path / "q.json").write_text(json.dumps({"info": "of COCO", "questions": rows}))
    (tmp_path / "val2014").mkdir()
    (tmp_path / "val2014" / "COCO_val2014_000000000042.jpg").write_bytes(JPEG)
    (tmp_path / "val2014" / "000000000004.jpg").write_bytes(PNG)
    told = [(item.name, item.questions, item.pictures) for item in found(tmp_path)]
    assert told == [("42001", ("Who?",), (JPEG,)), ("q:1", (), (PNG,))]


def test_several_pictures_may_be_named_by_their_ids(tmp_path: Path) -> None:
    (tmp_path / "q.json").write_text(json.dumps([{"image_id": ["a", "b"], "question": "Same?"}]))
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.jpg").write_bytes(JPEG)
    assert [item.pictures for item in found(tmp_path)] == [(PNG, JPEG)]


def test_one_record_is_a_benchmark(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('{"query": "Who?", "rows": [{"question": "not this"}]}')
    assert [(i.name, i.questions) for i in found(tmp_path)] == [("b:0", ("Who?",))]


@pytest.mark.parametrize(
    ("name", "text"),
    [("b.json", "{"), ("b.jsonl", '{"a": 1}\n{'), ("b.json", '{"a": 1}\n{'), ("b.json", '"a\nb')],
)
def test_what_is_not_json_is_told(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match="not JSON") as caught:
        found(tmp_path)
    assert caught.value.place.endswith(name)


def test_questions_are_found_where_they_stand(tmp_path: Path) -> None:
    turns = [{"question": "Told?"}, {"question": 3}, "x"]
    assert asked(
        tmp_path,
        {"question": "One?", "questions": ["Two?", 3, "Three?"], "text": "Four."},
        {"texts": [{"user": "One?", "assistant": "no"}, {"role": "assistant", "content": "no"}]},
        {"messages": [{"role": "user", "content": [{"text": "a"}, {"text": None}, {"text": "b"}]}]},
        {"conversations": [{"from": "human", "value": "Who?"}, {"from": "gpt", "value": "no"}, 5]},
        {"messages": [{"role": "document", "content": "Read."}], "qa": "no"},
        {"extra": json.dumps({"turns": turns})},
        {"extra": '"question" is a word'},
        {"extra": '["question"]'},
        {"extra": '{"question": 1, "turns": 2}'},
        {"extra": {"question": 1}},
    ) == [
        ("One?", "Two?", "Three?", "Four."),
        ("One?",),
        ("a\nb", "a"),
        ("Who?",),
        ("Read.",),
        ("Told?",),
        (),
        (),
        (),
        (),
    ]


def test_a_question_is_known_with_and_without_its_hint() -> None:
    assert distinct(["Who?\nAnswer briefly.", "Who?", " ", ""]) == ("Who?\nAnswer briefly.", "Who?")


def test_pictures_are_found_by_name_in_fields_and_as_base64(tmp_path: Path) -> None:
    for name in ("pictures/a.png", "pictures/b.JPG", "c.gif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    coded = base64.b64encode(PNG).decode()
    rows = [
        {"image": "a.png"},
        {"image": "pictures/a.png", "photo": "elsewhere/b.JPG"},
        {"Image_1": "a", "figure": ["c", "absent.png"]},
        {"img": f"data:image/png;base64,{coded}", "diagram": coded},
        {"picture": base64.b64encode(b"no picture, however long it is: " * 3).decode()},
        {"image": {"bytes": None, "path": "b.JPG"}},
        {"answer": "a.png", "image": "", "image_2": None},
        {"image": "n" * 80},
    ]
    (tmp_path / "b.json").write_text(json.dumps(rows))
    a, b, c = b"pictures/a.png", b"pictures/b.JPG", b"c.gif"
    shown = [item.pictures for item in found(tmp_path)]
    assert shown == [(a,), (a, b), (a, c), (PNG, PNG), (), (b,), (), ()]
    one = items(str(tmp_path / "b.json"), str(tmp_path / "b.json"))
    assert [item.pictures for item in one] == shown


def test_bytes_of_tables_are_pictures_when_they_begin_like_some(tmp_path: Path) -> None:
    table = pa.table(
        {
            "question": ["a", "b", "c"],
            "anything": [PNG, b"rubbish", JPEG],
            "images": [[{"bytes": JPEG, "path": None}], [], [{"bytes": b"no", "path": None}]],
        }
    )
    pq.write_table(table, tmp_path / "b.parquet")
    (tmp_path / "beside.json").write_text("[]")
    assert [item.pictures for item in found(tmp_path)] == [(PNG, JPEG), (), (JPEG,)]
    assert [item.name for item in found(tmp_path)] == ["b:0", "b:1", "b:2"]


def test_pictures_alone_are_a_benchmark(tmp_path: Path) -> None:
    for name in ("b.png", "sub/a.JPEG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "note.txt").touch()
    told = [(item.name, item.questions, item.pictures) for item in found(tmp_path)]
    assert told == [(name, (), (name.encode(),)) for name in ("b.png", "sub/a.JPEG")]


def test_what_is_no_benchmark_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StorageError, match="no such file or folder"):
        pieces(str(tmp_path / "absent"))
    (tmp_path / "note.txt").touch()
    with pytest.raises(SourceError, match="no benchmark that can be read"):
        pieces(str(tmp_path))
    (tmp_path / "b.json").write_text("[1]")
    for most in (2, 3):
        monkeypatch.setattr(benchmark_items, "_MAX_RECORD_BYTES", most)
        if most == 2:
            with pytest.raises(SourceError, match="larger than 1 GiB"):
                found(tmp_path)
        else:
            assert found(tmp_path) == []


def test_benchmarks_are_named_by_label_or_file(tmp_path: Path) -> None:
    odd = tmp_path / "x=y.parquet"
    odd.touch()
    given = ["mmmu=/a/b", "/c/mme.parquet", "/d/mme/", "e/mme=2", str(odd), "/"]
    assert list(leak_index.named(given)) == [
        ("mmmu", "/a/b"),
        ("mme", "/c/mme.parquet"),
        ("mme-2", "/d/mme/"),
        ("mme=2", "e/mme=2"),
        ("x=y", str(odd)),
        ("benchmark", "/"),
    ]
    assert [label for label, _ in leak_index.named(["a"] * 3)] == ["a", "a-2", "a-2-2"]


def test_an_index_is_known_by_what_it_states(tmp_path: Path) -> None:
    other = str(tmp_path / "other.parquet")
    write_table(other, pa.table({"a": [1]}))
    assert not leak_index.is_index(other)
    assert not leak_index.is_index(str(tmp_path / "absent.json"))
    old = pa.table({"a": [1]}).replace_schema_metadata({leak_index._MARK: b"0"})
    write_table(other, old)
    with pytest.raises(StorageError, match="an index of another version"):
        leak_index.is_index(other)


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_items_are_indexed_in_blocks_and_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(leak_index, "_ITEMS", at_once)
    out = str(tmp_path / "i.parquet")
    given = [Item(name=str(n), questions=(f"Question {n}?",), pictures=()) for n in range(3)]
    given.append(Item(name="3", questions=(), pictures=(PNG,)))
    leak_index.index_items("b", iter(given), out)
    rows = pq.read_table(out).to_pylist()
    assert [row["item"] for row in rows] == ["0", "1", "2", "3"]
    assert {row["benchmark"] for row in rows} == {"b"}
