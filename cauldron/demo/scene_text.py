"""Pictures of text in their official layouts: ST-VQA, TextCaps and Hateful Memes, drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from PIL import Image, ImageDraw

from cauldron.demo import words
from cauldron.demo.coco_photos import BROKEN, broken_payload
from cauldron.demo.drawing import COLORS, INK, jpeg, noisy, png, shaded, text_width, write_text
from cauldron.demo.scenes import HEIGHT, WIDTH, backdrop, draw_thing, things
from cauldron.demo.tree import BOM, Rng, Tree, one_of

Record = dict[str, Any]

_GOODS = ("bread", "tea", "nails", "lamps", "maps", "soap", "ribbons", "honey")
_BOARDS = (("white", INK), ("yellow", COLORS["blue"]), ("black", COLORS["yellow"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A market stall: the name on its board, what it sells and for how much, drawn."""

    name: str
    goods: str
    price: str
    image: Image.Image


def stall(rng: Rng) -> Stall:
    """Draw a stall with a board and a price tag."""
    image = backdrop(rng)
    draw = ImageDraw.Draw(image)
    name, goods = words.name(rng), one_of(rng, _GOODS)
    price = f"${rng.integers(1, 60)}.{rng.integers(10, 99)}"
    board, ink = one_of(rng, _BOARDS)
    left, top, size = (int(rng.integers(*ends)) for ends in ((14, 50), (18, 60), (20, 30)))
    wide = max(text_width(f"{name} {goods}", size) + 20, 190)
    draw.rectangle((left, top, left + wide, top + size + 16), fill=board, outline=INK)
    write_text(draw, left + 10, top + 8 + size / 2, f"{name} {goods}", size, fill=ink)
    counter = int(rng.integers(150, 175))
    draw.rectangle((left, counter, left + wide, HEIGHT - 14), fill=(140, 95, 60), outline=INK)
    for k in range(int(rng.integers(2, 6))):
        x = left + 20 + 34 * k
        fill = one_of(rng, list(COLORS.values()))
        draw.ellipse((x, counter - 24, x + 24, counter), fill=fill, outline=INK)
    tag = left + int(rng.integers(20, 80))
    draw.rectangle(
        (tag, counter + 10, tag + text_width(price, 22) + 12, counter + 42), fill="white"
    )
    write_text(draw, tag + 6, counter + 26, price, 22)
    return Stall(name=name, goods=goods, price=price, image=noisy(image, rng, 4.0))


