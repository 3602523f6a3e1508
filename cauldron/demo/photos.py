"""Photographs with questions: VSR, TextVQA and VQA-RAD in their official layouts, drawn."""

from __future__ import annotations

from typing import Any

import orjson
from PIL import Image, ImageDraw

from cauldron.demo import words
from cauldron.demo.drawing import (
    COLORS,
    NOT_A_PICTURE,
    copied,
    cut_off,
    jpeg,
    noisy,
    text_width,
    write_text,
)
from cauldron.demo.scenes import HEIGHT, WIDTH, Thing, backdrop, scene, things
from cauldron.demo.tree import BOM, Rng, Tree, one_of

_RELATIONS = {
    "left of": lambda a, b: a.x < b.x - 20,
    "right of": lambda a, b: a.x > b.x + 20,
    "above": lambda a, b: a.y < b.y - 20,
    "below": lambda a, b: a.y > b.y + 20,
    "far away from": lambda a, b: abs(a.x - b.x) + abs(a.y - b.y) > 200,
}


def _caption(rng: Rng, shown: list[Thing], picture: str, folder: str) -> dict[str, Any]:
    one, other = shown[0], shown[1]
    if rng.integers(2):
        one, other = other, one
    relation = one_of(rng, list(_RELATIONS))
    return {
        "image": picture,
        "image_link": f"http://images.cocodataset.org/{folder}/{picture}",
        "caption": f"The {one.name} is {relation} the {other.name}.",
        "label": int(_RELATIONS[relation](one, other)),
        "relation": relation,
        "subj": one.name,
        "obj": other.name,
        "annotator_id": int(rng.integers(40)),
        "vote_true_validator_id": "[2, 5]",
        "vote_false_validator_id": "[]",
    }


