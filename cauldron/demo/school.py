"""School exercises in official layouts: ScienceQA, TQA, IconQA, Inter-GPS and GeomVerse, drawn."""

from __future__ import annotations

import math
from typing import Any

import orjson
from PIL import Image, ImageDraw

from cauldron.demo import words
from cauldron.demo.coco_photos import BROKEN, broken_payload
from cauldron.demo.diagrams import Diagram, diagram
from cauldron.demo.drawing import INK, jpeg, png, write_text
from cauldron.demo.scenes import KINDS, Thing, draw_thing
from cauldron.demo.tree import Rng, Tree, one_of, some_of

Record = dict[str, Any]
_SKILLS = ("Interpret food webs", "Order the stages of a cycle")
_LECTURE = """A food web is a model.
A food web shows where living things get their food. Arrows show how matter moves:
• An arrow starts at what is eaten.
• It ends at what eats."""
_SPLITS = {"train": 1.0, "val": 0.25, "test": 0.2}


def _sizes(records: int) -> dict[str, int]:
    return {split: max(int(records * share), 3) for split, share in _SPLITS.items()}


def _about(rng: Rng, shown: Diagram) -> tuple[str, list[str], int]:
    """Return a question on a drawn cycle or chain, its choices, and the place of the right one."""
    at = int(rng.integers(len(shown.labels) - 1))
    right = shown.labels[at + 1]
    verb = "Which comes after" if shown.kind == "cycle" else "Which of these feeds on"
    wrong = some_of(rng, [label for label in shown.labels if label != right], 1 + at % 3)
    options = some_of(rng, [right, *wrong], len(wrong) + 1)
    return f"{verb} the {shown.labels[at]}?", options, options.index(right)


def scienceqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write ScienceQA: one object of problems, lists of splits, a folder a picture."""
    folder, problems = "scienceqa/data/scienceqa", dict[str, Record]()
    listed: dict[str, list[str]] = {}
    for split, size in _sizes(records).items():
        for number in range(size):
            key, (shown, image) = str(len(problems) + 1), diagram(rng)
            problems[key] = _problem(rng, split, shown, number)
            listed.setdefault(split, []).append(key)
            if problems[key]["image"]:
                mode = ("RGB", "RGBA", "P")[number % 3]
                tree.write(f"{folder}/images/{split}/{key}/image.png", png(image.convert(mode)))
        if split != "train":
            told = ("problem of another split", "skipped", "other_split")
            tree.plant("scienceqa", *told, *listed[split])
    without = [key for key in listed["train"] if not problems[key]["image"]]
    tree.plant("scienceqa", "problem without a picture", "skipped", "without_picture", *without)
    for number, (trap, reason) in enumerate(BROKEN):
        key = str(9_000 + number)
        problems[key] = problems["1"]
        payload = broken_payload(reason, png(Image.new("RGB", (80, 60), "olive")))
        if payload is not None:
            tree.write(f"{folder}/images/train/{key}/image.png", payload)
        tree.plant("scienceqa", trap, "quarantined", reason, key)
    problems["9010"] = {**problems["1"], "answer": 7}
    behind = ("answer behind the last choice", "quarantined", "answer_not_among_choices")
    tree.plant("scienceqa", *behind, "9010")
    tree.json(f"{folder}/problems.json", problems, crlf=True)
    tree.json(f"{folder}/pid_splits.json", {**listed, "minitrain": listed["train"][:3]})
    return ["scienceqa"]


def _problem(rng: Rng, split: str, shown: Diagram, number: int) -> Record:
    question, options, right = _about(rng, shown)
    place = words.name(rng)
    return {
        "question": question,
        "choices": options,
        "answer": right,
        "hint": f"Below is a drawing from {place}.\nIt shows what was seen there." * (number % 2),
        "image": None if number % 5 == 4 else "image.png",
        "task": "closed choice",
        "grade": f"grade{2 + number % 6}",
        "subject": "natural science",
        "topic": "biology",
        "category": "Ecological interactions",
        "skill": _SKILLS[shown.kind == "cycle"],
        "lecture": _LECTURE if shown.kind == "chain" else "",
        "solution": f"Follow the arrow to the {options[right]}.",
        "split": split,
    }


def tqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write TQA: lessons with questions, some on diagrams that several questions share."""
    names = {"train": "tqa_v1_train", "val": "tqa_v1_val", "test": "tqa_v2_test"}
    for split, size in _sizes(records).items():
        folder = f"tqa/tqa_train_val_test/{split}"
        lessons = [_lesson(tree, rng, folder, number) for number in range(size)]
        if split == "train":
            lessons += _odd_lessons(tree, lessons[0])
        tree.json(f"{folder}/{names[split]}.json", lessons)
    return ["tqa"]


