"""Every benchmark, from files in its official layout and from hub Parquet."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cauldron.demo.benchmarks import LAYOUTS, draw_benchmark
from cauldron.demo.discs import discs
from cauldron.errors import SourceError, StorageError, UsageError
from cauldron.evaluate.benchmarks import Place, benchmark, leaks, names
from cauldron.evaluate.metrics.records import canonical

NAMES = names()


def test_every_benchmark_can_be_drawn() -> None:
    assert sorted(LAYOUTS) == NAMES
    assert len(NAMES) == 17


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["official", "hub"])
def test_a_benchmark_reads_its_files(tmp_path: Path, name: str, form: str) -> None:
    draw_benchmark(name, tmp_path, form, many=5)
    known, place = benchmark(name), Place(str(tmp_path))
    split = known.scored_splits(place)[0]
    items = list(known.items(place, split))
    assert len(items) >= 5
    assert len({item.id for item in items}) == len(items)
    for item in items:
        assert item.references and all(isinstance(text, str) for text in item.references)
        for picture in item.images:
            assert Image.open(io.BytesIO(picture.read())).size[1] == 48
    if known.train:
        assert len(list(known.items(place, known.train))) == 5


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_ask_the_same(tmp_path: Path, name: str) -> None:
    asked = []
    for form in ("official", "hub"):
        draw_benchmark(name, tmp_path / form, form, many=4)
        known, place = benchmark(name), Place(str(tmp_path / form))
        items = list(known.items(place, known.scored_splits(place)[0]))
        asked.append({(item.question, item.references) for item in items})
    official, hub = asked
    assert {r for _, r in hub} <= {r for _, r in official}


@pytest.mark.parametrize("name", NAMES)
def test_protocols_name_metrics_that_are_there_and_leave_no_gap_in_prompts(
    tmp_path: Path, name: str
) -> None:
    draw_benchmark(name, tmp_path, many=4)
    known, place = benchmark(name), Place(str(tmp_path))
    assert "paper" in known.protocols
    for item in known.items(place, known.scored_splits(place)[0]):
        for protocol in known.protocols.values():
            assert canonical(protocol.metric_of(item))
            prompt = protocol.ask(item)
            assert "{" not in prompt
            assert item.question.lower() in prompt.lower()


def test_mmbench_asks_each_question_once_a_rotation(tmp_path: Path) -> None:
    draw_benchmark("mmbench", tmp_path, many=2)
    items = list(benchmark("mmbench").items(Place(str(tmp_path)), "dev"))
    assert [item.id for item in items[:4]] == ["0", "1000000", "2000000", "3000000"]
    right = {item.choices["ABCD".index(item.references[0])] for item in items[:4]}
    assert right == {discs(2, 1)[0].color}


def test_leaks_are_pictures_and_bare_questions(tmp_path: Path) -> None:
    draw_benchmark("docvqa", tmp_path, many=3)
    found = list(leaks("docvqa", str(tmp_path), "validation"))
    assert [question for _, _, question in found] == ["What is the color of the discs?"] * 3
    assert [pictures for _, pictures, _ in found] == [(d.png,) for d in discs(3, 1)]


def test_a_whole_repository_gives_only_the_set_that_is_meant(tmp_path: Path) -> None:
    for folder, name in (("DocVQA", "docvqa"), ("InfographicVQA", "infovqa")):
        draw_benchmark(name, tmp_path / folder, "hub", many=3)
    known, place = benchmark("infovqa"), Place(str(tmp_path))
    assert len(list(known.items(place, "validation"))) == 3


def test_a_split_without_answers_is_not_scored(tmp_path: Path) -> None:
    draw_benchmark("coco_captions", tmp_path, "hub", many=3)
    data = tmp_path / "data"
    table = pq.read_table(data / "test-00000-of-00001.parquet")
    (data / "val-00000-of-00001.parquet").write_bytes(
        (data / "test-00000-of-00001.parquet").read_bytes()
    )
    empty = pa.array([[]] * 3, pa.list_(pa.string()))
    place = table.column_names.index("answer")
    pq.write_table(table.set_column(place, "answer", empty), data / "test-00000-of-00001.parquet")
    assert benchmark("coco_captions").scored_splits(Place(str(tmp_path))) == ["val"]


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown benchmark 'vqa2'; did you mean 'vqav2'"):
        benchmark("vqa2")
    with pytest.raises(StorageError, match="no such folder"):
        Place(str(tmp_path / "none"))
    with pytest.raises(SourceError, match="docvqa: none of the splits validation"):
        benchmark("docvqa").scored_splits(Place(str(tmp_path)))
    draw_benchmark("docvqa", tmp_path, many=2)
    (tmp_path / "documents" / "1.png").unlink()
    with pytest.raises(SourceError, match=r"no picture documents/1.png"):
        list(benchmark("docvqa").items(Place(str(tmp_path)), "validation"))


def test_damaged_files_are_refused_by_name(tmp_path: Path) -> None:
    draw_benchmark("vqav2", tmp_path, many=2)
    path = tmp_path / "v2_mscoco_val2014_annotations.json"
    told = json.loads(path.read_text())
    known, place = benchmark("vqav2"), Place(str(tmp_path))
    path.write_text(json.dumps({"annotations": told["annotations"][:1]}))
    with pytest.raises(SourceError, match="question 10 has no annotation"):
        list(known.items(place, "validation"))
    path.write_text("{")
    with pytest.raises(SourceError, match="not JSON"):
        list(known.items(place, "validation"))
    path.write_text('{"annotations": [{"x": 1}]}')
    with pytest.raises(SourceError, match="another form"):
        list(known.items(place, "validation"))