def vsr(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write VSR: JSON lines of captions beside COCO folders; 1 in 20 pictures is of val2017."""
    lines: dict[str, list[dict[str, Any]]] = {"train": [], "dev": [], "test": []}
    for number in range(records + records // 4):
        split = "train" if number < records else "dev" if number % 2 else "test"
        picture = f"{10_000 + 37 * number:012d}.jpg"
        folder = "val2017" if number % 20 == 7 else "train2017"
        shown = things(rng, 3 + number % 2)
        tree.write(f"coco2017/{folder}/{picture}", jpeg(scene(rng, shown)))
        for turn in range(1 + number % 2):
            caption = _caption(rng, shown[turn:], picture, folder)
            if number % 5 == 0:  # as the README shows them
                caption |= {"vote_true_validator_id": [2, 5], "vote_false_validator_id": []}
            lines[split].append(caption)
    rows = [orjson.dumps(line) for line in lines["train"]] + _bad_captions(tree, rng)
    tree.plant("vsr", "byte order mark and Windows line ends", "read", (), "train.jsonl")
    zeroshot = "vsr/data/splits/zeroshot"
    tree.write(f"{zeroshot}/train.jsonl", BOM + b"\r\n".join(rows) + b"\r\n")
    for split in ("dev", "test"):
        payload = b"".join(orjson.dumps(line) + b"\n" for line in lines[split])
        tree.write(f"{zeroshot}/{split}.jsonl", payload)
    return ["vsr", "coco2017"]


def _bad_captions(tree: Tree, rng: Rng) -> list[bytes]:
    """Plant one line for each way in which a photograph or a line can be unusable."""
    shown = things(rng, 2)
    good = jpeg(scene(rng, shown))
    broken: tuple[tuple[str, str, bytes | None], ...] = (
        ("truncated picture", "image_truncated", cut_off(good)),
        ("HTML page instead of a picture", "image_not_identified", NOT_A_PICTURE),
        ("picture of zero bytes", "image_empty", b""),
        ("missing picture", "image_missing", None),
    )
    rows = []
    for number, (trap, reason, payload) in enumerate(broken):
        picture = f"{900_000 + number:012d}.jpg"
        if payload is not None:
            tree.write(f"coco2017/train2017/{picture}", payload)
        rows.append(orjson.dumps(_caption(rng, shown, picture, "train2017")))
        tree.plant("vsr", trap, "quarantined", reason, picture)
    odd = f"{900_100:012d}.jpg"
    tree.write(f"coco2017/train2017/{odd}", good)
    rows.append(orjson.dumps(_caption(rng, shown, odd, "train2017") | {"label": "maybe"}))
    tree.plant("vsr", "label that is neither 0 nor 1", "quarantined", "label_unknown", odd)
    rows.append(b'{"image": "000000900200.jpg", "caption": "The cup is')
    tree.plant("vsr", "line cut in the middle", "quarantined", "json_invalid", "train.jsonl")
    return rows


def _sign(rng: Rng) -> tuple[Image.Image, list[tuple[str, str]]]:
    """Return a street scene with a sign and a door number, and two questions with answers."""
    image = backdrop(rng)
    draw = ImageDraw.Draw(image)
    shop, number = words.name(rng).upper(), str(int(rng.integers(2, 400)))
    size = int(rng.integers(22, 34))
    wide, left, top = text_width(shop, size) + 24, int(rng.integers(10, 60)), one_of(rng, (20, 40))
    board, ink = one_of(rng, (("white", "blue"), ("yellow", "brown"), ("green", "white")))
    draw.rectangle((left, top, left + wide, top + size + 20), fill=COLORS[board], outline="black")
    write_text(draw, left + 12, top + 10 + size / 2, shop, size, fill=COLORS[ink])
    door, color = int(rng.integers(30, 220)), one_of(rng, ("brown", "red", "blue", "green"))
    draw.rectangle((door, 110, door + 66, HEIGHT - 10), fill=COLORS[color], outline="black")
    draw.rectangle((door + 10, 122, door + 56, 148), fill="white", outline="black")
    write_text(draw, door + 33, 135, number, 20, anchor="mm")
    asked = [
        ("what is the name of the shop?", shop.lower()),
        ("what number is on the door?", number),
    ]
    return noisy(image, rng, 4.0), asked


def _votes(rng: Rng, answer: str, other: str) -> list[str]:
    """Return ten votes: seven right, some with a trailing blank, three others."""
    votes = [answer] * 4 + [f"{answer} "] * 3 + [other] * 2 + ["unanswerable"]
    return [votes[int(k)] for k in rng.permutation(10)]


def _sign_record(
    split: str, image_id: str, question: str, votes: list[str] | None
) -> dict[str, Any]:
    record = {
        "question": question,
        "image_id": image_id,
        "image_classes": ["Building", "Door"],
        "flickr_original_url": f"https://pictures.example/{image_id}_o.jpg",
        "flickr_300k_url": f"https://pictures.example/{image_id}_z.jpg",
        "image_width": WIDTH,
        "image_height": HEIGHT,
        "answers": votes,
        "question_tokens": question.rstrip("?").split(),
        "set_name": split,
    }
    if votes is None:
        del record["answers"]
    return record


def textvqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write TextVQA: one JSON a split; pictures of train and val in one folder; ten votes."""
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "val": [], "test": []}
    pictures: dict[str, bytes] = {}
    sizes = {"train": records, "val": max(records // 4, 4), "test": max(records // 8, 1)}
    for place, (split, size) in enumerate(sizes.items()):
        for number in range(size):
            image, asked = _sign(rng)
            image_id = f"{place}{number:015x}"
            pictures[image_id] = jpeg(image)
            folder = "test_images" if split == "test" else "train_images"
            tree.write(f"textvqa/{folder}/{image_id}.jpg", pictures[image_id])
            for question, answer in asked[: 1 + number % 2]:
                votes = None if split == "test" else _votes(rng, answer, words.name(rng).lower())
                rows[split].append(_sign_record(split, image_id, question, votes))
    last = rows["train"][-1]["image_id"]
    _sign_copies(tree, rows, pictures)
    _sign_oddities(tree, rng, rows["train"], last)
    for split, listed in rows.items():
        numbered = [{**row, "question_id": k} for k, row in enumerate(listed)]
        head = {"dataset_type": split, "dataset_name": "textvqa", "dataset_version": "0.5.1"}
        path = f"textvqa/TextVQA_0.5.1_{split}.json"
        tree.json(path, {**head, "data": numbered}, crlf=split == "train")
    tree.plant("textvqa", "Windows line ends", "read", (), "TextVQA_0.5.1_train.json")
    return ["textvqa"]


def _sign_copies(
    tree: Tree, rows: dict[str, list[dict[str, Any]]], pictures: dict[str, bytes]
) -> None:
    """Plant copies of training pictures, and of validation pictures among the training ones."""
    train, val = (sorted({r["image_id"] for r in rows[split]}) for split in ("train", "val"))
    near = ("near_duplicate_image",)
    plans = (
        ("picture and question again under another name", train[0], "dedup",
         ("exact_duplicate",), 100, 1.0),
        ("picture encoded again, same question", train[1], "dedup", near, 70, 1.0),
        ("smaller picture, same question", train[2], "dedup", near, 85, 0.75),
        ("benchmark picture and question", val[0], "decontaminate", ("benchmark_leak",), 100, 1.0),
        ("benchmark picture encoded again, same question", val[1], "decontaminate",
         ("benchmark_leak",), 65, 0.8),
        ("benchmark picture, other question", val[2], "decontaminate", ("benchmark_image",), 100,
         1.0),
    )  # fmt: skip
    for number, (trap, of, step, reasons, quality, scale) in enumerate(plans):
        image_id = f"f{number:015x}"
        data = pictures[of]
        payload = data if quality == 100 else copied(data, quality=quality, scale=scale)
        tree.write(f"textvqa/train_images/{image_id}.jpg", payload)
        again = [r for split in ("train", "val") for r in rows[split] if r["image_id"] == of]
        other = {"question": "what colour is the door?"} if "benchmark_image" in reasons else {}
        for row in again[:1] if other else again:
            rows["train"].append({**row, "image_id": image_id, "set_name": "train", **other})
        tree.plant("textvqa", trap, step, reasons, f"textvqa/train/{image_id}")


def _sign_oddities(tree: Tree, rng: Rng, rows: list[dict[str, Any]], first: str) -> None:
    """Plant questions without an answer, entities, a tie and unusable pictures."""
    refused = ["unanswerable"] * 6 + ["n/a"] * 4
    rows.append(_sign_record("train", first, "who built the house?", refused))
    tree.plant("textvqa", "annotators say there is no answer", "skipped", "unanswerable", first)
    rows.append(_sign_record("train", first, "what is the year?", []))
    tree.plant("textvqa", "no votes", "skipped", "unlabelled", first)
    rows.append(_sign_record("train", first, "which word is last?", [" "] * 10))
    tree.plant("textvqa", "votes of blanks only", "quarantined", "empty_answer", first)
    tie = ["left"] * 5 + ["right"] * 5
    rows.append(_sign_record("train", first, "where&#39;s the door &amp; sign?", tie))
    tree.plant("textvqa", "HTML entities and a tied vote", "read", (), first)
    image, asked = _sign(rng)
    good = jpeg(image)
    broken: tuple[tuple[str, str, bytes | None], ...] = (
        ("truncated picture", "image_truncated", cut_off(good)),
        ("HTML page instead of a picture", "image_not_identified", NOT_A_PICTURE),
        ("missing picture", "image_missing", None),
    )
    for number, (trap, reason, payload) in enumerate(broken):
        image_id = f"e{number:015x}"
        if payload is not None:
            tree.write(f"textvqa/train_images/{image_id}.jpg", payload)
        question, answer = asked[0]
        votes = _votes(rng, answer, words.name(rng).lower())
        rows.append(_sign_record("train", image_id, question, votes))
        tree.plant("textvqa", trap, "quarantined", reason, image_id)
