"""Leaks of benchmarks: by picture, by question, by both; benchmarks in any form; a shared index."""

from __future__ import annotations

import base64
import csv
import io
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cauldron import curation
from cauldron.curate.decontaminate import DecontaminateSettings
from cauldron.engine.local import LocalEngine
from cauldron.errors import SourceError, StorageError
from cauldron.indexing import index_benchmarks
from cauldron.lineage import explain
from cauldron.media.images import open_rgb
from cauldron.report.pairs import leaks as shown_leaks
from cauldron.storage import work as places
from tests.curate.test_dedup import drops, scene, work_of

LONG = (
    "How many of the students who answered the survey in the spring of 2009 said that they "
    "walked to school on at least four days of the week?"
)
OWN = [
    ("What is shown?", "b", scene(1)),  # picture and question of an item
    ("What is shown?", "b", scene(2, 60)),  # the picture saved again
    ("Where was it?", "b", scene(1)),  # exactly a benchmark's picture
    ("Where was it?", "b", scene(2, 60)),  # a near picture alone
    ("What is shown?", "b", scene(7)),  # a short question alone
    ("Please tell. " + LONG.replace(",", ";").upper(), "b", scene(8)),  # a long question inside
    ("Who?", "b", scene(9)),
]
BENCH = [("What is shown?", scene(n)) for n in range(3)] + [(LONG, scene(4))]


def leaks(place: str, against: dict[str, str], **settings: Any) -> dict[str, Any]:
    with LocalEngine(0) as engine:
        return curation.decontaminate_samples(
            engine, place, against, DecontaminateSettings(**settings)
        )


def own(folder: Path) -> str:
    return work_of(folder / "own", "okvqa", OWN)


def dropped(place: str) -> dict[str, str]:
    return {k: v[0] for k, v in drops(place, "decontaminate", "okvqa").items()}


def as_work(folder: Path) -> str:
    return work_of(folder, "vqav2", [(q, "a", image) for q, image in BENCH])


def as_parquet(folder: Path) -> str:
    rows = [{"question": q, "image": {"bytes": image, "path": "x.png"}} for q, image in BENCH]
    pq.write_table(pa.Table.from_pylist(rows), folder / "test-00000.parquet")
    return str(folder)


def as_hub(folder: Path) -> str:
    rows = [
        {"images": [{"bytes": i, "path": None}], "texts": [{"user": q, "assistant": "a"}]}
        for q, i in BENCH
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "hub.parquet")
    return str(folder / "hub.parquet")


def as_folder(folder: Path) -> str:
    for number, (_, image) in enumerate(BENCH):
        (folder / f"{number}.png").write_bytes(image)
    records = [{"query": q, "image_path": f"img/{n}.png"} for n, (q, _) in enumerate(BENCH)]
    (folder / "test.json").write_bytes(orjson.dumps({"data": records}))
    return str(folder)


