"""Sets on photographs and scene text: real slices, shared picture pools, and mistakes of a user."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.errors import SourceError
from cauldron.phrasing import BRIEF_ANSWER
from cauldron.readers.raw import Raw, Row
from cauldron.sources._coco import COCO_FOLDERS, coco
from cauldron.sources._records import holds
from cauldron.sources.aokvqa import CHOOSE, EXPLAIN
from cauldron.sources.catalogue import detect
from cauldron.sources.iam import written
from tests.conftest import picture

Ingested = tuple[dict[str, Any], list[dict[str, Any]]]


@pytest.fixture
def ingest(tmp_path: Path) -> Callable[..., Ingested]:
    """Ingest raw folders and return the counts and the samples."""

    def of(source: str, *roots: Path, **options: Any) -> Ingested:
        with LocalEngine(0) as engine:
            names = [str(root) for root in roots]
            work = tmp_path / "work"
            entry = steps.ingest(engine, str(work), source, names, max_reject_share=1.0, **options)
        shards = sorted(work.glob("samples/*/*.parquet"))
        return entry["counts"], [row for s in shards for row in pq.read_table(s).to_pylist()]

    return of


def turns(sample: dict[str, Any]) -> list[tuple[str, str]]:
    """Return questions without their hints, and answers."""
    said = [m["content"][-1]["text"] for m in sample["messages"]]
    return [(q.rpartition("\n")[0] or q, a) for q, a in zip(said[::2], said[1::2], strict=True)]


def hints(sample: dict[str, Any]) -> set[str]:
    return {m["content"][-1]["text"].rpartition("\n")[2] for m in sample["messages"][::2]}


def put(folder: Path, files: dict[str, Any]) -> Path:
    """Write files: bytes as they are, anything else as JSON."""
    for name, value in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        payload = value if isinstance(value, bytes) else orjson.dumps(value)
        (folder / name).write_bytes(payload)
    return folder


def asked(*numbers: int) -> dict[str, Any]:
    return {"questions": [{"image_id": n, "question": "What?", "question_id": n} for n in numbers]}


def told(*numbers: int) -> dict[str, Any]:
    return {"annotations": [{"question_id": n, "answers": [{"answer": f"a{n}"}]} for n in numbers]}


def test_the_vqav2_slice_gives_the_votes_of_its_file(ingest: Any, slices: Path) -> None:
    counts, samples = ingest("vqav2", slices / "vqav2")
    assert (counts["read"], counts["written"], counts["turns"]) == (3, 1, 3)
    (sample,) = samples
    assert sample["id"] == "vqav2/train/458752"
    assert turns(sample) == [
        ("What is this photo taken looking through?", "Net."),
        ("What position is this man playing?", "Pitcher."),
        ("What color is the players shirt?", "Orange."),
    ]
    assert hints(sample) <= set(BRIEF_ANSWER)
    extra = orjson.loads(sample["extra"])["turns"][0]
    assert extra["answers"] == ["net"] * 3 + ["netting", "net", "net", "mesh", "net"] + [
        "pitcher",
        "orange",
    ]


def test_the_aokvqa_slice_gives_the_choice_of_its_file(ingest: Any, slices: Path) -> None:
    _, (sample,) = ingest("aokvqa", slices / "aokvqa")
    assert sample["id"] == "aokvqa/train/299207"
    question, answer = (m["content"][-1]["text"] for m in sample["messages"])
    start = "What is the man by the bags awaiting?\nOptions: skateboarder, train, delivery, cab.\n"
    assert question.startswith(start)
    assert question.removeprefix(start) in (*CHOOSE, *EXPLAIN)
    assert answer == "Cab."


def test_the_tallyqa_slice_gives_a_bare_number(ingest: Any, slices: Path) -> None:
    _, (sample,) = ingest("tallyqa", slices / "tallyqa")
    assert sample["images"][0]["path"] == "2410408.jpg"
    assert turns(sample) == [("How many headlights does the black bus have?", "4")]


def test_the_okvqa_slice_of_questions_alone_is_refused(ingest: Any, slices: Path) -> None:
    with pytest.raises(SourceError, match=r"mscoco_train2014_annotations\.json is missing"):
        ingest("okvqa", slices / "okvqa")


def test_the_okvqa_slice_is_read_with_annotations(
    ingest: Any, slices: Path, tmp_path: Path
) -> None:
    votes = [{"answer": "pony tail", "raw_answer": "ponytail"}] * 10
    told = {"annotations": [{"question_id": 516065, "answers": votes}]}
    raw = put(tmp_path / "raw", {"mscoco_train2014_annotations.json": told})
    shown = put(tmp_path / "pool", {"COCO_train2014_000000051606.jpg": picture(format_="JPEG")})
    counts, (sample,) = ingest("okvqa", slices / "okvqa", raw, shown)
    assert counts["reasons"]["quarantined"] == {"annotation_missing": 39}
    assert turns(sample) == [("What is the hairstyle of the blond called?", "Ponytail.")]


def test_coco_is_read_from_its_own_archive(ingest: Any, tmp_path: Path) -> None:
    raw = put(
        tmp_path / "raw",
        {
            "v2_OpenEnded_mscoco_train2014_questions.json": asked(9),
            "v2_mscoco_train2014_annotations.json": told(9),
        },
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("train2014/COCO_train2014_000000000009.jpg", picture(format_="JPEG"))
    pool = put(tmp_path / "coco", {"train2014.zip": packed.getvalue()})
    _, (sample,) = ingest("vqav2", raw, pool)
    assert sample["images"][0]["bytes"] == picture(format_="JPEG")


def test_annotations_in_reverse_order_find_their_questions(ingest: Any, tmp_path: Path) -> None:
    pictures = {f"train2017/{n:012d}.jpg": picture((n, 9, 9), "JPEG") for n in range(1, 40)}
    files = {
        "OpenEnded_mscoco_train2014_questions.json": asked(*range(1, 40)),
        "mscoco_train2014_annotations.json": told(*range(39, 0, -1)),
    }
    _, samples = ingest("okvqa", put(tmp_path / "raw", files | pictures))
    assert [turns(s) for s in samples] == [[("What?", f"A{n}.")] for n in range(1, 40)]


def test_questions_of_vqa_are_not_taken_for_those_of_okvqa(tmp_path: Path) -> None:
    raw = put(tmp_path, {"v2_OpenEnded_mscoco_train2014_questions.json": asked(9)})
    with pytest.raises(SourceError, match="no raw data of source 'okvqa'"):
        detect("okvqa", "auto", Raw([str(raw)]), "train")


def test_a_missing_val_split_names_the_splits_that_are_there(tmp_path: Path) -> None:
    files = {
        "v2_OpenEnded_mscoco_train2014_questions.json": asked(9),
        "v2_mscoco_train2014_annotations.json": told(9),
    }
    with pytest.raises(SourceError) as error:
        detect("vqav2", "auto", Raw([str(put(tmp_path, files))]), "val")
    assert error.value.hint == "found: --split train"


def test_a_picture_is_looked_for_in_every_usual_place() -> None:
    row = Row(file="q.json", record="0", data={}, folder="/r", split="train", source="vqav2")
    shown = coco(row, "9", COCO_FOLDERS["train"])
    assert shown.path == "COCO_train2014_000000000009.jpg"
    assert {
        "train2014/COCO_train2014_000000000009.jpg",
        "coco/train2017/000000000009.jpg",
        "/r/train2017/000000000009.jpg",
        "COCO_train2014_000000000009.jpg",
        "000000000009.jpg",
    } <= set(shown.candidates)


@pytest.mark.parametrize("line", [b"dog\n", b"dog\ncat\nbus\n", b"dog\ncat\n\n\n"])
def test_cocoqa_files_of_different_length_are_refused(
    line: bytes, ingest: Any, tmp_path: Path
) -> None:
    files = {
        "train/questions.txt": b"what is it\nwho is it\n",
        "train/answers.txt": line,
        "train/img_ids.txt": b"9\n10\n",
        "train/types.txt": b"0\n0\n",
    }
    with pytest.raises(SourceError, match="differ in length") as error:
        ingest("cocoqa", put(tmp_path / "raw", files))
    assert error.value.hint and "no line" in error.value.hint


def test_cocoqa_lines_that_are_not_utf8_are_rejected(ingest: Any, tmp_path: Path) -> None:
    files = {f"train/{n}.txt": b"9\n9\n" for n in ("questions", "img_ids", "types")}
    files["train/answers.txt"] = b"caf\xe9\ncafe\n"
    files["train2014/COCO_train2014_000000000009.jpg"] = picture(format_="JPEG")
    counts, (sample,) = ingest("cocoqa", put(tmp_path / "raw", files))
    assert counts["reasons"]["quarantined"] == {"text_not_utf8": 1}
    assert turns(sample) == [("9?", "Cafe.")]


def test_a_file_of_general_name_is_told_by_its_first_record(tmp_path: Path) -> None:
    other = put(tmp_path, {"train.json": [{"id": 1, "conversations": []}], "dataset.json": {}})
    with pytest.raises(SourceError, match="no raw data of source 'tallyqa'"):
        detect("tallyqa", "auto", Raw([str(other)]), "train")


def test_a_list_is_not_taken_for_the_object_of_ocrvqa(tmp_path: Path) -> None:
    raw = put(tmp_path, {"dataset.json": [{"imageURL": "x", "questions": []}]})
    with pytest.raises(SourceError, match="no raw data of source 'ocrvqa'"):
        detect("ocrvqa", "auto", Raw([str(raw)]), "train")


def test_a_file_without_records_fits() -> None:
    assert holds(iter(()), "image")


def test_a_tallyqa_tie_goes_to_the_answer_seen_first(ingest: Any, tmp_path: Path) -> None:
    record = {"image": "VG_100K/1.jpg", "question": "How many?", "image_id": 1}
    rows = [{**record, "question_id": k, "answer": n} for k, n in enumerate((5, 3, 3, 5))]
    files = {"train.json": rows, "VG_100K/1.jpg": picture(format_="JPEG")}
    _, (sample,) = ingest("tallyqa", put(tmp_path / "raw", files))
    assert turns(sample) == [("How many?", "5")]


def test_a_path_of_st_vqa_outside_the_roots_is_never_read(ingest: Any, tmp_path: Path) -> None:
    put(tmp_path, {"secret.jpg": picture(format_="JPEG")})
    record = {"question": "What?", "answers": ["x"], "set_name": "train"}
    paths = ("../secret.jpg", f"{tmp_path}/secret.jpg", "vg/../../secret.jpg")
    rows = [{**record, "file_path": path} for path in paths]
    counts, samples = ingest("st_vqa", put(tmp_path / "raw", {"train_task_2.json": {"data": rows}}))
    assert counts["reasons"]["quarantined"] == {"path_outside": 3}
    assert samples == []


def test_the_reject_of_a_meme_does_not_repeat_its_words(ingest: Any, tmp_path: Path) -> None:
    line = {"id": 1, "img": "img/1.png", "label": 9, "text": "words nobody should read in a log"}
    counts, _ = ingest("hateful_memes", put(tmp_path / "raw", {"train.jsonl": line}))
    assert counts["quarantined"] == 1
    (log,) = (tmp_path / "work").glob("quarantine/**/*.jsonl")
    assert b"words nobody" not in log.read_bytes()


@pytest.mark.parametrize(
    ("words", "paper"),
    [
        ("A|MOVE|to|stop|.", "A MOVE to stop."),
        ('He|said|"|No|.|"', 'He said "No."'),
        ("the|town|'s|mill|,|(|1,5|)|!", "the town's mill, (1,5)!"),
        ('"|Wait', '" Wait'),
    ],
)
def test_words_of_iam_are_joined_as_on_paper(words: str, paper: str) -> None:
    assert written(words) == paper


@pytest.mark.parametrize("seed", [0, 1])
def test_the_place_of_the_right_answer_of_visual7w_follows_the_seed(
    seed: int, ingest: Any, tmp_path: Path
) -> None:
    pairs = [
        {"qa_id": k, "question": f"q{k}", "answer": "r", "multiple_choices": ["a", "b", "c"]}
        for k in range(40)
    ]
    image = {"split": "train", "filename": "v7w_1.jpg", "image_id": 1, "qa_pairs": pairs}
    files: dict[str, Any] = {"dataset_v7w_telling.json": {"images": [image]}}
    files["images/v7w_1.jpg"] = picture(format_="JPEG")
    _, (sample,) = ingest("visual7w", put(tmp_path / "raw", files), seed=seed)
    letters = [answer for _, answer in turns(sample)]
    assert {f"Answer: {letter}" for letter in "ABCD"} == set(letters)
    assert all(letters.count(letter) >= 3 for letter in set(letters))
