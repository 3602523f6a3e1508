"""Diagrams with questions: AI2D in its official layout, drawn cycles and food chains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from cauldron.demo.drawing import INK, copied, cut_off, jpeg, png, text_width, write_text
from cauldron.demo.tree import BOM, Rng, Tree, one_of, some_of

_CYCLES = (
    ("egg", "larva", "pupa", "adult"),
    ("seed", "sprout", "sapling", "tree", "fruit"),
    ("egg", "tadpole", "froglet", "frog"),
    ("cloud", "rain", "river", "sea", "vapour"),
    ("new moon", "first quarter", "full moon", "last quarter"),
)
_CHAINS = (
    ("grass", "cricket", "frog", "snake", "hawk"),
    ("algae", "shrimp", "herring", "seal"),
    ("leaf", "snail", "thrush", "fox"),
    ("plankton", "krill", "penguin", "orca"),
    ("carrot", "rabbit", "weasel", "owl"),
)
_TEST_CYCLES = (
    ("spore", "moss", "capsule", "lid"),
    ("spring", "summer", "autumn", "winter"),
    ("magma", "lava", "basalt", "sand", "sandstone"),
    ("egg", "chick", "pullet", "hen"),
    ("dawn", "noon", "dusk", "midnight"),
)
_TEST_CHAINS = (
    ("nectar", "moth", "bat", "python", "eagle"),
    ("kelp", "urchin", "otter", "shark"),
    ("acorn", "mouse", "stoat", "lynx"),
    ("pollen", "bee", "toad", "heron"),
    ("lichen", "reindeer", "wolf", "bear"),
)
"""Other than those of training: a test diagram that is there too has been planted."""
_FILLS = ((238, 232, 205), (214, 232, 214), (220, 226, 242), (246, 220, 214), (255, 255, 255))


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """Labels in order, and where each stands: left, top, right, bottom in pixels."""

    kind: str
    labels: tuple[str, ...]
    boxes: tuple[tuple[int, int, int, int], ...]


def diagram(rng: Rng, test: bool = False) -> tuple[Diagram, Image.Image]:
    """Draw a cycle or a chain: labelled boxes joined by arrows."""
    kind = one_of(rng, ("cycle", "chain"))
    cycles, chains = (_TEST_CYCLES, _TEST_CHAINS) if test else (_CYCLES, _CHAINS)
    labels = tuple(one_of(rng, cycles if kind == "cycle" else chains))
    turn = int(rng.integers(len(labels))) if kind == "cycle" else 0
    labels = labels[turn:] + labels[:turn]
    width, height = int(rng.integers(340, 420)), int(rng.integers(260, 330))
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    size, fill = int(rng.integers(13, 18)), one_of(rng, _FILLS)
    middles = _middles(rng, kind, len(labels), width, height)
    joined = zip(middles, middles[1:] + middles[:1], strict=True)
    for start, end in list(joined)[: len(labels) - (kind == "chain")]:
        _arrow(draw, start, end)
    boxes = []
    for (x, y), label in zip(middles, labels, strict=True):
        half = text_width(label, size) // 2 + 10
        box = (x - half, y - 16, x + half, y + 16)
        if kind == "cycle":
            draw.ellipse((box[0] - 4, y - 22, box[2] + 4, y + 22), fill=fill, outline=INK, width=2)
        else:
            draw.rectangle(box, fill=fill, outline=INK, width=2)
        write_text(draw, x, y, label, size, anchor="mm")
        boxes.append(box)
    return Diagram(kind=kind, labels=labels, boxes=tuple(boxes)), image


def _middles(rng: Rng, kind: str, number: int, width: int, height: int) -> list[tuple[int, int]]:
    if kind == "cycle":
        start = rng.uniform(0, math.tau)
        angles = [start + math.tau * k / number for k in range(number)]
        across, down = width / 2 - 74, height / 2 - 34
        return [
            (round(width / 2 + across * math.cos(a)), round(height / 2 + down * math.sin(a)))
            for a in angles
        ]
    climb, shift = one_of(rng, (-1, 1)), int(rng.integers(-10, 11))
    step = (height - 70) / (number - 1)
    sides = [62, width - 62]
    return [
        (
            sides[k % 2] + shift * (k % 3 - 1),
            round(height / 2 + climb * step * (k - (number - 1) / 2)),
        )
        for k in range(number)
    ]


def _arrow(draw: ImageDraw.ImageDraw, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Draw an arrow whose head stands half way, where no box hides it."""
    (x, y), (a, b) = start, end
    draw.line((x, y, a, b), fill=INK, width=2)
    angle = math.atan2(b - y, a - x)
    tip = (x + 0.58 * (a - x), y + 0.58 * (b - y))
    sides = [
        (tip[0] - 12 * math.cos(angle + turn), tip[1] - 12 * math.sin(angle + turn))
        for turn in (-0.45, 0.45)
    ]
    draw.polygon([tip, *sides], fill=INK)


def _questions(rng: Rng, name: str, shown: Diagram) -> dict[str, Any]:
    labels = shown.labels
    at = int(rng.integers(len(labels) - 1))
    if shown.kind == "cycle":
        asked = [
            (f"Which stage follows the {labels[at]}?", labels[at + 1]),
            (f"What comes just before the {labels[at + 1]}?", labels[at]),
        ]
    else:
        asked = [
            (f"What eats the {labels[at]}?", labels[at + 1]),
            (f"What does the {labels[at + 1]} feed on?", labels[at]),
        ]
    out: dict[str, Any] = {}
    for number, (question, right) in enumerate(asked):
        others = some_of(rng, [label for label in labels if label != right], 3)
        options = some_of(rng, [right, *others], 4)
        out[question] = {
            "abcLabel": False,
            "answerTexts": options,
            "correctAnswer": options.index(right),
            "questionId": f"{name}-{len(asked) - number - 1}",
        }
    counted = [str(len(labels) + k) for k in (-1, 0, 1, 2)]
    out["How many labels are shown?"] = {
        "abcLabel": False,
        "answerTexts": counted,
        "correctAnswer": 1,
        "questionId": f"{name}-{len(asked)}",
    }
    return out


