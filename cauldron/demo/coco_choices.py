"""Choices and counts on drawn photographs: A-OKVQA, Visual7W and TallyQA in official layouts."""

from __future__ import annotations

from typing import Any

from cauldron.demo.coco_photos import (
    BROKEN,
    USES,
    Photo,
    broken_2014,
    broken_payload,
    draw_photos,
    write_2014,
)
from cauldron.demo.drawing import COLORS
from cauldron.demo.tree import Rng, Tree, some_of

Record = dict[str, Any]


def aokvqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write A-OKVQA: four choices, ten direct answers and three reasons; test has none of them."""
    listed: dict[str, list[Record]] = {}
    for place, split in enumerate(("train", "val", "test")):
        photos = draw_photos(rng, 500_000 + 20_000 * place, records if place == 0 else 3)
        for photo in photos:
            tree.write(f"coco2017/{split}2017/{photo.plain}", photo.data)
        listed[split] = [_choice(rng, split, p, k) for p in photos for k in range(1 + p.number % 2)]
    for record in listed["test"]:
        for key in ("correct_choice_idx", "direct_answers", "rationales"):
            del record[key]
    _choice_oddities(tree, rng, listed["train"])
    for split, rows in listed.items():
        tree.json(f"aokvqa/aokvqa_v1p0_{split}.json", rows)
    return ["aokvqa", "coco2017"]


def _choice(rng: Rng, split: str, photo: Photo, turn: int) -> Record:
    thing = photo.shown[turn]
    uses = [use for kind in some_of(rng, list(USES), 7) for use in USES[kind]]
    right = USES[thing.kind][0]
    wrong = [use for use in dict.fromkeys(uses) if use not in USES[thing.kind]][:3]
    choices = some_of(rng, [right, *wrong], 4)
    said = (
        f"It is a {thing.kind}, which is made for {right}",
        f"people take a {thing.kind} for {right}.",
        "",
    )
    return {
        "split": split,
        "image_id": photo.number,
        "question_id": f"{photo.number:018d}{turn:04d}",
        "question": f"What would one take the {thing.name} for?",
        "choices": choices,
        "correct_choice_idx": choices.index(right),
        "direct_answers": [right] * 6 + [wrong[0]] * 4,
        "difficult_direct_answer": False,
        "rationales": list(said),
    }


def _choice_oddities(tree: Tree, rng: Rng, rows: list[Record]) -> None:
    """Plant choices with commas and repeats, an answer beyond them, and broken pictures."""
    right = rows[0]["choices"][rows[0]["correct_choice_idx"]]
    rows[0] |= {"choices": ["salt, pepper", right, "New York", "fun"], "correct_choice_idx": 1}
    tree.plant("aokvqa", "comma inside a choice", "read", (), rows[0]["question_id"])
    right = rows[1]["choices"][rows[1]["correct_choice_idx"]]
    rows[1] |= {"choices": [right, right, "cooking", "sleep"], "correct_choice_idx": 1}
    note = "repeated_choice_dropped"
    tree.plant("aokvqa", "choice that stands twice", "notes", note, rows[1]["question_id"])
    beyond = {**rows[2], "question_id": "beyond", "correct_choice_idx": 4}
    reason = "answer_not_among_choices"
    tree.plant("aokvqa", "answer beyond the choices", "quarantined", reason, "beyond")
    rows.append(beyond)
    for photo, (trap, reason) in zip(draw_photos(rng, 590_000, 3), BROKEN, strict=True):
        payload = broken_payload(reason, photo.data)
        if payload is not None:
            tree.write(f"coco2017/train2017/{photo.plain}", payload)
        rows.append(_choice(rng, "train", photo, 0))
        tree.plant("aokvqa", trap, "quarantined", reason, photo.plain)


def visual7w(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Visual7W telling: one list of pictures of three splits with their questions."""
    photos = draw_photos(rng, 2_400_000, records + max(records // 4, 2))
    listed = []
    for number, photo in enumerate(photos):
        split = "train" if number < records else ("val", "test")[number % 2]
        tree.write(f"visual7w/images/v7w_{photo.number}.jpg", photo.data)
        listed.append(_told(rng, photo, split))
    _told_oddities(tree, rng, listed)
    told = {"dataset": "visual7w-telling", "images": listed}
    tree.json("visual7w/dataset_v7w_telling.json", told)
    others = [str(image["image_id"]) for image in listed if image["split"] != "train"]
    tree.plant("visual7w", "picture of another split", "skipped", "other_split", *others)
    return ["visual7w"]


def _told(rng: Rng, photo: Photo, split: str) -> Record:
    one, other = photo.shown[0], photo.shown[1]
    colors = [color for color in some_of(rng, list(COLORS), 5) if color != one.color]
    sides = ("On the left side.", "On the right side.", "Outside of the picture.", "In a drawer.")
    right = sides[one.x > 160]
    asked = [
        (f"What color is the {one.kind}?", one.color.capitalize() + ".", "what",
         [f"{color.capitalize()}." for color in colors[:3]]),
        (f"Where is the {one.name}?", right, "where", [s for s in sides if s != right]),
        (f"Why is the {other.name} there?", "Somebody put it there.", "why",
         ["It grew there.", "It fell from the sky.", "Nobody knows."]),
    ]  # fmt: skip
    return {
        "split": split,
        "filename": f"v7w_{photo.number}.jpg",
        "image_id": photo.number,
        "qa_pairs": [
            {
                "qa_id": photo.number * 10 + k,
                "image_id": photo.number,
                "question": question,
                "answer": answer,
                "multiple_choices": wrong,
                "type": kind,
            }
            for k, (question, answer, kind, wrong) in enumerate(asked[: 2 + photo.number % 2])
        ],
    }


def _told_oddities(tree: Tree, rng: Rng, listed: list[Record]) -> None:
    """Plant options that say the same, boxes for answers, and broken pictures."""
    pairs = [image["qa_pairs"][0] for image in listed[:2]]
    for number, pair in enumerate(pairs):
        same = [pair["answer"].lower(), f" {pair['answer'].rstrip('.')} "]
        pair["multiple_choices"] = [*same, pair["answer"] if number else "Plaid."]
    note, times = "repeated_choice_dropped", [str(k) for k in range(5)]
    tree.plant("visual7w", "wrong option that is right", "notes", note, *times)
    only = str(pairs[1]["qa_id"])
    tree.plant("visual7w", "no wrong option left", "notes", "too_few_choices", only)
    boxes = _told(rng, draw_photos(rng, 2_490_000, 1)[0], "train")
    boxes["qa_pairs"][0]["answer"] = 715
    listed.append(boxes)
    name = str(boxes["image_id"])
    tree.plant("visual7w", "box for an answer", "quarantined", "answer_not_text", name)
    bare = {**_told(rng, draw_photos(rng, 2_491_000, 1)[0], "train"), "qa_pairs": []}
    listed.append(bare)
    tree.plant("visual7w", "no question", "skipped", "no_question", bare["filename"])
    for photo, (trap, reason) in zip(draw_photos(rng, 2_492_000, 3), BROKEN, strict=True):
        payload = broken_payload(reason, photo.data)
        if payload is not None:
            tree.write(f"visual7w/images/v7w_{photo.number}.jpg", payload)
        listed.append(_told(rng, photo, "train"))
        tree.plant("visual7w", trap, "quarantined", reason, f"v7w_{photo.number}.jpg")


def tallyqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write TallyQA: lists of train and test; pictures of COCO and of two folders."""
    rows = []
    for number, photo in enumerate(draw_photos(rng, 400_000, records)):
        pool = ("train2014", "VG_100K", "VG_100K_2")[number % 3]
        path = (
            f"{pool}/COCO_{pool}_{photo.plain}" if number % 3 == 0 else f"{pool}/{photo.number}.jpg"
        )
        root = "coco2014" if number % 3 == 0 else "visual_genome"
        tree.write(f"{root}/{path}", photo.data)
        rows += [_count(photo, path, turn) for turn in range(1 + number % 2)]
    _count_oddities(tree, rng, rows)
    tree.json("tallyqa/train.json", rows, bom=True)
    test = draw_photos(rng, 460_000, max(records // 4, 2))
    write_2014(tree, test, "val")
    shown = [_count(p, f"val2014/COCO_val2014_{p.plain}", 0) for p in test]
    tree.json("tallyqa/test.json", shown)
    tree.plant("tallyqa", "byte order mark", "read", (), "train.json")
    return ["tallyqa", "coco2014", "visual_genome"]


def _count(photo: Photo, path: str, turn: int) -> Record:
    one = photo.shown[0]
    asked = (("How many things are in the picture?", len(photo.shown)),
             (f"How many {one.kind}s are {one.color}?", 1))[turn]  # fmt: skip
    genome = path.startswith("VG")
    return {
        "image": path,
        "answer": asked[1],
        "data_source": "imported_genome" if genome else "imported_vqa",
        "question": asked[0],
        "image_id": int(f"92{photo.number}") if genome else photo.number,
        "question_id": photo.number * 100 + turn,
        "issimple": turn == 0,
    }


def _count_oddities(tree: Tree, rng: Rng, rows: list[Record]) -> None:
    """Plant zeros, repeats with votes, pictures of val2014 and of no pool, and broken ones."""
    rows[0] |= {"question": "How many giraffes are there?", "answer": 0}
    tree.plant("tallyqa", "answer of zero", "read", (), rows[0]["image"])
    rows += [{**rows[1], "question_id": 7 + k, "answer": 9} for k in range(2)]
    tree.plant("tallyqa", "question again", "skipped", "repeated_question", "7", "8")
    held_out = {**rows[2], "image": f"val2014/COCO_val2014_{1:012d}.jpg"}
    tree.plant("tallyqa", "picture of val2014", "skipped", "validation_picture", held_out["image"])
    odd = {**rows[2], "image": "flickr/7.jpg"}
    tree.plant("tallyqa", "picture of no pool", "quarantined", "picture_pool_unknown", odd["image"])
    null = {**rows[2], "question": "How many cars?", "answer": None}
    tree.plant("tallyqa", "answer that is null", "quarantined", "malformed_record", null["image"])
    rows += [held_out, odd, null]
    for photo in broken_2014(tree, rng, "tallyqa", 481_000):
        rows.append(_count(photo, f"train2014/COCO_train2014_{photo.plain}", 0))