def _lesson(tree: Tree, rng: Rng, folder: str, number: int) -> Record:
    shown, image = diagram(rng)
    name = f"{words.name(rng).lower()}_{number}.png"
    mode = ("RGB", "RGBA", "P")[number % 3]
    tree.write(f"{folder}/question_images/{name}", png(image.convert(mode)))
    drawn = {}
    for place in range(1 + number % 3):
        drawn[f"DQ_{1_000 * number + place:06d}"] = _drawn_question(rng, shown, name)
    plain = {f"NDQ_{number:06d}": {"questionType": "True or False"}} if number % 4 == 0 else {}
    if plain and folder.endswith("train"):
        trap = ("question without a diagram", "skipped", "question_without_diagram")
        tree.plant("tqa", *trap, f"NDQ_{number:06d}")
    return {
        "globalID": f"L_{number:04d}",
        "lessonName": f"living things {number}",
        "metaLessonID": f"ML_{number // 3:04d}",
        "topics": {},
        "questions": {"nonDiagramQuestions": plain, "diagramQuestions": drawn},
    }


def _drawn_question(rng: Rng, shown: Diagram, name: str) -> Record:
    question, options, right = _about(rng, shown)
    letters = "abcdefg"[: len(options)]
    choices = {
        letter: {
            "idStructural": f"{letter}.",
            "processedText": text,
            "rawText": f"{letter}. {text}",
        }
        for letter, text in zip(letters, options, strict=True)
    }
    answer = one_of(rng, (letters[right], letters[right].upper(), f"{letters[right]}."))
    return {
        "globalID": name,
        "questionType": "Diagram Multiple Choice",
        "questionSubType": "Multiple Choice",
        "idStructural": "1.",
        "beingAsked": {"processedText": question, "rawText": f"1. {question}"},
        "answerChoices": dict(reversed(choices.items())),
        "correctAnswer": {"processedText": answer, "rawText": answer},
        "imagePath": f"question_images/{name}",
        "imageName": name,
    }


def _odd_lessons(tree: Tree, like: Record) -> list[Record]:
    """Plant a lesson without questions, a question of another type, a letter that is no choice."""
    good = next(iter(like["questions"]["diagramQuestions"].values()))
    odd = {
        "DQ_900001": {**good, "questionType": "Diagram Drawing"},
        "DQ_900002": {**good, "correctAnswer": {"processedText": "z", "rawText": "z"}},
        "DQ_900003": {**good, "imagePath": "question_images/none.png"},
    }
    tree.plant("tqa", "other type", "quarantined", "question_type_unknown", "DQ_900001")
    tree.plant("tqa", "no such choice", "quarantined", "answer_not_among_choices", "DQ_900002")
    tree.plant("tqa", "missing picture", "quarantined", "image_missing", "DQ_900003")
    tree.plant("tqa", "lesson without questions", "skipped", "lesson_without_questions", "L_9001")
    empty: Record = {"nonDiagramQuestions": {}, "diagramQuestions": {}}
    return [
        {**like, "questions": {**empty, "diagramQuestions": odd}},
        {**like, "globalID": "L_9001", "questions": empty},
    ]


def iconqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write IconQA: a folder a problem, numbers that come back in each of three sub-tasks."""
    for split, size in _sizes(records).items():
        for number in range(size):
            task = ("choose_txt", "fill_in_blank", "choose_img")[number % 3]
            folder = f"iconqa/iconqa_data/iconqa/{split}/{task}/{number // 3}"
            kind, count, image = _icons(rng)
            value: Record = {"ques_type": task, "grade": "grade1", "label": f"A{number}"}
            if task == "choose_txt":
                value |= _even_or_odd(kind, count) if number % 2 else _counted(kind, count)
            elif task == "fill_in_blank":
                value |= _to_fill_in(kind, count, number)
            else:
                value |= {
                    "question": f"Which is a {kind}?",
                    "choices": ["choice_0.png"],
                    "answer": 0,
                }
                tree.write(f"{folder}/choice_0.png", png(image.resize((40, 40))))
                if split == "train":
                    trap = ("pictures as choices", "skipped", "choices_are_pictures")
                    tree.plant("iconqa", *trap, f"{number // 3}")
            tree.json(f"{folder}/data.json", value)
            tree.write(f"{folder}/image.png", png(image))
    above = "iconqa/iconqa_data/iconqa/train/choose_txt"
    for number, (trap_, reason) in enumerate(BROKEN, start=900):
        tree.json(f"{above}/{number}/data.json", {**_counted("ball", 3), "ques_type": "choose_txt"})
        payload = broken_payload(reason, png(Image.new("RGB", (60, 40), "navy")))
        if payload is not None:
            tree.write(f"{above}/{number}/image.png", payload)
        tree.plant("iconqa", trap_, "quarantined", reason, f"choose_txt/{number}")
    return ["iconqa"]


def _icons(rng: Rng) -> tuple[str, int, Image.Image]:
    """Draw some icons of one kind in a row on a clear background."""
    kind, count = one_of(rng, KINDS), int(rng.integers(2, 9))
    image = Image.new("RGBA", (48 * count + 12, int(rng.integers(52, 90))), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    colors = ("red", "blue", "green", "purple", "orange")
    for place in range(count):
        x, y, half = 30 + 48 * place, image.height // 2, int(rng.integers(12, 21))
        draw_thing(draw, Thing(color=one_of(rng, colors), kind=kind, x=x, y=y, half=half))
    return kind, count, image


def _even_or_odd(kind: str, count: int) -> Record:
    question = f"Is the number of {kind}s even or odd?"
    return {"question": question, "choices": ["odd", "even"], "answer": int(count % 2 == 0)}


def _counted(kind: str, count: int) -> Record:
    choices = [str(n) for n in (count + 1, count, count + 3)]
    return {"question": f"How many {kind}s are there?", "choices": choices, "answer": 1}


def _to_fill_in(kind: str, count: int, number: int) -> Record:
    if number % 2:
        return {"question": f"Fill in the blank: there are (_) {kind}s.", "answer": str(count)}
    told = {"question": f"The row is (_) {kind}s long.", "answer": str(count), "unit": f"{kind}s"}
    return told if number % 4 else {**told, "hint": "Count from the left."}


def _triangle(rng: Rng, sides: tuple[int, int], mode: str) -> Image.Image:
    """Draw a right triangle whose legs bear their lengths and whose long side bears an x."""
    width, height = 30 + 12 * sides[0], 30 + 12 * sides[1]
    image = Image.new("RGB", (width + 60, height + 60), "white")
    draw = ImageDraw.Draw(image)
    flip = bool(rng.integers(2))
    left, right, top, bottom = 30, 30 + width, 24, 24 + height
    corner, far = (left, right) if flip else (right, left)
    draw.polygon([(corner, bottom), (far, bottom), (corner, top)], outline=INK, width=2)
    write_text(draw, (left + right) / 2, bottom + 14, str(sides[0]), 15, anchor="mm")
    write_text(draw, corner + (-14 if flip else 14), (top + bottom) / 2, str(sides[1]), 15,
               anchor="mm")  # fmt: skip
    write_text(draw, (left + right) / 2 + (14 if flip else -14), (top + bottom) / 2 - 12, "x", 15)
    return image.convert(mode)


def intergps(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Geometry3K: a folder a problem; numbers run over all splits."""
    number, above = 0, "intergps/data/geometry3k"
    for split, size in _sizes(records).items():
        for place in range(size):
            number += 1 + place % 2
            legs = (int(rng.integers(4, 20)), int(rng.integers(4, 20)))
            folder = f"{above}/{split}/{number}"
            tree.json(f"{folder}/data.json", _geometry(rng, number, legs))
            drawn = png(_triangle(rng, legs, ("RGB", "L", "P")[place % 3]))
            tree.write(f"{folder}/img_diagram.png", drawn)
            tree.write(f"{folder}/img_diagram_point.png", drawn)
            tree.json(f"{folder}/logic_form.json", {"text_logic_form": ["Find(x)"]})
    odd = _geometry(rng, 8_000, (3, 4)) | {"answer": "E"}
    tree.json(f"{above}/train/8000/data.json", odd)
    trap = ("letter behind the last choice", "quarantined", "answer_not_among_choices")
    tree.plant("intergps", *trap, "8000")
    tree.write(f"{above}/train/8001/data.json", b'{"problem_text": "Find x.')
    tree.plant("intergps", "file cut in the middle", "quarantined", "json_invalid", "8001")
    tree.json(f"{above}/train/8002/data.json", _geometry(rng, 8_002, (3, 4)))
    tree.plant("intergps", "missing picture", "quarantined", "image_missing", "8002")
    return ["intergps"]


