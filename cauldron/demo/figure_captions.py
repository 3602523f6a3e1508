"""Figures with texts in official layouts: Chart-to-Text, VisText, DaTikZ and diagrams, drawn."""

from __future__ import annotations

import csv
import io
import itertools
from typing import Any

from PIL import Image, ImageDraw

from cauldron.demo import words
from cauldron.demo.charts import Chart, chart, draw_chart
from cauldron.demo.coco_photos import BROKEN, broken_payload
from cauldron.demo.drawing import COLORS, INK, png, write_text
from cauldron.demo.page_questions import plant_broken
from cauldron.demo.screens import parquet, patches
from cauldron.demo.tree import Rng, Tree, one_of, some_of

Record = dict[str, Any]

_PEW = "id old_id title imgPath caption URL dataPath chartType complexity topic bboxesPath".split()
_STATISTA = ["id", "title", "dataPath", "imgPath", "caption", "first_caption", "chartType", "URL"]


def drawn_chart(rng: Rng, mode: str = "RGB") -> tuple[Chart, Image.Image]:
    """Return a chart with its picture, on a ground of its own colour and with room around it."""
    made = chart(rng)
    image = draw_chart(made)
    left, top, right, bottom = (int(k) for k in rng.integers(0, 90, 4))
    size = (image.width + left + right, image.height + top + bottom)
    ground = (0, 0, 0, 0) if mode == "RGBA" else COLORS[one_of(rng, list(COLORS))]
    framed = Image.new(mode, size, ground)
    framed.paste(image.convert(mode), (left, top))
    band = (0, size[1] - bottom // 2, size[0], size[1])
    ImageDraw.Draw(framed).rectangle(band, fill=COLORS[one_of(rng, list(COLORS))])
    return made, framed


def caption(made: Chart) -> str:
    """Return what a chart shows in two sentences."""
    high, low = max(made.values), min(made.values)
    at = made.labels[made.values.index(high)]
    return f"{made.title} reached {high:g} in {at}. The lowest value was {low:g}."


def _tokenised(text: str) -> str:
    """Return text with blanks before its marks, as a tokeniser leaves it."""
    return text.replace(". ", " . ").removesuffix(".") + " ."


def chart2text(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Chart-to-Text: two sets of two folders, metadata, captions and lists of splits."""
    data = b""
    for kind, columns in (("statista", _STATISTA), ("pew", _PEW)):
        top = f"chart2text/{kind}_dataset/dataset"
        names: dict[str, list[str]] = {"train": [], "val": [], "test": []}
        for column, folder in (("two_col", top), ("multi_col", f"{top}/multiColumn")):
            rows: list[Record] = []
            for number in range(1, max(records // 4, 2) + 5):
                made, image = drawn_chart(rng)
                data = png(image)
                tree.write(f"{folder}/imgs/{number}.png", data)
                split = "train" if number > 4 else ("val", "test")[number % 2]
                names[split].append(f"{column}-{number}.txt")
                rows.append(_chart_row(kind, column, number, made))
                text = rows[-1].get("first_caption", rows[-1]["caption"])
                tree.write(f"{folder}/captions/{number}.txt", f"{text}\n".encode())
                tree.write(f"{folder}/titles/{number}.txt", f"{made.title}\n".encode())
            if kind == "pew" and column == "two_col":
                _chart_oddities(tree, folder, rows, names["train"], data)
            told = rows[:-1] if kind == "statista" else rows  # the last one only has its own file
            tree.write(f"{folder}/metadata.csv", _csv(columns, told))
        for split, listed in names.items():
            mapping = [{"File_No": name} for name in listed]
            path = f"{top}/dataset_split/{split}_index_mapping.csv"
            tree.write(path, _csv(["File_No"], mapping))
    tree.plant("chart2text", "number 5 in four folders; caption in its own file", "read", (), "5")
    return ["chart2text"]


def _chart_row(kind: str, column: str, number: int, made: Chart) -> Record:
    told = caption(made)
    row = {
        "id": number,
        "old_id": f"{column}-{number + 900}",
        "title": made.title,
        "imgPath": f"imgs/{number}.png",
        "URL": f"https://{kind}.example/{column}/{number}",
        "dataPath": f"data/{number}.txt",
        "chartType": made.kind,
    }
    if kind == "pew":
        more = f"“{told}” – so the survey,\nin its own words"
        return {**row, "caption": more, "complexity": "simple", "topic": "Media"}
    first = _tokenised(f"In {made.labels[0]}, the firm's report ({made.color}) says so. {told}")
    first = first.replace(",", " ,").replace("'s", " 's").replace("(", "( ").replace(")", " )")
    return {**row, "caption": f"{first} {_tokenised(told)}", "first_caption": first}


def _chart_oddities(
    tree: Tree, folder: str, rows: list[Record], train: list[str], data: bytes
) -> None:
    damaged = "The publicâ€™s trust fell â€“ by 5%."
    spoilt = Image.new("RGB", (64, 96), "white")
    ImageDraw.Draw(spoilt).rectangle((10, 10, 30, 80), fill=COLORS["red"])
    tree.write(f"{folder}/imgs/9001.png", png(spoilt))
    rows.append({**rows[0], "id": 9001, "caption": damaged})
    tree.plant("chart2text", "text read in a wrong encoding", "notes", "characters_mended", "9001")
    rows.append({**rows[0], "id": 9002, "caption": "The public â€? lost."})
    tree.plant("chart2text", "text damaged beyond mending", "skipped", "characters_damaged", "9002")
    train += ["two_col-9001.txt", "two_col-9002.txt", "two_col-9003.txt"]
    tree.plant("chart2text", "no caption", "quarantined", "caption_missing", "9003")
    for name in plant_broken(tree, "chart2text", f"{folder}/imgs", data, ".png"):
        number = name.removesuffix(".png")
        rows.append({**rows[0], "id": number, "caption": "It fell."})
        train.append(f"two_col-{number}.txt")


def _csv(columns: list[str], rows: list[Record]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def vistext(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write VisText: a list of captions a split, some charts with several, RGBA pictures."""
    data, chart_number = b"", 0
    several: list[str] = []
    for split, size in {"train": records, "validation": 4, "test": 4}.items():
        rows: list[Record] = []
        for number in range(size):
            chart_number += 3
            made, image = drawn_chart(rng, "RGBA")
            data = png(image)
            tree.write(f"vistext/images/{chart_number}.png", data)
            for place in range(1 + (number % 3 == 1) * 2):
                rows.append(_caption_row(chart_number, place, split, made))
                if place and split == "train":
                    several.append(rows[-1]["caption_id"])
        if split == "train":
            _caption_oddities(tree, rows, data)
        tree.json(f"vistext/tabular/data_{split}.json", rows)
    tree.plant("vistext", "several captions of a chart", "skipped", "other_caption", *several)
    return ["vistext"]


def _caption_row(number: int, place: int, split: str, made: Chart) -> Record:
    table = " <s> ".join(
        f"{label} {value:g}" for label, value in zip(made.labels, made.values, strict=True)
    )
    return {
        "caption_id": f"{number}_{place + 1:02d}",
        "img_id": str(number) if number % 2 else number,
        "split": split,
        "scenegraph": f"title {made.title} x x-axis y y-axis",
        "datatable": f"{made.title} <s> {table}",
        "caption_L1": f"This is a {made.kind} chart titled {made.title} , drawn in {made.color}.",
        "caption_L2L3": caption(made).removesuffix(".") if place else caption(made),
        "L1_properties": [made.kind, made.title],
    }


def _caption_oddities(tree: Tree, rows: list[Record], data: bytes) -> None:
    rows[0]["caption_L2L3"] = "The cityâ€™s sales fell."
    trap = "text read in a wrong encoding"
    tree.plant("vistext", trap, "notes", "characters_mended", rows[0]["caption_id"])
    rows.append({**rows[0], "caption_id": "none_01", "img_id": None})
    tree.plant("vistext", "no chart number", "quarantined", "malformed_record", "none_01")
    for name in plant_broken(tree, "vistext", "vistext/images", data, ".png"):
        number = name.removesuffix(".png")
        rows.append({**rows[0], "caption_id": f"{number}_01", "img_id": number})


def _drawing(rng: Rng) -> tuple[bytes, str]:
    """Return a drawing of a few shapes, and TikZ code that draws them."""
    image = Image.new("RGB", (200, 200), "white")
    draw, lines = ImageDraw.Draw(image), list[str]()
    for color in some_of(rng, [c for c in COLORS if c != "white"], int(rng.integers(3, 6))):
        x, y, r = (int(k) for k in rng.integers((30, 30, 10), (170, 170, 60)))
        if rng.integers(2):
            draw.ellipse((x - r, y - r, x + r, y + r), fill=COLORS[color], outline=INK)
            lines.append(
                rf"  \draw[fill={color}] ({x / 20:g},{10 - y / 20:g}) circle ({r / 20:g});"
            )
        else:
            draw.rectangle((x - r, y - r, x + r, y + r), fill=COLORS[color], outline=INK)
            corners = (x - r, 200 - y - r, x + r, 200 - y + r)
            a, b, c, d = (f"{k / 20:g}" for k in corners)
            lines.append(rf"  \draw[fill={color}] ({a},{b}) rectangle ({c},{d}); % 100% {color}")
    body = "\n".join(lines)
    code = (
        "\\documentclass[tikz]{standalone}\n\\begin{document}\n\\begin{tikzpicture}\n"
        f"{body}\n\\end{{tikzpicture}}\n\\end{{document}}\n"
    )
    return png(image), code


def datikz(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write DaTikZ: one Parquet file a split, some records altered by their authors."""
    from datetime import datetime

    for split, size in {"train": records, "test": 4}.items():
        rows: list[Record] = []
        for number in range(size):
            data, code = _drawing(rng)
            rows.append(
                {
                    "caption": f"{words.title(rng)}, in colour.",
                    "code": code,
                    "image": {"bytes": data, "path": None},
                    "uri": f"https://papers.example/{split}/{number}",
                    "origin": one_of(rng, ("arxiv", "tex.stackexchange")),
                    "date": datetime(2020, 1 + number % 12, 3),
                    "augmented": False,
                }
            )
        if split == "train":
            rows += _drawing_oddities(tree, rows)
        path = f"datikz/data/{split}-00000-of-00001-5eed.parquet"
        tree.write(path, parquet(rows, group=9))
    return ["datikz"]


def _drawing_oddities(tree: Tree, rows: list[Record]) -> list[Record]:
    altered = [{**row, "augmented": True} for row in rows[:2]]
    tree.plant("datikz", "record altered by its authors", "skipped", "augmented", "0", "1")
    empty = {**rows[0], "code": " \n"}
    tree.plant("datikz", "empty code", "quarantined", "empty_answer", str(len(rows) + 2))
    again = {**rows[0], "uri": "https://papers.example/again"}
    number = len(rows) + 3
    tree.plant("datikz", "record again", "dedup", "exact_duplicate",
               f"datikz/train/train-00000-of-00001-5eed/{number}")  # fmt: skip
    return [*altered, empty, again]


def _flow(rng: Rng) -> tuple[Image.Image, str]:
    """Return a diagram of named boxes with arrows, and what it says."""
    names = words.names(rng, int(rng.integers(3, 5)))
    image = Image.new("RGBA", (320, 260), (0, 0, 0, 0))
    patches(image, rng, 5)
    draw = ImageDraw.Draw(image)
    cells = some_of(rng, [(c, r) for c in range(3) for r in range(4)], len(names))
    points = [(54 + 106 * column, 34 + 64 * row) for column, row in cells]
    draw.line(points, fill=INK, width=3)
    for name, (x, y) in zip(names, points, strict=True):
        color = COLORS[one_of(rng, list(COLORS))]
        draw.rectangle((x - 46, y - 22, x + 46, y + 22), fill=color, outline=INK)
        write_text(draw, x, y, name, 16, anchor="mm", fill="black")
    steps = ", ".join(f"{a} -> {b}" for a, b in itertools.pairwise(names))
    return image, f"the diagram begins at {names[0]} and ends at {names[-1]}: {steps}"


def diagram_image_to_text(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write the diagram set: one Parquet file whose cells hold bytes, paths or neither."""
    rows: list[Record] = []
    for number in range(records):
        image, told = _flow(rng)
        if number == 3:
            tree.write("diagram_image_to_text/data/shapes/3.png", png(image))
            rows.append({"image": {"bytes": None, "path": "shapes/3.png"}, "text": told})
        else:
            rows.append({"image": {"bytes": png(image), "path": f"{number}.png"}, "text": told})
    tree.plant("diagram_image_to_text", "path without bytes", "read", (), "shapes/3.png")
    for trap, reason in BROKEN:
        payload = broken_payload(reason, rows[0]["image"]["bytes"])
        rows.append({"image": {"bytes": payload, "path": None}, "text": trap})
        tree.plant("diagram_image_to_text", trap, "quarantined", reason, str(len(rows) - 1))
    rows.append({"image": rows[0]["image"], "text": None})
    last = str(len(rows) - 1)
    tree.plant("diagram_image_to_text", "no text", "quarantined", "malformed_record", last)
    tree.write("diagram_image_to_text/data/train-00000-of-00001-5eed.parquet", parquet(rows))
    return ["diagram_image_to_text"]