def st_vqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write ST-VQA task 2: one list of questions beside folders of several collections."""
    rows: list[Record] = []
    for number in range(records):
        shown = stall(rng)
        name = f"COCO_train2014_{700_000 + 7 * number:012d}.jpg"
        path = f"coco-text/{name}" if number % 3 == 0 else f"vg/{7_000 + number}.jpg"
        if number % 3 == 0:
            squeezed = shown.image.resize((256, 256))
            tree.write(f"coco2014/train2014/{name}", jpeg(shown.image))
            tree.write(f"st_vqa/{path}", jpeg(squeezed))
            tree.plant("st_vqa", "squeezed copy of a COCO picture", "read", (), path)
        else:
            tree.write(f"st_vqa/{path}", jpeg(shown.image))
        asked = (("Whose stall is it?", shown.name), ("What does it cost?", shown.price))
        rows += [_asked(path, *pair) for pair in asked[: 1 + number % 2]]
    _scene_oddities(tree, rng, rows)
    for number, row in enumerate(rows):
        row["question_id"] = number
    tree.json("st_vqa/train_task_2.json", {"data": rows}, crlf=True)
    test = [{k: v for k, v in row.items() if k != "answers"} for row in rows[:3]]
    tree.json("st_vqa/test_task_2.json", {"data": [{**r, "set_name": "test"} for r in test]})
    tree.plant("st_vqa", "Windows line ends", "read", (), "train_task_2.json")
    return ["st_vqa", "coco2014"]


def _asked(path: str, question: str, *answers: str) -> Record:
    folder, _, name = path.rpartition("/")
    return {
        "question": question,
        "answers": list(answers),
        "file_path": path,
        "file_name": name,
        "set_name": "train",
        "dataset": folder,
    }


def _scene_oddities(tree: Tree, rng: Rng, rows: list[Record]) -> None:
    """Plant two answers, a path that climbs out, another split and unusable pictures."""
    path = rows[-1]["file_path"]
    rows.append(_asked(path, "What is sold?", "bread", "tea"))
    tree.plant("st_vqa", "two answers", "skipped", "several_answers", path)
    rows.append({**_asked(path, "What is sold?", "tea"), "set_name": "val"})
    tree.plant("st_vqa", "record of another split", "skipped", "other_split", path)
    rows.append(_asked("../planted.json", "What is it?", "a file"))
    tree.plant("st_vqa", "path that climbs out", "quarantined", "path_outside", "../planted.json")
    blank = "icdar/img 12.JPG"
    shown = stall(rng)
    tree.write(f"st_vqa/{blank}", jpeg(shown.image))
    rows.append(_asked(blank, "Which site is named?", "www.stall.example/iPad"))
    tree.plant("st_vqa", "blank in a file name", "read", (), blank)
    for number, (trap, reason) in enumerate(BROKEN):
        path = f"vg/{9_000 + number}.jpg"
        payload = broken_payload(reason, jpeg(stall(rng).image))
        if payload is not None:
            tree.write(f"st_vqa/{path}", payload)
        rows.append(_asked(path, "Whose stall is it?", "nobody's"))
        tree.plant("st_vqa", trap, "quarantined", reason, path)


def textcaps(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write TextCaps: five records a picture, each with all five captions; test has none."""
    sizes = {"train": records, "val": max(records // 4, 2), "test": 1}
    for place, (split, size) in enumerate(sizes.items()):
        rows: list[Record] = []
        for number in range(size):
            shown = stall(rng)
            image_id = f"c{place}{number:014x}"
            folder = "test_images" if split == "test" else "train_images"
            tree.write(f"textcaps/{folder}/{image_id}.jpg", jpeg(shown.image))
            rows += _captioned(split, image_id, shown)
        if split == "train":
            _caption_oddities(tree, rng, rows)
        for row in rows if split == "test" else ():
            del row["caption_str"], row["reference_strs"]
        head = {"dataset_type": split, "dataset_name": "textcaps", "dataset_version": "0.1"}
        numbered = [{**row, "caption_id": k} for k, row in enumerate(rows)]
        tree.json(f"textcaps/TextCaps_0.1_{split}.json", {**head, "data": numbered})
    return ["textcaps"]


def _captioned(split: str, image_id: str, shown: Stall) -> list[Record]:
    captions = [
        f"A stall of {shown.name} {shown.goods} with a tag of {shown.price}.",
        f"a market stall with the word {shown.name.upper()} on its board",
        f"{shown.goods} for {shown.price} at a small stall",
        f'A board says "{shown.name} {shown.goods}".',
        f"Someone sells {shown.goods} &amp; asks {shown.price} for it",
    ]
    return [
        {
            "image_id": image_id,
            "caption_str": caption,
            "reference_strs": captions,
            "image_classes": ["Market", "Sign"],
            "image_width": WIDTH,
            "image_height": HEIGHT,
            "set_name": split,
        }
        for caption in captions
    ]


def _caption_oddities(tree: Tree, rng: Rng, rows: list[Record]) -> None:
    tree.plant("textcaps", "HTML entities in a caption", "read", (), "train")
    silent = {**rows[0], "image_id": "c9", "reference_strs": [" "]}
    tree.plant("textcaps", "captions of blanks only", "skipped", "unlabelled", "c9")
    rows.append(silent)
    for number, (trap, reason) in enumerate(BROKEN):
        image_id, shown = f"ce{number:014x}", stall(rng)
        payload = broken_payload(reason, jpeg(shown.image))
        if payload is not None:
            tree.write(f"textcaps/train_images/{image_id}.jpg", payload)
        rows += _captioned("train", image_id, shown)
        tree.plant("textcaps", trap, "quarantined", reason, image_id)
    ids = [row["image_id"] for row in rows]
    again = [f"{image_id} {k}" for k, image_id in enumerate(ids) if image_id in ids[:k]]
    tree.plant("textcaps", "picture again", "skipped", "caption_of_same_picture", *again)


def hateful_memes(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Hateful Memes with harmless words about made-up towns; lines of all five files."""
    sizes = {"train": records, "dev_seen": max(records // 4, 2), "test_unseen": 1}
    lines: list[Record] = []
    for split, size in sizes.items():
        told = [_meme(tree, rng, 1_000 + len(lines) + k) for k in range(size)]
        lines += told
        rows = [orjson.dumps(line) for line in told]
        if split == "train":
            rows += _meme_oddities(tree, rng, told)
        elif split == "test_unseen":
            rows = [orjson.dumps({k: v for k, v in line.items() if k != "label"}) for line in told]
        tree.write(f"hateful_memes/{split}.jsonl", BOM + b"\r\n".join(rows) + b"\r\n")
    tree.plant("hateful_memes", "byte order mark and Windows line ends", "read", (), "train.jsonl")
    return ["hateful_memes"]


def _meme(tree: Tree, rng: Rng, number: int) -> Record:
    town, hateful = words.name(rng), bool(rng.integers(2))
    above, below = f"people from {town}", "must stay out" if hateful else "are welcome here"
    image = shaded(WIDTH, HEIGHT, *(one_of(rng, list(COLORS.values())) for _ in range(2)))
    draw = ImageDraw.Draw(image)
    for thing in things(rng, 3):
        draw_thing(draw, thing)
    for y, said in ((22, above), (HEIGHT - 22, below)):
        draw.rectangle((0, y - 18, WIDTH, y + 18), fill="white")
        write_text(draw, WIDTH / 2, y, said.upper(), 22, anchor="mm")
    name = f"{number:05d}.png"
    tree.write(f"hateful_memes/img/{name}", png(noisy(image, rng, 3.0)))
    line = {"id": number, "img": f"img/{name}", "label": int(hateful)}
    return {**line, "text": f"{above} {below}".lower()}


def _meme_oddities(tree: Tree, rng: Rng, told: list[Record]) -> list[bytes]:
    """Plant an unknown label, a cut line and unusable pictures."""
    odd = {**told[0], "img": "img/00001.png", "label": 7}
    tree.plant("hateful_memes", "unknown label", "quarantined", "label_unknown", odd["img"])
    rows = [orjson.dumps(odd), b'{"id": 3, "img": "img/0']
    tree.plant("hateful_memes", "line cut in the middle", "quarantined", "json_invalid", "train")
    for number, (trap, reason) in enumerate(BROKEN):
        line = {**told[0], "id": 90 + number, "img": f"img/{90 + number:05d}.png"}
        payload = broken_payload(reason, png(stall(rng).image))
        if payload is not None:
            tree.write(f"hateful_memes/{line['img']}", payload)
        rows.append(orjson.dumps(line))
        tree.plant("hateful_memes", trap, "quarantined", reason, line["img"])
    return rows
