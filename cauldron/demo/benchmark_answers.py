"""Layouts of benchmarks with free answers: VQA, captions, documents, charts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cauldron.demo.discs import Disc, Write, cell, put, put_json


def votes(disc: Disc) -> list[str]:
    return [disc.color] * 8 + ["dark " + disc.color, "none"]


def vqa(questions: str, annotations: str, pictures: str) -> Write:
    """Write question and annotation files of VQA; {} is the split."""

    def write(folder: Path, shown: Sequence[Disc], split: str) -> None:
        part = {"validation": "val2014", "train": "train2014"}.get(split, split)
        part = "train2014" if part == "train" else part
        asked = [
            {
                "image_id": d.number,
                "question": "What color are the discs?",
                "question_id": d.number * 10,
            }
            for d in shown
        ]
        told = [
            {
                "question_type": "what color",
                "multiple_choice_answer": d.color,
                "answers": [
                    {"answer": vote, "answer_confidence": "yes", "answer_id": n}
                    for n, vote in enumerate(votes(d), 1)
                ],
                "image_id": d.number,
                "answer_type": "other",
                "question_id": d.number * 10,
            }
            for d in shown
        ]
        put_json(folder / questions.format(part), {"questions": asked, "data_subtype": part})
        put_json(folder / annotations.format(part), {"annotations": told, "data_subtype": part})
        for d in shown:
            put(folder / part / pictures.format(part, d.number), d.jpeg)

    return write


def vqa_row(disc: Disc) -> dict[str, Any]:
    return {
        "question_id": disc.number,
        "image": cell(disc),
        "question": "What color are the discs?",
        "answers": [{"answer": v, "answer_confidence": "yes"} for v in votes(disc)],
        "question_type": "what color",
        "answer_type": "other",
    }


def text_row(disc: Disc) -> dict[str, Any]:
    row = vqa_row(disc) | {"answers": votes(disc)}
    return {k: row[k] for k in ("question_id", "image", "question", "answers")}


def textvqa(folder: Path, shown: Sequence[Disc], split: str) -> None:
    part = {"validation": "val", "train": "train"}[split]
    rows = [
        {
            "question": "what color is it?",
            "image_id": f"{d.number:016x}",
            "question_id": d.number,
            "answers": votes(d),
            "image_width": 64,
            "image_height": 48,
            "set_name": part,
        }
        for d in shown
    ]
    put_json(folder / f"TextVQA_0.5.1_{part}.json", {"dataset_name": "textvqa", "data": rows})
    for d in shown:
        put(folder / "train_images" / f"{d.number:016x}.jpg", d.jpeg)


def vizwiz(folder: Path, shown: Sequence[Disc], split: str) -> None:
    def name(d: Disc) -> str:
        return f"VizWiz_{split}_{d.number:08d}.jpg"

    rows = [
        {
            "image": name(d),
            "question": "What color is this?",
            "answerable": 1,
            "answer_type": "other",
            "answers": [{"answer": v, "answer_confidence": "yes"} for v in votes(d)],
        }
        for d in shown
    ]
    put_json(folder / f"{split}.json", rows)
    for d in shown:
        put(folder / split / name(d), d.jpeg)


def captions(disc: Disc) -> list[str]:
    discs_ = "disc" if disc.count == 1 else "discs"
    return [
        f"{disc.count} {disc.color} {discs_} on a grey ground.",
        f"A picture of {disc.count} {disc.color} {discs_}",
        f"There are {disc.color} {discs_}, {disc.count} of them.",
        f"{disc.color.title()} {discs_} in a row.",
        f"a grey picture with {disc.color} {discs_}!",
    ]


def coco(folder: Path, shown: Sequence[Disc], split: str) -> None:
    path = folder / "dataset_coco.json"
    images = json.loads(path.read_text())["images"] if path.exists() else []
    for d in shown:
        name = f"COCO_val2014_{d.number:012d}.jpg"
        sentences = [{"raw": text, "imgid": d.number} for text in captions(d)]
        images.append(
            {
                "filepath": "val2014",
                "filename": name,
                "cocoid": d.number,
                "imgid": d.number,
                "split": split,
                "sentences": sentences,
            }
        )
        put(folder / "val2014" / name, d.jpeg)
    put_json(path, {"images": images, "dataset": "coco"})


def coco_row(disc: Disc) -> dict[str, Any]:
    name = f"COCO_val2014_{disc.number:012d}.jpg"
    return {
        "question_id": name,
        "image": cell(disc),
        "question": "Describe",
        "answer": captions(disc),
        "id": disc.number,
    }


def document_row(disc: Disc) -> dict[str, Any]:
    return {
        "questionId": disc.number,
        "question": "What is the color of the discs?",
        "question_types": ["figure/diagram"],
        "docId": disc.number,
        "answers": [disc.color, disc.color.title()],
    }


def document_hub(disc: Disc) -> dict[str, Any]:
    row = document_row(disc)
    return {**row, "questionId": str(row["questionId"]), "image": cell(disc)}


def document(pattern: str, key: str, pictures: str) -> Write:
    def write(folder: Path, shown: Sequence[Disc], split: str) -> None:
        part = {"validation": "val", "train": "train"}[split]
        rows = [document_row(d) | {key: pictures.format(d.number)} for d in shown]
        put_json(folder / pattern.format(part), {"dataset_name": "x", "data": rows})
        for d in shown:
            put(folder / "documents" / pictures.format(d.number).rpartition("/")[2], d.png)

    return write


def chartqa(folder: Path, shown: Sequence[Disc], split: str) -> None:
    for kind, rest in (("human", 0), ("augmented", 1)):
        rows = [
            {"imgname": f"{d.number}.png", "query": "How many discs?", "label": str(d.count)}
            for d in shown
            if d.number % 2 == rest
        ]
        put_json(folder / split / f"{split}_{kind}.json", rows)
    for d in shown:
        put(folder / split / "png" / f"{d.number}.png", d.png)


def chartqa_row(disc: Disc) -> dict[str, Any]:
    kind = "human_test" if disc.number % 2 == 0 else "augmented_test"
    return {
        "type": kind,
        "question": "How many discs?",
        "answer": str(disc.count),
        "image": cell(disc),
    }
