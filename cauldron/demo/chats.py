"""Chats about pictures in their official layouts: LLaVA's shape and its relatives, and CORD."""

from __future__ import annotations

import base64
from typing import Any

import orjson
from PIL import Image, ImageDraw

from cauldron.demo import words
from cauldron.demo.coco_photos import BROKEN, Photo, broken_payload, draw_photos
from cauldron.demo.drawing import INK, jpeg, png, write_text
from cauldron.demo.screens import parquet, patches
from cauldron.demo.tree import Rng, Tree, one_of

Record = dict[str, Any]

_COCO = "coco2017/train2017"


def llava_instruct(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write LLaVA-Instruct: all, and its conversations; marks of pictures in several places."""
    photos = draw_photos(rng, 700_000, records)
    told = [_record(rng, n, photo, photo.plain) for n, photo in enumerate(photos)]
    tree.json("llava_instruct/conversation_58k.json", told)
    for photo in photos:
        tree.write(f"{_COCO}/{photo.plain}", photo.data)
    told += _broken(tree, rng, "llava_instruct", 710_000, _COCO, "{}")
    told += _odd_marks(tree, "llava_instruct", told[0], len(told))
    tree.json("llava_instruct/llava_instruct_150k.json", told)
    return ["llava_instruct", "coco2017"]


def sharegpt4v(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write ShareGPT4V: long answers, pictures of COCO and SAM under paths of the set."""
    told: list[Record] = []
    for number, photo in enumerate(draw_photos(rng, 720_000, records)):
        name = f"coco/train2017/{photo.plain}" if number % 2 else f"sam/images/sa_{number}.jpg"
        tree.write(f"sharegpt4v/data/{name}", photo.data)
        record = _record(rng, number, photo, name, turns=1)
        record["conversations"][-1]["value"] = "\n\n".join(words.paragraphs(rng, 2, 3))
        told.append(record)
    folder = "sharegpt4v/data/coco/train2017"
    told += _broken(tree, rng, "sharegpt4v", 730_000, folder, "coco/train2017/{}")
    tree.json("sharegpt4v/sharegpt4v_instruct_gpt4-vision_cap100k.json", told)
    return ["sharegpt4v", "sharegpt4v/data"]


def lvis_instruct4v(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write LVIS-Instruct4V: the shape of LLaVA, `coco/train2017` in front of the names."""
    told = []
    for number, photo in enumerate(draw_photos(rng, 740_000, records)):
        tree.write(f"{_COCO}/{photo.plain}", photo.data)
        told.append(_record(rng, number, photo, f"coco/train2017/{photo.plain}"))
    told += _broken(tree, rng, "lvis_instruct4v", 750_000, _COCO, "coco/train2017/{}")
    tree.json("lvis_instruct4v/lvis_instruct4v_220k.json", told)
    return ["lvis_instruct4v", "coco2017"]


def svit(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write SVIT: the shape of LLaVA, pictures of Visual Genome under the paths of LLaVA."""
    told = []
    for number, photo in enumerate(draw_photos(rng, 2_500_000, records)):
        name = f"vg/VG_100K{('', '_2')[number % 2]}/{photo.number}.jpg"
        tree.write(f"svit/{name}", photo.data)
        told.append(_record(rng, number, photo, name))
    told += _odd_marks(tree, "svit", told[0], len(told))
    tree.json("svit/format/llava-v1.5/SVIT_core_150K.json", told)
    return ["svit"]


def llavar(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write LLaVAR: the shape of LLaVA, pictures in the folder of their archive."""
    told = []
    for number, photo in enumerate(draw_photos(rng, 765_000, records)):
        tree.write(f"llavar/finetune/{photo.number}.jpg", photo.data)
        told.append(_record(rng, number, photo, f"{photo.number}.jpg"))
    told += _broken(tree, rng, "llavar", 768_000, "llavar/finetune", "{}")
    tree.json("llavar/llava_instruct_150k_llavar_20k.json", told)
    return ["llavar"]


def m3it(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write M3IT: two tasks in JSON lines, pictures in base64, two pictures for some."""
    tasks: dict[str, list[Record]] = {"captioning/coco-cn": [], "vqa/fm-iqa": []}
    photos = draw_photos(rng, 795_000, records)
    for number, photo in enumerate(photos):
        shown = ", ".join(thing.name for thing in photo.shown)
        held = [_base64(photo.data)]
        if number % 5 == 0:
            held.append(_base64(photos[number - 1].data))
        asked = ("", "What can be seen?")[number % 2]
        told = {"instruction": "Look at the picture.", "inputs": asked, "image_base64_str": held}
        tasks[list(tasks)[number % 2]].append({**told, "outputs": f"I see {shown}."})
    bad = {"instruction": "Say it.", "inputs": "", "image_base64_str": "%%", "outputs": "It."}
    tree.plant("m3it", "picture that is not base64", "quarantined", "image_base64_invalid", "%%")
    tasks["vqa/fm-iqa"] += [bad, {**bad, "image_base64_str": []}]
    tree.plant("m3it", "no picture", "quarantined", "image_missing", "[]")
    for task, rows in tasks.items():
        payload = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        tree.write(f"m3it/data/{task}/train.jsonl", payload)
    return ["m3it"]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sharegpt4o(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write ShareGPT-4o: JSON lines, pictures in a folder of their own."""
    lines = []
    for number, photo in enumerate(draw_photos(rng, 760_000, records)):
        name = f"{photo.number}.jpg"
        tree.write(f"sharegpt4o/images/{name}", photo.data)
        lines.append(_record(rng, number, photo, name, turns=1))
    lines += _odd_marks(tree, "sharegpt4o", lines[0], len(lines))
    payload = b"\n".join(orjson.dumps(line) for line in lines) + b"\n"
    tree.write("sharegpt4o/image_conversations/gpt-4o.jsonl", payload)
    return ["sharegpt4o"]


def llava(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write a set of one's own: roles and contents, two pictures a dialogue, some without any."""
    told: list[Record] = []
    for number, photo in enumerate(draw_photos(rng, 770_000, records)):
        names = [f"photos/{number}-{k}.jpg" for k in range(number % 3)]
        for name in names:
            tree.write(f"llava/{name}", photo.data)
        marks = "".join(f"Picture {k + 1}: <image>\n" for k in range(len(names)))
        shown = ", ".join(thing.name for thing in photo.shown)
        said = [
            {"role": "system", "content": "Answer in one line."},
            {"role": "user", "content": f"{marks}What is here?"},
            {"role": "assistant", "content": f"I know of: {shown}."},
        ]
        told.append({"id": number, "messages": said, "images": names})
    told.append({"id": "clip", "messages": told[0]["messages"], "video": "clips/1.mp4"})
    tree.plant("llava", "video", "skipped", "video", "clip")
    tree.json("llava/exports/mine.json", told, crlf=True)
    tree.plant("llava", "Windows line ends", "read", (), "exports/mine.json")
    return ["llava"]


def lrv_instruct(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write LRV-Instruction: flat rows, some of them on things that are not in the picture."""
    rows: list[Record] = []
    for photo in draw_photos(rng, 2_300_000, max(records // 2, 8)):
        tree.write(f"visual_genome/VG_100K/{photo.number}.jpg", photo.data)
        told = {"image_id": str(photo.number), "task": "existence"}
        first = photo.shown[0].name
        rows.append({**told, "question": f"Where is the {first}?", "answer": "On the ground."})
        answer = "There is no giraffe in the picture."
        rows.append({**told, "question": "What does the giraffe eat?", "answer": answer})
    tree.plant("lrv_instruct", "questions on one picture", "read", (), "filter_cap1.json")
    rows += [{**rows[0], "image_id": "1"}, dict(rows[0])]
    tree.plant("lrv_instruct", "missing picture", "quarantined", "image_missing", "1.jpg")
    tree.plant("lrv_instruct", "row again", "skipped", "repeated_turn", str(len(rows)))
    half = len(rows) - 3
    tree.plant(
        "lrv_instruct",
        "second questions",
        "skipped",
        "merged_into_sample",
        *(str(number) for number in range(half // 2 + 1)),
    )
    tree.json("lrv_instruct/filter_cap1.json", rows)
    return ["lrv_instruct", "visual_genome"]


def lnqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write LNQA: Parquet of pictures with lists of questions."""
    rows: list[Record] = []
    for photo in draw_photos(rng, 780_000, records):
        things = [thing.name for thing in photo.shown]
        asked = [
            {"question": f"Is there a {things[0]}?", "answer": "Yes, there is."},
            {"question": "What else can be seen?", "answer": ", ".join(things[1:])},
        ]
        rows.append({"image": {"bytes": photo.data, "path": None}, "qa": asked})
    rows.append({"image": rows[0]["image"], "qa": []})
    tree.plant("lnqa", "picture without questions", "quarantined", "no_turns", str(records))
    tree.write("lnqa/data/train-00000-of-00020.parquet", parquet(rows, group=9))
    return ["lnqa"]


def geo170k(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Geo170K: descriptions and problems on the same drawings, in two files."""
    described: list[Record] = []
    asked: list[Record] = []
    for number in range(records):
        name, (data, a, b) = f"geo3k/{number}.png", _triangle(rng)
        tree.write(f"geo170k/images/{name}", data)
        told = f"A triangle with a base of {a} and a height of {b}."
        described.append(_pair(name, "<image>\nDescribe the drawing.", told))
        answer = f"The area is {a} * {b} / 2 = {a * b / 2:g}.\nAnswer: {a * b / 2:g}"
        asked.append(_pair(name, "<image>\nWhat is the area of the triangle?", answer))
    asked.append(_pair("geo3k/gone.png", "<image>\nWhat is it?", "Nobody knows."))
    tree.plant("geo170k", "missing drawing", "quarantined", "image_missing", "gone.png")
    again = [record["image"] for record in asked[:-1]]
    tree.plant("geo170k", "drawing in both files", "skipped", "merged_into_sample", *again)
    tree.json("geo170k/alignment.json", described)
    tree.json("geo170k/qa_tuning.json", asked)
    return ["geo170k"]


def _pair(name: str, asked: str, told: str) -> Record:
    said = [{"from": "human", "value": asked}, {"from": "gpt", "value": told}]
    return {"image": name, "conversations": said}


def _triangle(rng: Rng) -> tuple[bytes, int, int]:
    """Return the drawing of a triangle with its base and height written on it."""
    a, b = int(rng.integers(3, 20)), int(rng.integers(3, 20))
    image = Image.new("RGB", (240, 200), "white")
    draw = ImageDraw.Draw(image)
    top = (int(rng.integers(40, 200)), int(rng.integers(16, 60)))
    draw.polygon([(30, 170), (210, 170), top], outline=INK)
    draw.line([top, (top[0], 170)], fill=INK)
    write_text(draw, 120, 185, str(a), 16, anchor="mm")
    write_text(draw, top[0] + 6, 110, str(b), 16)
    return png(image), a, b


def imageinwords(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write ImageInWords: JSON lines, pictures of DOCCI in a folder."""
    lines = []
    for number, photo in enumerate(draw_photos(rng, 790_000, records)):
        key = f"aar_test_{number:05d}"
        tree.write(f"docci/images/{key}.jpg", photo.data)
        lines.append({"image/key": key, "IIW": " ".join(words.paragraphs(rng, 3, 3))})
    lines += [{"image/key": "aar_test_99999", "IIW": "Gone."}, {"image/key": "x", "IIW": " "}]
    tree.plant("imageinwords", "missing picture", "quarantined", "image_missing", "aar_test_99999")
    tree.plant("imageinwords", "empty description", "quarantined", "empty_answer", "x")
    payload = b"\n".join(orjson.dumps(line) for line in lines)
    tree.write("imageinwords/IIW-400/data.jsonl", payload)
    return ["imageinwords", "docci"]


def cord(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write CORD: Parquet of receipts with their content as JSON text."""
    rows: list[Record] = []
    for _ in range(records):
        menu, total = [], 0
        image = Image.new("RGB", (220, 320), (245, 243, 236))
        draw = ImageDraw.Draw(image)
        for line in range(int(rng.integers(2, 5))):
            price = 1000 * int(rng.integers(5, 90))
            name = f"{one_of(rng, ('NASI', 'MIE', 'TEH', 'KOPI'))} {words.name(rng).upper()}"
            menu.append({"nm": name, "cnt": "1", "price": f"{price:,}"})
            write_text(draw, 14, 40 + 26 * line, f"{name}  {price:,}", 14)
            total += price
        write_text(draw, 14, 260, f"TOTAL  {total:,}", 17)
        told = {"gt_parse": {"menu": menu, "total": {"total_price": f"{total:,}"}}, "meta": {}}
        cell = {"bytes": jpeg(image), "path": None}
        rows.append({"image": cell, "ground_truth": orjson.dumps(told).decode()})
    rows.append({**rows[0], "ground_truth": '{"meta": {}}'})
    tree.plant("cord", "no content", "quarantined", "malformed_record", str(records))
    tree.write("cord/data/train-00000-of-00004.parquet", parquet(rows))
    return ["cord"]


def chart_gemma(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write ChartGemma: Parquet of charts, one chart in several rows that follow each other."""
    rows: list[Record] = []
    for number in range(max(records // 2, 8)):
        image = Image.new("RGB", (300, 200), "white")
        patches(image, rng, 5)
        high = int(rng.integers(20, 99))
        write_text(ImageDraw.Draw(image), 150, 20, f"{words.title(rng)}: {high}", 15, anchor="mm")
        cell = {"bytes": png(image), "path": f"{number}.png"}
        rows.append({"image": cell, "input": "What is the highest value?", "output": str(high)})
        told = f"The chart peaks at {high}."
        rows.append({"image": cell, "input": "Summarise the chart.", "output": told})
    again = [str(number) for number in range(len(rows) // 2)]
    tree.plant("chart_gemma", "chart in two rows", "skipped", "merged_into_sample", *again)
    tree.write("chart_gemma/data/train-00000-of-00022.parquet", parquet(rows, group=8))
    return ["chart_gemma"]


def _record(rng: Rng, number: int, photo: Photo, name: str, turns: int = 0) -> Record:
    """Return a record of LLaVA: the mark in front, at the end or inside the first question."""
    first = ("<image>\nWhat is shown?", "What is shown?\n<image>", "In <image>, what is shown?")
    shown = ", ".join(thing.name for thing in photo.shown)
    said = [
        {"from": "human", "value": first[number % 3]},
        {"from": "gpt", "value": f"The picture shows {shown}."},
    ]
    for thing in photo.shown[: turns - 1 if turns else number % 3]:
        side = "left" if thing.x < 160 else "right"
        said.append({"from": "human", "value": f"Where is the {thing.name}?"})
        said.append({"from": "gpt", "value": f"It stands on the {side}."})
    return {"id": f"{photo.number:012d}", "image": name, "conversations": said}


def _broken(tree: Tree, rng: Rng, source: str, first: int, folder: str, name: str) -> list[Record]:
    """Plant pictures that cannot be used; their records are good."""
    told = []
    photos = draw_photos(rng, first, len(BROKEN))
    for number, (photo, (trap, reason)) in enumerate(zip(photos, BROKEN, strict=True)):
        payload = broken_payload(reason, photo.data)
        if payload is not None:
            tree.write(f"{folder}/{photo.plain}", payload)
        tree.plant(source, trap, "quarantined", reason, photo.plain)
        told.append(_record(rng, number, photo, name.format(photo.plain)))
    return told


def _odd_marks(tree: Tree, source: str, good: Record, first: int) -> list[Record]:
    """Plant dialogues whose marks and pictures do not fit."""
    plans = (
        ("no mark", "notes", "image_token_absent", "What is it?", "A field."),
        ("two marks", "quarantined", "image_token_count", "<image> <image>\nWhat?", "A field."),
        ("mark in an answer", "quarantined", "image_token_misplaced", "What?", "See <image>."),
    )
    told = []
    for number, (trap, step, reason, asked, answer) in enumerate(plans):
        said = [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]
        told.append({**good, "id": f"odd{number}", "conversations": said})
        tree.plant(source, trap, step, reason, str(first + number))
    return told