def _geometry(rng: Rng, number: int, legs: tuple[int, int]) -> Record:
    squared = legs[0] ** 2 + legs[1] ** 2
    place = int(rng.integers(4))
    values = [squared + 11 * (k - place) for k in range(4)]
    text = one_of(
        rng, ("Find x.", "Find the length of A B.", "Solve for x , with m \\angle C = 90.")
    )
    return {
        "id": number,
        "problem_text": text,
        "choices": [f"\\sqrt {{ {value} }}" for value in values],
        "answer": "ABCD"[place],
        "compact_text": text.replace("A B", "AB"),
        "compact_choices": [f"\\sqrt{{{value}}}" for value in values],
        "annotat_text": text.replace("x", "$x$"),
        "precise_value": [round(math.sqrt(max(value, 0)), 3) for value in values],
        "problem_type_graph": ["Triangle"],
        "problem_type_goal": ["Length"],
        "data_type": "train",
        "unit": "",
    }


def geomverse(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write GeomVerse: JSON lines of the mixed training folder, beside folders not to be read."""
    lines = []
    for folder, size in {"TRAIN/TRAIN_MIX": records, "TRAIN/TRAIN_D1": 2, "TEST/D1": 2}.items():
        own = []
        for number in range(size):
            legs = (int(rng.integers(4, 20)), int(rng.integers(4, 20)))
            path = f"GeomVerse/{folder}/images/{number}.jpeg"
            tree.write(f"geomverse/{path}", jpeg(_triangle(rng, legs, "RGB"), 92))
            own.append(orjson.dumps(_solved(rng, legs, path)))
        if folder == "TRAIN/TRAIN_MIX":
            lines = own
        else:
            tree.write(f"geomverse/GeomVerse/{folder}/data.jsonl", b"\n".join(own))
    lost = _solved(rng, (3, 4), "GeomVerse/TRAIN/TRAIN_MIX/images/9000.jpeg")
    tree.plant("geomverse", "missing picture", "quarantined", "image_missing", "9000.jpeg")
    rows = [*lines[:2], b"", *lines[2:], orjson.dumps(lost), lines[0][:40]]
    tree.plant("geomverse", "line cut in the middle", "quarantined", "json_invalid", "data.jsonl")
    tree.write("geomverse/GeomVerse/TRAIN/TRAIN_MIX/data.jsonl", b"\n".join(rows))
    return ["geomverse"]


def _solved(rng: Rng, legs: tuple[int, int], path: str) -> Record:
    one, other = some_of(rng, "ABCDEFGH", 2)
    area = legs[0] * legs[1] / 2
    return {
        "question": f"If the length of the {one}{other} side is {legs[0]} and the other leg of the "
        f"right triangle is {legs[1]}, compute its area. Round computations to 2 decimal places.",
        "label": f"{area:g}",
        "cot": f"The legs of the right triangle are {legs[0]} and {legs[1]}, so the area "
        f"is $\\frac{{{legs[0]} * {legs[1]}}}{{2}} = {area:g}$. "
        f"Therefore the final answer is {area:g}.",
        "image_path": path,
        "depth": 1,
    }
