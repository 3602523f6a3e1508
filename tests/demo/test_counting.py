"""The counting task: balanced, told by the picture alone."""

from __future__ import annotations

import io
import itertools
from collections import Counter

import numpy as np
import numpy.typing as npt
import orjson
import pytest
from PIL import Image

from cauldron.demo.radiology import COUNT, nodules
from cauldron.demo.tree import rng_of

from .conftest import COUNTING, Trees


def _blobs(bright: npt.NDArray[np.bool_]) -> int:
    """Count connected regions by spreading labels until nothing changes."""
    labels = np.where(bright, np.arange(1, bright.size + 1).reshape(bright.shape), 0)
    while True:
        padded = np.pad(labels, 1)
        around = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
        spread = np.where(bright, np.maximum.reduce([labels, *around]), 0)
        if (spread == labels).all():
            return len(np.unique(labels[bright]))
        labels = spread


def _rows(trees: Trees, kind: str) -> list[dict[str, str]]:
    payload = (trees.folder / "vqarad/VQA_RAD Dataset Public.json").read_bytes()
    rows = orjson.loads(payload.removeprefix(b"\xef\xbb\xbf"))
    return [r for r in rows if r["question"] == COUNT and r["phrase_type"] == kind]


@pytest.mark.parametrize("number", range(1, 7))
def test_as_many_bright_regions_as_nodules(number: int) -> None:
    rng = rng_of(number, "regions")
    pictures = [np.asarray(nodules(rng, number)) for _ in range(5)]
    assert [_blobs(picture > 105) for picture in pictures] == [number] * 5


def test_answers_are_balanced(trees: Trees) -> None:
    answers = Counter(row["answer"] for row in _rows(trees, "freeform"))
    assert set(answers) == set("123456")
    assert max(answers.values()) - min(answers.values()) <= 4  # copies and leaks are in it


def test_the_number_of_pictures_is_a_parameter(trees: Trees) -> None:
    names = {r["image_name"] for r in _rows(trees, "freeform") if r["image_name"] < "synpic9"}
    assert len(names) == COUNTING


def test_neither_place_in_the_list_nor_name_tells_the_answer_to_the_next(trees: Trees) -> None:
    rows = [r for r in _rows(trees, "freeform") if r["image_name"] < "synpic9"]
    numbers = [int(row["answer"]) for row in rows]
    steps = Counter((b - a) % 6 for a, b in itertools.pairwise(numbers))
    assert max(steps.values()) < len(numbers) / 2


def test_pictures_are_96_by_64(trees: Trees) -> None:
    name = _rows(trees, "test_freeform")[0]["image_name"]
    data = (trees.folder / "vqarad/VQA_RAD Image Folder" / name).read_bytes()
    assert Image.open(io.BytesIO(data)).size == (96, 64)
