"""Pages with questions in their official layouts: DocVQA, InfographicVQA and VisualMRC, drawn."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import orjson
from PIL import Image, ImageDraw

from cauldron.demo import words
from cauldron.demo.coco_photos import BROKEN, broken_payload
from cauldron.demo.drawing import COLORS, INK, jpeg, noisy, png, text_width, write_text
from cauldron.demo.tree import Rng, Tree, one_of, some_of

Record = dict[str, Any]

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_GOODS = ("tea", "coffee", "milk", "juice", "water", "cocoa", "cider")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A drawn page: its encoded picture, and questions with their answers."""

    data: bytes
    asked: list[tuple[str, list[str]]]


def wrapped(text: str, size: int, width: int) -> list[str]:
    """Return the lines of a text that fit a width in pixels."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and text_width(longer, size) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def write_lines(
    draw: ImageDraw.ImageDraw, x: float, y: float, lines: list[str], size: int, **more: Any
) -> float:
    """Write lines below each other and return where the next one would stand."""
    for line in lines:
        write_text(draw, x, y, line, size, **more)
        y += size * 1.35
    return y


def plant_broken(tree: Tree, source: str, folder: str, data: bytes, ending: str) -> list[str]:
    """Write pictures that cannot be used and return their names; records of them are good."""
    names = []
    for number, (trap, reason) in enumerate(BROKEN):
        name = f"9900{number}{ending}"
        payload = broken_payload(reason, data)
        if payload is not None:
            tree.write(f"{folder}/{name}", payload)
        tree.plant(source, trap, "quarantined", reason, name)
        names.append(name)
    return names


def _letter(rng: Rng, mode: str) -> Page:
    """Draw a typed letter: date, receiver, a paragraph, a sum, who signed it."""
    receiver, signed = words.name(rng), f"{words.name(rng)} {words.name(rng)}"
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(12)), int(rng.integers(60, 99))
    total = f"${int(rng.integers(1, 99))},{int(rng.integers(100, 999))}.{int(rng.integers(10, 99))}"
    width, height = 420, int(rng.integers(500, 620))
    image = Image.new("RGB", (width, height), (250, 249, 244))
    draw = ImageDraw.Draw(image)
    left = int(rng.integers(24, 70))
    name = words.name(rng).upper()
    write_text(draw, width / 2, 34, f"{name} COMPANY", 22, anchor="mm")
    y = float(rng.integers(70, 120))
    y = write_lines(draw, left, y, [f"{month + 1}/{day}/{year}", f"To: Mr. {receiver}"], 15) + 14
    body = words.paragraphs(rng, 1, 3)[0]
    y = write_lines(draw, left, y, wrapped(body, 14, width - left - 24), 14) + 16
    draw.rectangle((left, y, width - 30, y + 32), outline=INK)
    y = write_lines(draw, left + 8, y + 16, [f"TOTAL DUE      {total}"], 15) + 40
    write_text(draw, left + 120, min(y, height - 40), signed, 17, fill=(40, 50, 140))
    pixels = noisy(image, rng, 5.0).convert("L")
    asked = [
        (f"what is the  date on the letter to {receiver}?", [f"{month + 1}/{day}/{year}",
         f"{day} {_MONTHS[month]} {year}"]),
        (f"WHO SIGNED THE LETTER OF {name}?", [signed, signed.upper(), signed]),
        (f"what is the total\n due by mr. {receiver}?", [total]),
        (f"which company wrote to {receiver}?", [f"{name} COMPANY", name]),
    ]  # fmt: skip
    return Page(data=png(pixels.convert(mode)), asked=some_of(rng, asked, 4))


def docvqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write DocVQA: one list of questions a split, pages in one folder named by document."""
    top, kept = "docvqa/spdocvqa_images", Page(data=b"", asked=[])
    sizes = {"train": records, "val": max(records // 4, 3), "test": 3}
    for place, (split, size) in enumerate(sizes.items()):
        rows: list[Record] = []
        for number in range(size):
            kept = _letter(rng, "1" if number % 5 == 4 else "L")
            document = f"{'abc'[place]}{number:07d}"
            tree.write(f"{top}/{document}_1.png", kept.data)
            for question, answers in kept.asked[: 1 + number % 4]:
                known = answers if split != "test" else None
                rows.append(_doc_row(len(rows), split, document, question, known))
        if split == "train":
            _doc_oddities(tree, rows, kept)
        head = {"dataset_name": "SP-DocVQA", "dataset_version": "1.0", "dataset_split": split}
        ending = "" if split == "test" else "_withQT"
        path = f"docvqa/spdocvqa_qas/{split}_v1.0{ending}.json"
        tree.json(path, {**head, "data": rows}, bom=split == "train", crlf=split == "train")
    trap = "byte order mark, Windows line ends"
    tree.plant("docvqa", trap, "read", (), "train_v1.0_withQT.json")
    return ["docvqa"]


def _doc_row(
    number: int, split: str, document: str, question: str, answers: list[str] | None
) -> Record:
    return {
        "questionId": 1000 + number,
        "question": question,
        "question_types": ["form", "handwritten"][: 1 + number % 2],
        "image": f"documents/{document}_1.png",
        "docId": number // 3,
        "ucsf_document_id": document,
        "ucsf_document_page_no": "1",
        "answers": answers,
        "data_split": split,
    }


def _doc_oddities(tree: Tree, rows: list[Record], like: Page) -> None:
    first = rows[0]
    again = f" {first['question'].replace('  ', ' ').capitalize()}"
    rows.append({**first, "questionId": 1, "question": again, "docId": 77})
    tree.plant("docvqa", "question again, other blanks", "skipped", "repeated_question", "1")
    rows.append({**first, "questionId": 2, "question": "what is behind?", "answers": ["", " "]})
    tree.plant("docvqa", "answers of blanks only", "quarantined", "empty_answer", "2")
    rows.append({**first, "questionId": 3, "question": "what is above?", "answers": None})
    tree.plant("docvqa", "no answers", "skipped", "unlabelled", "3")
    rows.append({**first, "questionId": 4, "question": None})
    tree.plant("docvqa", "no question", "quarantined", "malformed_record", "4")
    for name in plant_broken(tree, "docvqa", "docvqa/spdocvqa_images", like.data, "_1.png"):
        document = name.removesuffix("_1.png")
        rows.append(_doc_row(900 + len(rows), "train", document, "what is the date?", ["May 1"]))


def _infographic(rng: Rng) -> Page:
    """Draw a tall infographic: a coloured head, bars of shares, a figure in a circle."""
    name = words.name(rng)
    goods = some_of(rng, _GOODS, int(rng.integers(3, 6)))
    shares = [int(k) for k in rng.permutation(60)[: len(goods)] + 12]
    colors = some_of(rng, [c for c in COLORS if c != "white"], len(goods) + 1)
    width, height = 300, 150 + 80 * len(goods) + int(rng.integers(0, 120))
    image = Image.new("RGB", (width, height), one_of(rng, ((250, 248, 240), (232, 240, 246))))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width, 64), fill=COLORS[colors[-1]])
    write_text(draw, width / 2, 32, f"What {name} drinks", 24, anchor="mm", fill="white")
    y = 90.0
    for good, share, color in zip(goods, shares, colors, strict=False):
        write_text(draw, 16, y, good.capitalize(), 18)
        draw.rectangle((16, y + 14, 16 + 3 * share, y + 40), fill=COLORS[color])
        write_text(draw, 24 + 3 * share, y + 27, f"{share}%", 17)
        y += 80
    cups = f"{int(rng.integers(12, 98)) / 10} million"
    draw.ellipse((20, y - 20, 90, y + 50), fill=COLORS[colors[0]])
    write_text(draw, 100, y + 14, f"{cups} cups a day", 16)
    asked = [
        (f"What share of people in {name} drink {goods[0]}?", [f"{shares[0]}%"]),
        (f"How many cups a day are drunk in {name}?", [cups]),
        ("Which drinks are named, from top to bottom?", [", ".join(goods)]),
        (f"What is drunk most in {name}?", [goods[shares.index(max(shares))]]),
    ]
    return Page(data=jpeg(image, 90), asked=some_of(rng, asked, 4))


