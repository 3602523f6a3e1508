"""Real records of the first sources: counts, and turns that were read in the raw files by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.media.images import open_rgb

SPLITS = {
    "vsr": "train",
    "tabmwp": "dev1k",
    "tat_qa": "dev",
    "vqarad": "train",
    "textvqa": "train",
    "chartqa": "test",
    "raven": "train",
}
COUNTS = {  # read, written, quarantined, skipped, turns
    "vsr": (40, 39, 1, 0, 39),
    "tabmwp": (24, 24, 0, 0, 24),
    "tat_qa": (8, 8, 0, 0, 48),
    "vqarad": (36, 8, 0, 28, 29),
    "textvqa": (3, 2, 0, 1, 3),
    "chartqa": (16, 8, 0, 8, 16),
    "raven": (7, 7, 0, 0, 7),
}
ANSWERS = {  # id, first line or lines that end the question, answer
    "vsr": [
        ("vsr/train/000000558388", '"The cake is next to the person."', "Yes."),
        ("vsr/train/000000172406", '"The horse is next to the bus."', "No."),
        ("vsr/train/000000330955", '"The sandwich is touching the person."', "Yes."),
    ],
    "tabmwp": [
        (
            "tabmwp/dev1k/117",
            "What is the weight of the lightest child?",
            "Look at the first row of the stem-and-leaf plot. The first row has the lowest stem. "
            "The stem for the first row is 1.\nNow find the lowest leaf in the first row. The "
            "lowest leaf is 0.\nThe weight of the lightest child has a stem of 1 and a leaf of 0. "
            "Write the stem first, then the leaf: 10.\nThe weight of the lightest child is 10 "
            "pounds.",
        ),
    ],
    "tat_qa": [
        (
            "tat_qa/dev/3ffd9053-a45d-491c-957a-1b2fa0af0570",
            "What is the amount of total sales in 2019?\nGive the answer in millions.",
            "$1,496.5.",
        ),
        (
            "tat_qa/dev/3ffd9053-a45d-491c-957a-1b2fa0af0570",
            "What is the percentage change in Other in 2019 from 2018?\n"
            "Give the answer as a percentage.",
            "(44.1-56.7)/56.7\nAnswer: -22.22.",
        ),
        (
            "tat_qa/dev/3ffd9053-a45d-491c-957a-1b2fa0af0570",
            "In which year is the amount of total sales the largest?",
            "1,496.5>1,202.9>1,107.7\nAnswer: 2019.",
        ),
        (
            "tat_qa/dev/53474060-2736-46cb-bd97-1eb42f0ff3c1",
            "What are the types of Solutions segments in the table?",
            "Transportation Solutions, Industrial Solutions, Communications Solutions.",
        ),
    ],
    "vqarad": [
        ("vqarad/train/synpic54610", "Are regions of the brain infarcted?", "Yes."),
        ("vqarad/train/synpic29265", "Is there evidence of a pneumothorax", "No."),
        (
            "vqarad/train/synpic28602",
            "What type of imaging does this not represent?",
            "Ultrasound.",
        ),
        ("vqarad/train/synpic28602", "What is not pictured in this image?", "The extremities."),
    ],
    "textvqa": [
        ("textvqa/train/0054c91397f2fe05", "What is the brand of phone?", "Nokia."),
        ("textvqa/train/005635e119b9f32f", "What type of plane is this?", "Lape."),
        (
            "textvqa/train/005635e119b9f32f",
            "What are the letters on the tail section of the plane?",
            "Ec.",
        ),
    ],
    "chartqa": [
        ("chartqa/test/01499440003158", "Green bar and Orange bar?", "0.08"),
        ("chartqa/test/01729694006399", "What color does China represent?", "Pink."),
        ("chartqa/test/05114418009630", "Is the value of Gabon more then Tonga?", "Yes"),
        ("chartqa/test/05705464003774", "What is colombia data?", "0.1"),
    ],
}


@pytest.fixture(scope="module")
def done(slices: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Counts and samples by id of a slice, ingested once for all tests."""
    kept: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}

    def of(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        if name not in kept:
            work = tmp_path_factory.mktemp(name)
            with LocalEngine(0) as engine:
                raw = [str(slices / name)]
                entry = steps.ingest(engine, str(work), name, raw, split=SPLITS[name])
            table = pq.read_table(work / "samples" / name)
            kept[name] = entry["counts"], {row["id"]: row for row in table.to_pylist()}
        return kept[name]

    return of


def turns(sample: dict[str, Any]) -> list[tuple[str, str]]:
    said = [message["content"][-1]["text"] for message in sample["messages"]]
    return list(zip(said[::2], said[1::2], strict=True))


@pytest.mark.parametrize("name", SPLITS)
def test_counts_are_those_of_the_raw_files(name: str, done: Any) -> None:
    counts = done(name)[0]
    keys = ("read", "written", "quarantined", "skipped", "turns")
    assert tuple(counts[key] for key in keys) == COUNTS[name]


@pytest.mark.parametrize(
    ("sample_id", "question", "answer"), [row for rows in ANSWERS.values() for row in rows]
)
def test_the_answer_is_the_one_in_the_raw_file(
    sample_id: str, question: str, answer: str, done: Any
) -> None:
    found = turns(done(sample_id.partition("/")[0])[1][sample_id])
    assert [said for asked, said in found if question in asked] == [answer]


def test_the_caption_without_a_picture_is_in_quarantine(done: Any) -> None:
    assert done("vsr")[0]["reasons"]["quarantined"] == {"image_missing": 1}


def test_template_rewordings_of_vqarad_are_left_out(done: Any) -> None:
    assert done("vqarad")[0]["reasons"]["skipped"]["template_rewording"] == 7


def test_paragraphs_stand_before_the_first_question_only(done: Any) -> None:
    sample = done("tat_qa")[1]["tat_qa/dev/3ffd9053-a45d-491c-957a-1b2fa0af0570"]
    first, second = (asked for asked, _ in turns(sample)[:2])
    assert first.startswith("Sales by Contract Type: Substantially all of our contracts are fixed")
    assert first.endswith("(in millions):\nWhat is the company paid on a cost-plus type contract?")
    assert second == "What is the amount of total sales in 2019?\nGive the answer in millions."


@pytest.mark.parametrize("folder", ["center_single", "distribute_nine", "distribute_four"])
def test_a_puzzle_of_raven_has_the_answer_of_its_file(folder: str, done: Any, slices: Path) -> None:
    sample = done("raven")[1][f"raven/train/{folder}/0"]
    with np.load(slices / f"raven/RAVEN-10000/{folder}/RAVEN_0_train.npz") as arrays:
        panels, target = arrays["image"], int(arrays["target"])
    ((_, answer),) = turns(sample)
    if len(sample["images"]) == 1:
        assert answer == "ABCDEFGH"[target]
        return
    shown = np.asarray(open_rgb(sample["images"][1]["bytes"]))[12:-12, 12:-12, 0]
    number = next(n for n in range(8) if np.array_equal(panels[8 + n], shown))
    assert answer == ("Yes." if number == target else "No.")
    assert number == orjson.loads(sample["extra"])["shown"]


def test_a_matrix_of_raven_shows_its_panels_row_by_row(done: Any, slices: Path) -> None:
    sample = done("raven")[1]["raven/train/distribute_nine/0"]
    with np.load(slices / "raven/RAVEN-10000/distribute_nine/RAVEN_0_train.npz") as arrays:
        panels = arrays["image"]
    board = np.asarray(open_rgb(sample["images"][0]["bytes"]))[..., 0]
    for number in range(8):
        row, column = divmod(number, 3)
        top, left = 12 + 162 * row, 12 + 162 * column
        assert np.array_equal(board[top : top + 160, left : left + 160], panels[number])
