"""Layouts of benchmarks with options or yes and no: MMMU, MathVista, MMBench, diagrams, pairs."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cauldron.demo.discs import NAMES, Disc, cell, put, put_json, put_lines


def mmmu_row(disc: Disc, picture: Any = None) -> dict[str, Any]:
    open_ = disc.number % 4 == 3
    return {
        "id": f"validation_Art_{disc.number}",
        "question": "How many discs are in <image 1>?" if open_ else "<image 1> What color is it?",
        "options": "[]" if open_ else str(disc.options),
        "answer": str(disc.count) if open_ else disc.letter,
        "question_type": "open" if open_ else "multiple-choice",
        "subfield": "Drawing",
        "image_1": picture or cell(disc),
    }


def mmmu(folder: Path, shown: Sequence[Disc], split: str) -> None:
    rows = [mmmu_row(d, f"images/mmmu_{d.number}.png") for d in shown]
    put_lines(folder / f"{split}.jsonl", rows)
    for d in shown:
        put(folder / "images" / f"mmmu_{d.number}.png", d.png)


def mathvista_row(disc: Disc) -> dict[str, Any]:
    choice = disc.number % 2 == 0
    asked = "What color are the discs?" if choice else "How many discs are there?"
    listed = "".join(f"\n({x}) {text}" for x, text in zip("ABCD", disc.options, strict=True))
    hint = "Hint: Please answer the question and provide the correct option letter at the end."
    return {
        "pid": str(disc.number),
        "question": asked,
        "image": f"images/{disc.number}.jpg",
        "choices": disc.options if choice else None,
        "unit": None,
        "precision": None,
        "answer": disc.color if choice else str(disc.count),
        "question_type": "multi_choice" if choice else "free_form",
        "answer_type": "text" if choice else "integer",
        "metadata": {
            "task": "figure question answering",
            "skills": ["arithmetic reasoning"],
            "source": "discs",
            "context": "scatter plot",
            "split": "testmini",
        },
        "query": f"{hint}\nQuestion: {asked}" + (f"\nChoices:{listed}" if choice else ""),
    }


def mathvista(folder: Path, shown: Sequence[Disc], split: str) -> None:
    put_json(folder / f"{split}.json", {str(d.number): mathvista_row(d) for d in shown})
    for d in shown:
        put(folder / "images" / f"{d.number}.jpg", d.jpeg)


def mmbench_row(disc: Disc) -> dict[str, Any]:
    options = dict(zip("ABCD", disc.options, strict=True))
    return {
        "index": disc.number,
        "question": "What color are the discs?",
        "hint": "Look at the discs.",
        **options,
        "answer": disc.letter,
        "category": "attribute",
        "source": "discs",
        "l2-category": "finegrained",
        "split": "dev",
    }


def mmbench(folder: Path, shown: Sequence[Disc], split: str) -> None:
    rows = [mmbench_row(d) | {"image": base64.b64encode(d.jpeg).decode()} for d in shown]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter="\t")
    writer.writeheader()
    writer.writerows(rows)
    put(folder / f"mmbench_{split}_20230712.tsv", out.getvalue().encode())


def mmbench_hub(disc: Disc) -> dict[str, Any]:
    row = mmbench_row(disc) | {"image": cell(disc)}
    return row | {"L2-category": row.pop("l2-category")}


def ai2d(folder: Path, shown: Sequence[Disc], split: str) -> None:
    listed = folder / "ai2d_test_ids.csv"
    tests = listed.read_text().split() if listed.exists() else []
    tests += [str(d.number) for d in shown if split == "test"]
    put(listed, ("\n".join(tests) + "\n").encode())
    for d in shown:
        asked = {
            "What color are the discs?": {
                "abcLabel": False,
                "answerTexts": d.options,
                "correctAnswer": "ABCD".index(d.letter),
                "questionId": f"{d.number}.png-0",
            }
        }
        name = f"{d.number}.png"
        put_json(folder / "questions" / f"{name}.json", {"imageName": name, "questions": asked})
        put(folder / "images" / name, d.png)


def ai2d_row(disc: Disc) -> dict[str, Any]:
    return {
        "question": "What color are the discs?",
        "options": disc.options,
        "answer": str("ABCD".index(disc.letter)),
        "image": cell(disc),
    }


def science_row(disc: Disc) -> dict[str, Any]:
    return {
        "question": "What color are the discs?",
        "choices": disc.options,
        "answer": "ABCD".index(disc.letter),
        "hint": "Discs are round.",
        "grade": "grade2",
        "subject": "natural science",
        "topic": "physics",
        "category": "Colors",
        "skill": "See",
    }


def scienceqa(folder: Path, shown: Sequence[Disc], split: str) -> None:
    problems, splits = folder / "problems.json", folder / "pid_splits.json"
    told = json.loads(problems.read_text()) if problems.exists() else {}
    parts = json.loads(splits.read_text()) if splits.exists() else {}
    told |= {str(d.number): science_row(d) | {"image": "image.png", "split": split} for d in shown}
    blind = f"{split}-text"
    told[blind] = science_row(shown[0]) | {"image": None, "split": split}
    parts[split] = [*(str(d.number) for d in shown), blind]
    put_json(problems, told)
    put_json(splits, parts)
    for d in shown:
        put(folder / split / str(d.number) / "image.png", d.png)


def seed_row(disc: Disc) -> dict[str, Any]:
    choices = {f"choice_{x}": text for x, text in zip("abcd", disc.options, strict=True)}
    return {
        "answer": disc.letter,
        **choices,
        "data_id": f"{disc.number}seed",
        "data_type": "image",
        "question": "What color are the discs?",
        "question_id": str(disc.number),
        "question_type_id": 3,
    }


def seed(folder: Path, shown: Sequence[Disc], split: str) -> None:
    rows = [seed_row(d) for d in shown]
    film = rows[0] | {"data_type": "video", "question_id": "v1", "data_id": "v.mp4"}
    put_json(
        folder / "SEED-Bench.json",
        {"question_type": {"Instance Attributes": 3}, "questions": [*rows, film]},
    )
    for d in shown:
        put(folder / "SEED-Bench-image" / f"{d.number}seed", d.jpeg)


def nlvr2_row(disc: Disc) -> dict[str, Any]:
    true = disc.number % 2 == 0
    color = disc.color if true else NAMES[(NAMES.index(disc.color) + 1) % 4]
    return {
        "identifier": f"test1-{disc.number}-0-0",
        "sentence": f"Both have {color} discs.",
        "label": str(true),
        "synset": "disc",
    }


def nlvr2(folder: Path, shown: Sequence[Disc], split: str) -> None:
    part = {"test": "test1", "train": "train"}[split]
    put_lines(folder / f"{part}.json", [nlvr2_row(d) for d in shown])
    for d in shown:
        for side in (0, 1):
            put(folder / "images" / f"test1-{d.number}-0-img{side}.png", d.png)


def nlvr2_hub(disc: Disc) -> dict[str, Any]:
    return nlvr2_row(disc) | {"left_image": cell(disc), "right_image": cell(disc)}


def hallusion_row(disc: Disc) -> dict[str, Any]:
    right = disc.number % 2 == 0
    color = disc.color if right else NAMES[(NAMES.index(disc.color) + 1) % 4]
    return {
        "category": "VD",
        "subcategory": "figure",
        "visual_input": "1",
        "set_id": str(disc.number // 2),
        "figure_id": str(disc.number % 2),
        "sample_note": "discs",
        "question_id": "0",
        "question": f"Are the discs {color}?",
        "gt_answer_details": f"They are {disc.color}.",
        "gt_answer": "1" if right else "0",
        "filename": f"./VD/figure/{disc.number}.png",
    }


def hallusion(folder: Path, shown: Sequence[Disc], split: str) -> None:
    rows = [hallusion_row(d) for d in shown]
    unseen = rows[0] | {"visual_input": "0", "filename": None, "category": "VS"}
    put_json(folder / "HallusionBench.json", [*rows, unseen])
    for d in shown:
        put(folder / "hallusion_bench" / "VD" / "figure" / f"{d.number}.png", d.png)


def pope_row(disc: Disc) -> dict[str, Any]:
    right = disc.number % 2 == 0
    color = disc.color if right else NAMES[(NAMES.index(disc.color) + 1) % 4]
    return {
        "question_id": disc.number,
        "image": f"COCO_val2014_{disc.number:012d}.jpg",
        "text": f"Is there a {color} disc in the image?",
        "label": "yes" if right else "no",
    }


def pope(folder: Path, shown: Sequence[Disc], split: str) -> None:
    for kind in ("random", "popular", "adversarial"):
        put_lines(folder / "coco" / f"coco_pope_{kind}.json", [pope_row(d) for d in shown])
    for d in shown:
        put(folder / "val2014" / f"COCO_val2014_{d.number:012d}.jpg", d.jpeg)


def pope_hub(disc: Disc) -> dict[str, Any]:
    row = pope_row(disc)
    return {
        "id": str(disc.number),
        "question_id": str(disc.number),
        "question": row["text"],
        "answer": row["label"],
        "image": cell(disc),
        "category": "popular",
    }