def as_table(folder: Path) -> str:
    with (folder / "bench.tsv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["index", "question", "image"])
        for number, (question, image) in enumerate(BENCH):
            writer.writerow([number, question, base64.b64encode(image).decode()])
    return str(folder / "bench.tsv")


def as_chats(folder: Path) -> str:
    lines = []
    for number, (question, image) in enumerate(BENCH):
        (folder / f"p{number}.png").write_bytes(image)
        turns = [{"from": "human", "value": question}, {"from": "gpt", "value": "a"}]
        lines.append(orjson.dumps({"image": f"p{number}.png", "conversations": turns}))
    (folder / "chats.jsonl").write_bytes(b"\n".join(lines))
    return str(folder)


FORMS = [as_work, as_parquet, as_hub, as_folder, as_table, as_chats]


@pytest.mark.parametrize("form", FORMS)
def test_leaks_are_found_whatever_form_the_benchmark_has(form: Any, tmp_path: Path) -> None:
    (tmp_path / "bench").mkdir()
    place = own(tmp_path)
    found = leaks(place, {"MMMU": form(tmp_path / "bench")})
    assert dropped(place) == {"0": "benchmark_leak", "1": "benchmark_leak"}
    kinds = {"both": 2, "image_only": 1, "near_image_only": 1, "text_only": 2}
    assert found["benchmarks"] == {"MMMU": kinds}
    assert found["by_source"] == {"MMMU": {"okvqa": kinds}}
    assert found["sources"]["okvqa"] == {"kept": 5, "dropped": {"benchmark_leak": 2}}


def test_pictures_and_questions_alone_are_dropped_when_asked(tmp_path: Path) -> None:
    place, bench = own(tmp_path), as_work(tmp_path / "bench")
    leaks(place, {"b": bench}, image_only="drop")
    assert {k for k, v in dropped(place).items() if v == "benchmark_image"} == {"2", "3"}
    leaks(place, {"b": bench}, text_only="drop")
    assert {k for k, v in dropped(place).items() if v == "benchmark_question"} == {"4", "5"}


def test_a_question_about_another_picture_of_the_benchmark_is_no_leak(tmp_path: Path) -> None:
    bench = work_of(tmp_path / "bench", "vqav2", [("Who?", "a", scene(1)), ("Why?", "a", scene(2))])
    place = work_of(tmp_path / "own", "okvqa", [("Who?", "a", scene(2))])
    assert leaks(place, {"b": bench})["benchmarks"]["b"]["image_only"] == 1
    assert dropped(place) == {}


def test_an_item_without_picture_leaks_by_its_question(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_bytes(orjson.dumps({"question": LONG}))
    place = own(tmp_path)
    leaks(place, {"b": str(tmp_path / "b.jsonl")})
    assert dropped(place) == {"5": "benchmark_leak"}


def test_bare_pictures_are_a_benchmark_too(tmp_path: Path) -> None:
    (tmp_path / "coco").mkdir()
    (tmp_path / "coco" / "1.png").write_bytes(scene(1))
    found = leaks(own(tmp_path), {"COCO": str(tmp_path / "coco")})
    assert found["benchmarks"]["COCO"]["image_only"] == 2


def test_a_phrase_that_many_items_share_is_a_template(tmp_path: Path) -> None:
    template = "Look at the picture above and answer the question below with one word or phrase:"
    lines = [orjson.dumps({"question": f"{template} is it number {n}?"}) for n in range(60)]
    (tmp_path / "b.jsonl").write_bytes(b"\n".join(lines))
    place = work_of(tmp_path / "own", "okvqa", [(f"{template} who is it?", "a", scene(1))])
    assert leaks(place, {"b": str(tmp_path / "b.jsonl")})["benchmarks"]["b"]["both"] == 0


@pytest.mark.parametrize("hashes_only", [False, True])
def test_an_index_is_built_once_and_used_by_others(hashes_only: bool, tmp_path: Path) -> None:
    place, index = own(tmp_path), str(tmp_path / "index.parquet")
    (tmp_path / "x").mkdir()
    benchmarks = {"MMMU": as_work(tmp_path / "bench"), "DocVQA": as_table(tmp_path / "x")}
    with LocalEngine(0) as engine:
        made = index_benchmarks(engine, benchmarks, index, str(tmp_path / "pieces"), hashes_only)
    assert made["benchmarks"]["MMMU"] == {"questions": 4, "pictures": 4}
    table = pq.read_table(index)
    assert any(table["thumb"].to_pylist()) is not hashes_only
    assert (LONG in table["question"].to_pylist()) is not hashes_only
    found = leaks(place, {"any": index})
    assert set(found["benchmarks"]) == {"MMMU", "DocVQA"}
    looks = [base64.b64decode(e["look"]) for e in found["examples"] if e["kind"] == "both"]
    assert len(looks) > 1 and all(bool(look) is not hashes_only for look in looks)
    for look in filter(None, looks):
        assert open_rgb(look).size == (64, 64)
    assert dropped(place) == {"0": "benchmark_leak", "1": "benchmark_leak"}


def test_every_hit_is_told_with_the_item(tmp_path: Path) -> None:
    place = own(tmp_path)
    found = leaks(place, {"MMMU": as_work(tmp_path / "bench")})
    example = next(e for e in found["examples"] if e["id"] == "okvqa/train/5")
    assert (example["kind"], example["question"]) == ("text_only", LONG)
    assert "STUDENTS WHO ANSWERED" in example["said"]
    told = explain(place, "okvqa/train/1")["leaks"]
    assert told == [
        {
            "benchmark": "MMMU",
            "kind": "both",
            "item": "vqav2/train/2",
            "question": "What is shown?",
            "bits": told[0]["bits"],
        }
    ]
    assert told[0]["bits"] < 20


def test_items_of_an_index_are_shown_beside_their_leaks(tmp_path: Path) -> None:
    place = own(tmp_path)
    leaks(place, {"MMMU": as_work(tmp_path / "bench")})
    for leak in shown_leaks(place, str(tmp_path / "page")):
        assert leak.item is not None and leak.sample is not None
        picture = open_rgb((tmp_path / "page" / leak.item.thumbnail).read_bytes())
        assert picture.size == (leak.item.width, leak.item.height)
        if leak.kind != "text_only":
            assert picture.size == (leak.sample.width, leak.sample.height)
        asked = [words for _, words in leak.item.turns]
        assert asked == ([leak.question] if leak.question else [])


@pytest.mark.parametrize("workers", [2, 4])
def test_decisions_do_not_depend_on_workers(workers: int, tmp_path: Path) -> None:
    bench = as_work(tmp_path / "bench")
    found = []
    for count in (1, workers):
        place = work_of(tmp_path / str(count), "okvqa", OWN)
        work_of(tmp_path / str(count), "vsr", OWN[:3])
        with LocalEngine(count) as engine:
            curation.decontaminate_samples(engine, place, {"b": bench}, DecontaminateSettings())
        urls = [places.decisions(place, "decontaminate", s, "part-00000") for s in ("okvqa", "vsr")]
        urls += [places.leaks(place, s, "part-00000") for s in ("okvqa", "vsr")]
        found.append([Path(url).read_bytes() for url in urls])
    assert found[0] == found[1]


def test_nothing_to_read_is_told(tmp_path: Path) -> None:
    place = own(tmp_path)
    with pytest.raises(StorageError, match="no such file"):
        leaks(place, {"b": str(tmp_path / "none")})
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="no benchmark"):
        leaks(place, {"b": str(tmp_path / "empty")})


def test_a_broken_picture_of_a_benchmark_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "coco").mkdir()
    (tmp_path / "coco" / "1.png").write_bytes(scene(1)[:200])
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "PNG")
    (tmp_path / "coco" / "2.png").write_bytes(out.getvalue())
    assert leaks(own(tmp_path), {"COCO": str(tmp_path / "coco")})["benchmarks"]["COCO"]["both"] == 0
