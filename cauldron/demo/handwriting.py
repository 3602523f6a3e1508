"""Book covers and handwriting in their official layouts: OCR-VQA and IAM, drawn."""

from __future__ import annotations

import html
from typing import Any

from PIL import Image, ImageDraw

from cauldron.demo import words
from cauldron.demo.coco_photos import BROKEN, broken_payload
from cauldron.demo.drawing import font, jpeg, noisy, png, shaded, text_width, write_text
from cauldron.demo.tree import Rng, Tree, one_of
from cauldron.sources.iam import written

Record = dict[str, Any]

_GENRES = ("Cookbooks", "Travel", "History", "Children's Books", "Science & Math")
_PAPERS = (((40, 60, 110), (90, 120, 170)), ((120, 40, 45), (190, 90, 70)),
           ((35, 90, 70), (110, 150, 100)), ((210, 190, 150), (240, 230, 200)))  # fmt: skip


def ocrvqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write OCR-VQA: one object of books by number, and covers named by these numbers."""
    books: dict[str, Record] = {}
    total = records + max(records // 4, 4)
    for number in range(total):
        key = f"{number * 7_919:09d}" + "X0123456789"[number % 11]
        split = 1 if number < records else 2 + number % 2
        books[key], data = _book(rng, split)
        kind = "png" if number % 6 == 5 else "jpg"
        books[key]["imageURL"] = f"https://covers.example/I/{key}.{kind}"
        tree.write(f"ocrvqa/images/{key}.{kind}", data)
    others = [key for key, book in books.items() if book["split"] != 1]
    tree.plant("ocrvqa", "book of another split", "skipped", "other_split", *others)
    _book_oddities(tree, rng, books)
    tree.json("ocrvqa/dataset.json", books)
    return ["ocrvqa"]


def _book(rng: Rng, split: int) -> tuple[Record, bytes]:
    title, author = f"{words.title(rng)} & Other Stories", f"{words.name(rng)} {words.name(rng)}"
    genre, year = one_of(rng, _GENRES), int(rng.integers(1950, 2016))
    top, bottom = one_of(rng, _PAPERS)
    image = shaded(200, 280, top, bottom)
    draw = ImageDraw.Draw(image)
    band = int(rng.integers(40, 110))
    draw.rectangle((14, band, 186, band + 96), fill="white", outline="black")
    y = band + 14
    for line in _wrapped(title, 15, 160):
        write_text(draw, 100, y, line, 15, anchor="mm")
        y += 20
    for place, line, size in ((20, f"{genre} {year}", 13), (254, author, 16)):
        half = text_width(line, size) // 2 + 6
        draw.rectangle((100 - half, place - 12, 100 + half, place + 12), fill="white")
        write_text(draw, 100, place, line, size, anchor="mm")
    asked = [
        ("Who wrote this book?", author),
        ("What is the title of this book?", html.escape(title)),
        ("What is the genre of this book?", html.escape(genre, quote=False)),
        ("Is this a cookbook?", "Yes" if genre == "Cookbooks" else "No"),
        ("Which year is printed on the cover?", str(year)),
    ]
    return {
        "questions": [question for question, _ in asked],
        "answers": [answer for _, answer in asked],
        "title": title,
        "authorName": author,
        "genre": genre,
        "split": split,
    }, jpeg(noisy(image, rng, 3.0))


def _wrapped(text: str, size: int, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _book_oddities(tree: Tree, rng: Rng, books: dict[str, Record]) -> None:
    """Plant lists of unequal length, entities, another ending, and unusable covers."""
    key, first = next(iter(books.items()))
    first["questions"].append("What is the edition of this book?")
    note = "question_without_answer"
    tree.plant("ocrvqa", "question without answer", "notes", note, key)
    tree.plant("ocrvqa", "HTML entities in a title", "read", (), key)
    other, data = _book(rng, 1)
    books["B000000010"] = other | {"imageURL": "https://covers.example/I/10.png"}
    tree.write("ocrvqa/images/B000000010.jpg", data)
    tree.plant("ocrvqa", "other ending than in the address", "read", (), "B000000010")
    silent = _book(rng, 1)[0] | {"imageURL": "https://covers.example/I/11.jpg", "answers": []}
    books["B000000011"] = silent
    tree.plant("ocrvqa", "no answer at all", "quarantined", "no_answer", "B000000011")
    for number, (trap, reason) in enumerate(BROKEN):
        bad, (book, data) = f"B00000009{number}", _book(rng, 1)
        books[bad] = book | {"imageURL": f"https://covers.example/I/{bad}.jpg"}
        payload = broken_payload(reason, data)
        if payload is not None:
            tree.write(f"ocrvqa/images/{bad}.jpg", payload)
        tree.plant("ocrvqa", trap, "quarantined", reason, bad)


def iam(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write IAM: a text file of sentence parts beside pictures two folders deep."""
    listed = [
        "#--- sentences.txt",
        "#",
        "# format: a01-000u-s00-00 0 ok 154 19 408 746 661 89 A|B|.",
    ]
    for number in range(records):
        form = f"{'abc'[number % 3]}0{1 + number // 20}-{number % 20:03d}{'u' * (number % 2)}"
        name = f"{form}-s00-{number % 2:02d}"
        status = "err" if number % 10 == 9 else "ok"
        said = _said(rng, number)
        data = _line(rng, said)
        tree.write(_place(name), data)
        listed.append(_listed(name, status, said))
        if status == "err":
            tree.plant("iam", "wrong segmentation", "skipped", "segmentation_error", name)
    listed += _line_oddities(tree, rng)
    tree.write("iam/ascii/sentences.txt", "\n".join(listed).encode() + b"\n")
    tree.plant("iam", "comments, and # inside a transcription", "read", (), "sentences.txt")
    return ["iam"]