def infographic_vqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write InfographicVQA: one list of questions a split, pictures in one folder."""
    folder, made = "infographic_vqa/infographicsvqa_images", Page(data=b"", asked=[])
    sizes = {"train": records, "val": max(records // 4, 3), "test": 3}
    for place, (split, size) in enumerate(sizes.items()):
        rows: list[Record] = []
        for number in range(size):
            made = _infographic(rng)
            name = f"{10_000 * (place + 1) + number}.jpeg"
            tree.write(f"{folder}/{name}", _stored(made.data, number))
            for question, answers in made.asked[: 1 + number % 4]:
                rows.append(_info_row(len(rows), split, name, question, answers))
        if split == "train":
            _info_oddities(tree, folder, rows, made)
        if split == "test":
            rows = [{k: v for k, v in row.items() if k != "answers"} for row in rows]
        head = {"dataset_name": "infographicVQA", "dataset_version": "1.0", "dataset_split": split}
        ending = "_withQT" if split == "val" else ""
        path = f"infographic_vqa/infographicsVQA_{split}_v1.0{ending}.json"
        tree.json(path, {**head, "data": rows}, crlf=split == "train")
    tree.plant("infographic_vqa", "CMYK, PNG named .jpeg, Windows line ends", "read", (), "train")
    return ["infographic_vqa"]


def _stored(data: bytes, number: int) -> bytes:
    """Return a JPEG as it is, as CMYK, or as a PNG under the same name."""
    if number % 6 == 1:
        out = io.BytesIO()
        Image.open(io.BytesIO(data)).convert("CMYK").save(out, "JPEG", quality=90)
        return out.getvalue()
    return png(Image.open(io.BytesIO(data))) if number % 6 == 2 else data


def _info_row(number: int, split: str, name: str, question: str, answers: list[str]) -> Record:
    return {
        "questionId": 50_000 + number,
        "question": question,
        "image_local_name": name,
        "image_url": f"https://pictures.example/{name}",
        "ocr_output_file": name.replace(".jpeg", ".json"),
        "answers": answers,
        "data_split": split,
    }


def _info_oddities(tree: Tree, folder: str, rows: list[Record], like: Page) -> None:
    first = rows[0]
    several = {"questionId": 1, "question": "Who made this?", "answers": ["the press", "press"]}
    rows.append({**first, **several})
    tree.plant("infographic_vqa", "several answers", "skipped", "several_answers", "1")
    rows.append({**first, "questionId": 2, "question": f"{first['question']} "})
    tree.plant("infographic_vqa", "question again", "skipped", "repeated_question", "2")
    rows.append({**first, "questionId": 3, "question": "What is missing?", "answers": [" "]})
    tree.plant("infographic_vqa", "answer of blanks", "quarantined", "empty_answer", "3")
    for name in plant_broken(tree, "infographic_vqa", folder, like.data, ".jpeg"):
        rows.append(_info_row(900 + len(rows), "train", name, "What is it about?", ["drinks"]))


def _web_page(rng: Rng) -> Page:
    """Draw the screenshot of a web page: a bar, a heading, paragraphs, a picture box."""
    title, width = words.title(rng), 360
    paragraphs = words.paragraphs(rng, 2, 2)
    height = int(rng.integers(420, 700))
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width, 40), fill=COLORS[one_of(rng, ("blue", "green", "brown", "red"))])
    site = words.name(rng)
    write_text(draw, 14, 20, f"{site}.example", 17, fill="white")
    y = write_lines(draw, 14, 66, wrapped(title, 22, width - 28), 22) + 8
    box = int(rng.integers(60, 150))
    draw.rectangle((14, y, 14 + 2 * box, y + box), fill=COLORS[one_of(rng, list(COLORS))])
    y = y + box + 18
    for paragraph in paragraphs:
        y = write_lines(draw, 14, y, wrapped(paragraph, 13, width - 28), 13) + 12
    sentence = paragraphs[0].split(". ")[0].rstrip(".")
    asked = [
        (f"What is the page of {site} about ?", [f"It is about {title[0].lower()}{title[1:]}"]),
        (f"Which site tells of {title} ?", [f"the site {site}.example tells of it."]),
        (f"How does the text on {site} begin ?", [f"It begins with: {sentence}."]),
    ]
    return Page(data=png(image), asked=asked)


def visualmrc(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write VisualMRC: one JSON lines file of pages with boxes and questions, screenshots."""
    lines: list[bytes] = []
    made = _web_page(rng)
    for number in range(records):
        made = _web_page(rng)
        name = f"{number:05d}.png"
        tree.write(f"visualmrc/screenshot/{name}", made.data)
        path = name if number % 7 == 3 else f"screenshot/{name}"
        lines.append(_page_line(f"{number:05d}", path, made.asked[: 2 if number % 7 == 0 else 3]))
        if number % 7 == 0:
            lines.append(_page_line(f"{number:05d}b", path, made.asked[2:]))
    tree.plant("visualmrc", "a page under two ids; paths without folder", "read", (), "annotation")
    for name in plant_broken(tree, "visualmrc", "visualmrc/screenshot", made.data, ".png"):
        lines.append(_page_line(name, f"screenshot/{name}", made.asked))
    lines.append(_page_line("8001", "screenshot/00001.png", []))
    tree.plant("visualmrc", "page without questions", "quarantined", "no_turns", "8001")
    lines.append(lines[0][: len(lines[0]) // 2])
    tree.plant("visualmrc", "half a line", "quarantined", "json_invalid", str(len(lines)))
    tree.write("visualmrc/annotation.jsonl", b"\r\n".join(lines) + b"\r\n")
    return ["visualmrc"]


def _page_line(number: str, path: str, asked: list[tuple[str, list[str]]]) -> bytes:
    box = {"id": 0, "structure": "Heading/Title", "shape": {"x": -4, "y": 9, "width": 80,
           "height": 20}, "ocr_info": [{"word": "The", "confidence": 0.9, "bbox": {}}]}  # fmt: skip
    record = {
        "id": number,
        "url": f"https://pages.example/{number}",
        "screenshot_filename": path,
        "image_filename": path.replace("screenshot", "image"),
        "bounding_boxes": [box],
        "qa_data": [
            {"crowdId": f"c{k}", "question": {"text": question},
             "answer": {"text": answers[0], "relevant": [0]}}
            for k, (question, answers) in enumerate(asked)
        ],
    }  # fmt: skip
    return orjson.dumps(record)
