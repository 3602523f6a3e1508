"""Reasoning, school and table sources: real records read by hand, archives, other sets' files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.errors import SourceError
from cauldron.media.table_style import MIN_TEXT_PX
from cauldron.readers.raw import Raw, Row
from cauldron.sources.catalogue import detect, form_named
from cauldron.sources.robut_wtq import table_rows
from tests.sources.test_contract import CASES, facts, rows, tree

Turns = list[tuple[str, str]]
Ingested = tuple[dict[str, Any], dict[str, dict[str, Any]]]
LETTER = "Answer with the letter."


@pytest.fixture
def ingest(tmp_path: Path) -> Callable[..., Ingested]:
    """Ingest a raw folder; return counts and samples by id."""

    def of(source: str, root: Path, place: str = "work", **options: Any) -> Ingested:
        work = tmp_path / place
        with LocalEngine(0) as engine:
            entry = steps.ingest(
                engine, str(work), source, [str(root)], max_reject_share=1.0, **options
            )
        return entry["counts"], {row["id"]: row for row in rows(work)}

    return of


def turns(sample: dict[str, Any]) -> Turns:
    said = [message["content"][-1]["text"] for message in sample["messages"]]
    return list(zip(said[::2], said[1::2], strict=True))


SLICES: list[tuple[str, str, int, str, Turns]] = [  # source, split, written, id, turns
    (
        "nlvr2",
        "dev",
        12,
        "nlvr2/dev/dev-850-2",
        [("curving walkway of dark glass circles", "Yes."), ("at least four bottle rows", "Yes.")],
    ),
    (
        "scienceqa",
        "test",
        1,
        "scienceqa/test/23",
        [("Which of these organisms contains matter that was once part of the lichen?",
          "Answer: B")],
    ),
    (
        "iconqa",
        "train",
        20,
        "iconqa/train/choose_txt/7",
        [(f"Question: Is the number of ovals even or odd?\nChoices:\nA. odd\nB. even\n{LETTER}",
          "Answer: A")],
    ),
    (
        "iconqa",
        "train",
        20,
        "iconqa/train/fill_in_blank/62",
        [("What is the perimeter of the square?", "12")],
    ),
    (
        "intergps",
        "train",
        5,
        "intergps/train/11",
        [("In \\odot X, A B = 30, C D = 30, and m \\widehat C Z = 40.", "Answer: D")],
    ),
    (
        "finqa",
        "test",
        8,
        "finqa/test/MO/2016/page_19",
        [("Did altria outperform the s&p 500?", "Computations: 286.61 > 198.09\nAnswer: Yes.")],
    ),
    (
        "finqa",
        "test",
        8,
        "finqa/test/MAS/2017/page_27",
        [("for the five year period ended 2017?",
          "Computations: ((318.46 - 100) / 100) - ((206.49 - 100) / 100)\nAnswer: 1.1197.")],
    ),
    (
        "hitab",
        "train",
        5,
        "hitab/train/28",
        [
            ("How many times does kale crop area increase from 2011 to 2016?", "4.869565."),
            ("How many acres is the total kale crop area in 2016?", "448."),
            ("What is the percentage of the increase in sweet potato farms area", "25.2."),
            ("How many acres of sweet potato farms area were increased in 2016?", "1776."),
        ],
    ),
    (
        "robut_wtq",
        "train",
        20,
        "robut_wtq/train/203-csv/116",
        [("Which players played the same position as ardo kreek?",
          "Siim Ennemuist, Andri Aganits.")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "split", "written", "sample_id", "expected"),
    SLICES,
    ids=[row[3] for row in SLICES],
)
def test_real_records_become_the_turns_that_the_raw_file_says(
    source: str,
    split: str,
    written: int,
    sample_id: str,
    expected: Turns,
    slices: Path,
    ingest: Callable[..., Ingested],
) -> None:
    counts, samples = ingest(source, slices / source, split=split)
    assert (counts["written"], counts["quarantined"]) == (written, 0)
    found = turns(samples[sample_id])
    assert [answer for _, answer in found] == [answer for _, answer in expected]
    assert all(part in asked for (asked, _), (part, _) in zip(found, expected, strict=True))


def test_real_pairs_have_the_left_picture_first(
    slices: Path, ingest: Callable[..., Ingested]
) -> None:
    _, samples = ingest("nlvr2", slices / "nlvr2", split="dev")
    folder = slices / "nlvr2" / "dev"
    for sample in samples.values():
        pair = sample["id"].rpartition("/")[2]
        sides = [(folder / f"{pair}-img{k}.png").read_bytes() for k in (0, 1)]
        assert [image["bytes"] for image in sample["images"]] == sides


def test_the_lecture_of_a_real_problem_stands_before_its_question(
    slices: Path, ingest: Callable[..., Ingested]
) -> None:
    _, samples = ingest("scienceqa", slices / "scienceqa", split="test")
    ((asked, _),) = turns(samples["scienceqa/test/23"])
    places = [asked.index(word) for word in ("Lecture: A food web is", "Question: ", "Hint: ")]
    assert places == sorted(places) and places[0] == 0


def test_every_real_table_is_drawn_in_readable_size(
    slices: Path, ingest: Callable[..., Ingested]
) -> None:
    _, samples = ingest("robut_wtq", slices / "robut_wtq", prompts="plain")
    assert len(samples) == 20
    for sample in samples.values():
        assert orjson.loads(sample["extra"])["drawn"]["text_px"] >= MIN_TEXT_PX


PACKED = {  # case: folder of the raw tree that becomes an archive
    "clevr/official": "CLEVR_v1.0",
    "scienceqa/official": "data/scienceqa/images/train",
    "tqa/official": "tqa_train_val_test",
    "iconqa/official": "iconqa_data",
    "intergps/official": "data/geometry3k/train",
    "geomverse/official": "GeomVerse",
    "hitab/official": "data/tables",
}


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("top", ["with its folder", "without"])
def test_the_download_may_stay_packed(
    name: str, top: str, tmp_path: Path, ingest: Callable[..., Ingested]
) -> None:
    case = next(path for path in CASES if f"{path.parent.name}/{path.name}" == name)
    raw = tree(case, tmp_path)
    _, unpacked = ingest(case.parent.name, raw, prompts="plain")
    folder = raw / PACKED[name]
    where, inside = (folder.parent, folder.name) if top == "with its folder" else (folder, ".")
    shutil.make_archive(str(folder), "zip", where, inside)
    shutil.rmtree(folder)
    _, packed = ingest(case.parent.name, raw, prompts="plain", place="packed")
    assert len(unpacked) == len(facts(case)["samples"])
    assert said(packed) == said(unpacked)


def said(samples: dict[str, dict[str, Any]]) -> list[tuple[str, Turns, list[Any]]]:
    return [
        (key.rpartition("/")[2], turns(sample), sample["images"]) for key, sample in samples.items()
    ]


@pytest.mark.parametrize("source", ["nlvr2", "spot_the_diff", "finqa", "multihiertt"])
def test_a_file_of_another_set_with_the_same_name_is_not_claimed(
    source: str, tmp_path: Path
) -> None:
    (tmp_path / "train.json").write_bytes(orjson.dumps([{"id": 1, "text": "no such set"}]))
    with pytest.raises(SourceError, match="no raw data"):
        detect(source, "auto", Raw([str(tmp_path)]), "train")


def test_validation_goes_by_each_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "tqa_v1_val.json").write_bytes(b"[]")
    raw = Raw([str(tmp_path)])
    for name in ("val", "validation", "dev"):
        assert [file.path for file in detect("tqa", "auto", raw, name)[1]] == ["tqa_v1_val.json"]


def test_splits_that_are_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "CLEVR_valB_questions.json").write_bytes(b'{"questions": []}')
    with pytest.raises(SourceError) as told:
        detect("clevr", "auto", Raw([str(tmp_path)]), "train")
    assert told.value.hint == "found: --split valB"


def test_coco_pictures_that_are_not_there_are_asked_for(
    tmp_path: Path, ingest: Callable[..., Ingested]
) -> None:
    told = {"instruction": "What differs?", "answer": "Much."}
    data = {
        f"CGD_INS_{n}": {**told, "image_ids": [f"CGD_IMG_{n:012d}", f"CGD_IMG_{n + 1:012d}"]}
        for n in range(60)
    }
    (tmp_path / "CGD_instructions.json").write_bytes(orjson.dumps({"meta": {}, "data": data}))
    with pytest.raises(SourceError, match="picture") as error:
        ingest("mimic_cgd", tmp_path)
    assert "train2017.zip" in (error.value.hint or "") + error.value.message


def test_a_quote_inside_a_cell_of_wikitablequestions_has_a_backslash() -> None:
    table = b'"Year","The \\"Cup\\""\r\n"2003","a, b"\r\n"2004","two\nlines"\r\n'
    assert table_rows(table) == [["Year", 'The "Cup"'], ["2003", "a, b"], ["2004", "two\nlines"]]


def test_hostile_list_text_of_sqa_is_not_evaluated() -> None:
    hostile = "[__import__('os').getcwd()]"
    table = {"header": ["a"], "rows": [["b"]]}
    data = {"question": hostile, "answers": ["['b']"], "table": table}
    row = Row(file="f", record="0", data=data, folder="", split="train", source="robut_sqa")
    draft = form_named("robut_sqa", "json").convert(row)
    assert [turn.user for turn in draft.turns if turn.assistant == "B."] == [hostile]  # type: ignore[union-attr]
    assert draft.notes == {"list_not_read": 1}  # type: ignore[union-attr]


def test_one_table_gets_one_look_whoever_asks(
    tmp_path: Path, ingest: Callable[..., Ingested]
) -> None:
    table = {"header": ["a"], "rows": [["b"]]}
    lines = [
        {"id": str(n), "question": f"what is {n}?", "answers": ["b"], "table": table}
        for n in range(3)
    ]
    (tmp_path / "wikisql.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    _, samples = ingest("robut_wikisql", tmp_path)
    assert len(samples) == 3
    assert len({sample["images"][0]["bytes"] for sample in samples.values()}) == 1