def _place(name: str) -> str:
    writer, form = name.split("-")[:2]
    return f"iam/sentences/{writer}/{writer}-{form}/{name}.png"


def _said(rng: Rng, number: int) -> str:
    """Return words as the files list them: marks apart, some in quotes."""
    plain = words.paragraphs(rng, 1, 1)[0].split()[:9]
    told = "|".join(plain).replace(",", "|,").rstrip(".") + "|."
    marks = {
        0: f'"|Yes|!|"|said|{words.name(rng)}|.',
        1: f"Room|#|{number}|is|{words.name(rng)}|'s|.",
    }
    return marks.get(number % 8, told)


def _line(rng: Rng, said: str) -> bytes:
    """Draw words in one wavy line of grey ink."""
    shown = written(said).split()
    size = int(rng.integers(24, 30))
    width = sum(text_width(f"{word} ", size) + len(word) for word in shown) + 48
    image = Image.new("L", (width, 76), 242)
    draw = ImageDraw.Draw(image)
    x = 16.0
    for word in shown:
        for glyph in word:
            lift, ink = int(rng.integers(-3, 4)), int(rng.integers(30, 90))
            draw.text((x, 40 + lift), glyph, font=font(size), fill=ink, anchor="lm")
            x += font(size).getlength(glyph) + float(rng.uniform(-0.6, 0.9))
        x += size / 3
    return png(image)


def _listed(name: str, status: str, said: str) -> str:
    return f"{name} 0 {status} 154 {said.count('|') + 1} 408 746 661 89 {said}"


def _line_oddities(tree: Tree, rng: Rng) -> list[str]:
    """Plant entities, a line that is no record, and unusable pictures."""
    lines = [_listed("d05-000-s00-00", "ok", "R|&amp;|D|(|London|)|.")]
    tree.write(_place("d05-000-s00-00"), _line(rng, "R|&|D|(|London|)|."))
    tree.plant("iam", "HTML entity in a transcription", "read", (), "d05-000-s00-00")
    lines.append("d05-001-s00-00 0 ok 154")
    tree.plant("iam", "line cut in the middle", "quarantined", "line_malformed", "d05-001-s00-00")
    for number, (trap, reason) in enumerate(BROKEN):
        name = f"d06-{number:03d}-s00-00"
        payload = broken_payload(reason, _line(rng, _said(rng, 3)))
        if payload is not None:
            tree.write(_place(name), payload)
        lines.append(_listed(name, "ok", "A|word|."))
        tree.plant("iam", trap, "quarantined", reason, name)
    return lines
