"""VQA-RAD in its official layout: drawn scans with bright nodules to be counted.

The counting pictures are the demo's training task. They are balanced over one to six nodules and
share one question, so that nothing but the picture tells the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from cauldron.demo.drawing import NOT_A_PICTURE, copied, cut_off, jpeg, noisy, shaded
from cauldron.demo.tree import Rng, Tree, one_of, some_of

WIDTH, HEIGHT, MOST = 96, 64, 6
_CELL = 16
COUNT = "How many nodules are visible?"
_LIST = "vqarad/VQA_RAD Dataset Public.json"
_FOLDER = "vqarad/VQA_RAD Image Folder"
Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A picture, its encoded bytes and its records."""

    name: str
    data: bytes
    records: tuple[dict[str, Any], ...]


def nodules(rng: Rng, number: int) -> Image.Image:
    """Draw a dark noisy picture of 96 x 64 pixels with bright discs that do not touch."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    clouds = Image.fromarray(rng.standard_normal((5, 7), dtype=np.float32) * 10)
    pixels = np.array(clouds.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    pixels += 42 + rng.standard_normal((HEIGHT, WIDTH), dtype=np.float32) * 5
    for cx, cy, radius in _places(rng, number):
        inside = np.clip(radius + 0.5 - np.hypot(x - cx, y - cy), 0, 1)  # soft edge of one pixel
        pixels += inside * (rng.uniform(150, 230) - pixels)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _places(rng: Rng, number: int) -> list[tuple[float, float, float]]:
    """Return centre and radius of discs, each near the middle of a cell of its own."""
    cells = some_of(
        rng, [(c, r) for c in range(WIDTH // _CELL) for r in range(HEIGHT // _CELL)], number
    )
    return [
        (
            _CELL * (column + 0.5) + rng.uniform(-1.5, 1.5),
            _CELL * (row + 0.5) + rng.uniform(-1.5, 1.5),
            rng.uniform(3.5, 6),
        )
        for column, row in cells
    ]


def vqarad(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write VQA-RAD: one JSON list of train and test rows beside the picture folder.

    Args:
        records: counting pictures of the training rows; one for eight of them are added as test.
    """
    train = [_counting(tree, rng, 10_000 + k, k, "freeform") for k in range(records)]
    test = [_counting(tree, rng, 50_000 + k, k, "test_freeform") for k in range(records // 8 + 6)]
    films = [_film(tree, rng, 70_000 + k) for k in range(16)]
    rows = [row for scan in (*train, *films) for row in scan.records]
    rows = [rows[int(k)] for k in rng.permutation(len(rows))]
    rows += [row for scan in test for row in scan.records]
    rows += _copies(tree, train, test) + _oddities(tree, films)
    for number, row in enumerate(rows, start=1):
        row["qid"] = str(number)
    rows[-1]["qid"] = "1"
    tree.plant("vqarad", "repeated id of a question", "read", (), "1")
    tree.plant("vqarad", "byte order mark", "read", (), "VQA_RAD Dataset Public.json")
    tree.json(_LIST, rows, bom=True)
    return ["vqarad"]


def _record(name: str, question: str, answer: Any, kind: str, organ: str) -> dict[str, Any]:
    closed = str(answer).strip().lower() in ("yes", "no")
    return {
        "qid": "",
        "phrase_type": kind,
        "qid_linked_id": "",
        "image_case_url": f"https://cases.example/{name.partition('.')[0]}",
        "image_name": name,
        "image_organ": organ,
        "evaluation": "not evaluated",
        "question": question,
        "question_rephrase": "NULL",
        "question_relation": "NULL",
        "question_frame": "NULL",
        "question_type": "COUNT" if question == COUNT else "PRES",
        "answer": answer,
        "answer_type": "CLOSED " if closed else "OPEN",
    }


def _counting(tree: Tree, rng: Rng, number: int, turn: int, kind: str) -> Scan:
    """Write one counting picture; the classes take turns, so that they are balanced."""
    count = turn % MOST + 1
    name, data = f"synpic{number}.jpg", jpeg(nodules(rng, count), 90)
    tree.write(f"{_FOLDER}/{name}", data)
    return Scan(name=name, data=data, records=(_record(name, COUNT, str(count), kind, "CHEST"),))


def _film(tree: Tree, rng: Rng, number: int) -> Scan:
    """Write a drawn film of head, chest or abdomen with three other questions on it."""
    organ = ("HEAD", "CHEST", "ABD")[number % 3]
    image = shaded(160, 192, (20, 20, 22), one_of(rng, ((70, 70, 74), (40, 40, 44), (90, 88, 88))))
    draw = ImageDraw.Draw(image)
    left, top, right = (int(rng.integers(*ends)) for ends in ((4, 40), (6, 60), (110, 156)))
    if organ == "HEAD":
        draw.ellipse((left, top, right, 180), fill=(95, 95, 98), outline=(235, 235, 235), width=7)
    elif organ == "CHEST":
        for near, far in ((left, 74), (86, right)):
            draw.ellipse((near, top, far, 170), fill=(10, 10, 12), outline=(130, 130, 134))
    else:
        draw.ellipse((left, top, right, 184), fill=(80, 80, 82))
        draw.ellipse((left + 14, top + 24, left + 76, top + 90), fill=(150, 150, 152))
    lesion, device = bool(rng.integers(2)), bool(rng.integers(2))
    x, y = int(rng.integers(30, 120)), int(rng.integers(70, 150))
    if lesion:
        draw.ellipse((x, y, x + 22, y + 26), fill=(205, 205, 208))
    if device:
        draw.line((x, 0, 150 - x // 2, y), fill=(250, 250, 250), width=4)
    name, data = f"synpic{number}.jpg", jpeg(noisy(image, rng, 5.0))
    tree.write(f"{_FOLDER}/{name}", data)
    asked = (
        ("Is there a bright lesion?", "Yes" if lesion else "No", "freeform"),
        ("Is a line or tube in place?", "Yes" if device else "No", "para"),
        ("Which part of the body is imaged?", organ.capitalize(), "freeform"),
    )
    rows = tuple(_record(name, q, a, kind, organ) for q, a, kind in asked)
    return Scan(name=name, data=data, records=rows)


def _copies(tree: Tree, train: list[Scan], test: list[Scan]) -> list[dict[str, Any]]:
    """Plant copies of training pictures, and test pictures among the training rows."""
    leak, near = ("benchmark_leak",), ("near_duplicate_image",)
    plans: list[tuple[str, Scan, str, tuple[str, ...], bytes]] = []
    for scan in train[:4]:
        again = "picture and question again under another name"
        plans.append((again, scan, "dedup", ("exact_duplicate",), scan.data))
    for scan in train[4:8]:
        again = "picture encoded again, same question"
        plans.append((again, scan, "dedup", near, copied(scan.data, quality=75)))
    for scan in test[:3]:
        plans.append(("test picture and question", scan, "decontaminate", leak, scan.data))
    for scan in test[3:6]:
        again = "test picture encoded again, same question"
        larger = copied(scan.data, quality=80, scale=1.5)
        plans.append((again, scan, "decontaminate", leak, larger))
    rows = []
    for number, (trap, scan, step, reasons, data) in enumerate(plans):
        name = f"synpic{90_000 + number}.jpg"
        tree.write(f"{_FOLDER}/{name}", data)
        rows.append({**scan.records[0], "image_name": name, "phrase_type": "freeform"})
        tree.plant("vqarad", trap, step, reasons, f"vqarad/train/{name.removesuffix('.jpg')}")
    return rows


def _oddities(tree: Tree, films: list[Scan]) -> list[dict[str, Any]]:
    """Plant repeated and reworded questions, odd fields and unusable pictures."""
    first = films[0]
    repeated = {**first.records[0], "question": f" {first.records[0]['question']}\t"}
    tree.plant("vqarad", "question repeated with a tab", "skipped", "repeated_question", first.name)
    frame = {**first.records[1], "phrase_type": "frame"}
    tree.plant("vqarad", "rewording by template", "skipped", "template_rewording", first.name)
    empty = _record(first.name, "What is the diagnosis?", " ", "freeform", "CHEST")
    tree.plant("vqarad", "empty answer", "quarantined", "empty_answer", first.name)
    number = _record(first.name, "How many hemispheres are there?", 2, "freeform", "CHEST")
    entity = _record(films[1].name, "Is it &lt; 50 % &amp; round?", "Yes", "freeform", "CHEST")
    tree.plant("vqarad", "answer that is a number", "read", (), first.name)
    tree.plant("vqarad", "HTML entity in a question", "read", (), films[1].name)
    rows = [repeated, frame, empty, number, entity]
    broken: tuple[tuple[str, str, bytes | None], ...] = (
        ("truncated picture", "image_truncated", cut_off(first.data)),
        ("HTML page instead of a picture", "image_not_identified", NOT_A_PICTURE),
        ("picture of zero bytes", "image_empty", b""),
        ("missing picture", "image_missing", None),
    )
    for place, (trap, reason, payload) in enumerate(broken):
        name = f"synpic{95_000 + place}.jpg"
        if payload is not None:
            tree.write(f"{_FOLDER}/{name}", payload)
        rows.append(_record(name, "Is a line or tube in place?", "No", "freeform", "CHEST"))
        tree.plant("vqarad", trap, "quarantined", reason, name)
    return rows


__all__ = ["COUNT", "nodules", "vqarad"]