_LETTER = {"abcLabel": True, "answerTexts": list("ABCD"), "correctAnswer": 2}


def ai2d(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write AI2D: one question file, annotation and picture a diagram; test diagrams by a list."""
    pictures: dict[int, bytes] = {}
    asked: dict[int, dict[str, Any]] = {}
    test = range(records, records + max(records // 4, 4))
    for number in range(test.stop):
        shown, image = diagram(rng, number in test)
        mode = ("RGB", "RGB", "RGBA", "P")[number % 4]
        pictures[number] = png(image.convert(mode))
        asked[number] = _questions(rng, f"{number}.png", shown)
        if number % 5 == 3:
            letter = {**_LETTER, "questionId": f"{number}.png-9"}
            asked[number]["Which letter marks the first stage?"] = letter
        _annotate(tree, number, shown)
    tree.plant(
        "ai2d",
        "question on letters that the picture lacks",
        "notes",
        "letter_question_dropped",
        *(str(n) for n in range(3, records, 5)),
    )
    _copies(tree, asked, pictures, test)
    _oddities(tree, asked, pictures)
    for number, questions in asked.items():
        _write(tree, number, questions, pictures.get(number))
    listed = "\r\n".join(str(number) for number in test).encode() + b"\r\n"
    tree.write("ai2d/ai2d_test_ids.csv", BOM + listed)
    tree.plant("ai2d", "byte order mark, Windows line ends", "read", (), "ai2d_test_ids.csv")
    tree.json("ai2d/ai2d/categories.json", {f"{n}.png": "drawnDiagrams" for n in asked})
    return ["ai2d"]


def _write(tree: Tree, number: int, questions: dict[str, Any], picture: bytes | None) -> None:
    value = {"imageName": f"{number}.png", "questions": questions}
    tree.json(f"ai2d/ai2d/questions/{number}.png.json", value)
    if picture is not None:
        tree.write(f"ai2d/ai2d/images/{number}.png", picture)


def _annotate(tree: Tree, number: int, shown: Diagram) -> None:
    text = {
        f"T{k}": {
            "id": f"T{k}",
            "rectangle": [list(box[:2]), list(box[2:])],
            "value": label,
            "replacementText": "ABCDEFG"[k],
        }
        for k, (label, box) in enumerate(zip(shown.labels, shown.boxes, strict=True))
    }
    value = {"imageName": f"{number}.png", "text": text, "arrows": {}, "blobs": {}}
    tree.json(f"ai2d/ai2d/annotations/{number}.png.json", value)


def _copies(
    tree: Tree, asked: dict[int, dict[str, Any]], pictures: dict[int, bytes], test: Sequence[int]
) -> None:
    """Plant copies of training diagrams, and of test diagrams among the training ones."""
    leak = ("benchmark_leak",)
    plans = (
        ("diagram again under another number", 0, "dedup", ("exact_duplicate",), 100, 1.0),
        ("diagram again under another number", 1, "dedup", ("exact_duplicate",), 100, 1.0),
        ("diagram encoded again", 2, "dedup", ("near_duplicate_image",), 80, 1.0),
        ("test diagram and questions", test[0], "decontaminate", leak, 100, 1.0),
        ("test diagram encoded again", test[1], "decontaminate", leak, 75, 1.0),
    )
    for place, (trap, of, step, reasons, quality, scale) in enumerate(plans):
        number, data = 9_000 + place, pictures[of]
        pictures[number] = data if quality == 100 else copied(data, quality=quality, scale=scale)
        asked[number] = {text: q for text, q in asked[of].items() if not q["abcLabel"]}
        tree.plant("ai2d", trap, step, reasons, f"ai2d/train/{number}")


def _oddities(tree: Tree, asked: dict[int, dict[str, Any]], pictures: dict[int, bytes]) -> None:
    """Plant diagrams without usable questions, without a picture, or with a broken one."""
    like = asked[4]
    pictures |= dict.fromkeys(range(8_000, 8_005), pictures[4])
    asked[8_000] = {}
    tree.plant("ai2d", "diagram without questions", "skipped", "no_question", "8000")
    asked[8_001] = {"Which letter is on top?": {**_LETTER, "questionId": "8001.png-0"}}
    tree.plant("ai2d", "questions on letters only", "skipped", "letter_questions_only", "8001")
    right = next(iter(like.values()))
    asked[8_002] = {"Which is right?": {**right, "correctAnswer": 4}}
    tree.plant(
        "ai2d", "answer behind the last choice", "quarantined", "answer_not_among_choices", "8002"
    )
    asked[8_003], pictures[8_003] = like, cut_off(pictures[4])
    tree.plant("ai2d", "truncated picture", "quarantined", "image_truncated", "8003")
    asked[8_004] = like
    del pictures[8_004]
    tree.plant("ai2d", "missing picture", "quarantined", "image_missing", "8004")
    asked[8_005] = {"What is on this card?": {**right, "answerTexts": ["a", "b", "c", "d"]}}
    pictures[8_005] = jpeg(Image.fromarray(np.full((90, 120, 3), 255, np.uint8)))
    tree.plant("ai2d", "blank picture", "filter", "image_blank", "ai2d/train/8005")
