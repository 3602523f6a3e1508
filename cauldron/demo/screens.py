"""Screens and rendered text in official layouts: Screen2Words, WebSight and RenderedText, drawn."""

from __future__ import annotations

import html
import io
from typing import Any

import numpy as np
import orjson
from PIL import Image, ImageDraw

from cauldron.demo import words
from cauldron.demo.coco_photos import BROKEN, broken_payload
from cauldron.demo.drawing import (
    COLORS,
    INK,
    NOT_A_PICTURE,
    Color,
    font,
    jpeg,
    noisy,
    png,
    shaded,
    write_text,
)
from cauldron.demo.page_questions import plant_broken, wrapped, write_lines
from cauldron.demo.tree import Rng, Tree, one_of, some_of, tar

_APPS = ("travel", "music", "weather", "shopping", "chess", "bank", "recipe", "fitness")
_PAGES = ("login", "settings", "search", "list", "profile", "payment", "map", "help")


def parquet(rows: list[dict[str, Any]], group: int = 0) -> bytes:
    """Return rows as a Parquet file, with row groups of a size where one is given."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out, row_group_size=group or None)
    return out.getvalue()


def patches(image: Image.Image, rng: Rng, number: int) -> None:
    """Put coloured blocks anywhere on a picture, so that no two pictures look alike."""
    draw = ImageDraw.Draw(image)
    for _ in range(number):
        x, y = int(rng.integers(image.width)), int(rng.integers(image.height))
        wide, high = int(rng.integers(20, image.width // 2)), int(rng.integers(12, 90))
        draw.rectangle((x, y, x + wide, y + high), fill=COLORS[one_of(rng, list(COLORS))])


def _screen(rng: Rng) -> tuple[bytes, list[str]]:
    """Return the screenshot of an app, and five summaries of it."""
    app, page = one_of(rng, _APPS), one_of(rng, _PAGES)
    top: Color = COLORS[one_of(rng, list(COLORS))]
    image = shaded(180, 320, top, (245, 245, 245) if rng.integers(2) else (40, 42, 50))
    patches(image, rng, 7)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 180, 34), fill=top)
    write_text(draw, 10, 17, f"{words.name(rng)} {app}", 15)
    draw.rectangle((20, 150, 160, 184), fill="white", outline=INK)
    write_text(draw, 90, 167, page.capitalize(), 18, anchor="mm")
    told = [
        f"{page} page of a {app} app",
        f"screen of {app} app, with a {page} button",
        f'a {app} app shows the "{page}" page',
        f"{page} screen",
        f"display of the {page} page in the {app} application",
    ]
    return jpeg(image), told


def screen2words(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Screen2Words: one CSV of five summaries a screen, lists of screens, Rico's pictures."""
    lines, listed = ["screenId,summary"], dict[str, list[str]]()
    data = b""
    for split, size in {"train": records, "dev": 4, "test": 4}.items():
        listed[split] = []
        for _ in range(size):
            number = str(100 + len(lines))
            data, told = _screen(rng)
            tree.write(f"screen2words/combined/{number}.jpg", data)
            tree.write(f"screen2words/combined/{number}.json", b'{"activity": {}}')
            listed[split].append(number)
            lines += [f"{number},{_quoted(summary)}" for summary in told]
    _screen_oddities(tree, lines, listed["train"], data)
    payload = "\r\n".join(lines).encode() + b"\r\n"
    tree.write("screen2words/screen_summaries.csv", b"\xef\xbb\xbf" + payload)
    for split, numbers in listed.items():
        text = "".join(f"{number}\n" for number in numbers).encode()
        tree.write(f"screen2words/split/{split}_screens.txt", text)
    trap = "byte order mark, Windows line ends, quotes and commas"
    tree.plant("screen2words", trap, "read", (), "screen_summaries.csv")
    return ["screen2words"]


def _quoted(text: str) -> str:
    escaped = text.replace('"', '""')
    return f'"{escaped}"' if "," in text or '"' in text else text


def _screen_oddities(tree: Tree, lines: list[str], train: list[str], data: bytes) -> None:
    lines.append("a summary that lost its number")
    lines.append("12b,another app")
    rows = ("a summary that lost its number", "12b")
    tree.plant("screen2words", "row without a number", "quarantined", "screen_id_invalid", *rows)
    train.append("90001")
    tree.plant("screen2words", "no summary", "quarantined", "summary_missing", "90001")
    train.append(train[0])
    tree.plant("screen2words", "screen listed twice", "skipped", "repeated_screen", train[0])
    for name in plant_broken(tree, "screen2words", "screen2words/combined", data, ".jpg"):
        number = name.removesuffix(".jpg")
        train.append(number)
        lines.append(f"{number},login page")


def _site(rng: Rng) -> tuple[bytes, str, str]:
    """Return the screenshot of a generated page, its HTML and the idea behind it."""
    name, parts = words.name(rng), words.paragraphs(rng, 2, 2)
    colors = some_of(rng, ["blue", "green", "red", "purple", "brown"], 2)
    size, high = int(rng.integers(20, 40)), int(rng.integers(50, 130))
    image = Image.new("RGB", (360, int(rng.integers(300, 520))), "white")
    patches(image, rng, 5)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 360, high), fill=COLORS[colors[0]])
    write_text(draw, 180, high / 2, f"{name} & Sons", size, anchor="mm", fill="white")
    y = write_lines(draw, 16, high + 26, wrapped(parts[0], 14, 330), 14) + 12
    draw.rectangle((16, y, 160, y + 60), fill=COLORS[colors[1]])
    body = "\n".join(
        f'  <p class="px-4 text-{color}-700">{html.escape(part)}</p>'
        for color, part in zip(colors, parts, strict=True)
    )
    code = (
        '<html>\n<link href="https://cdn.example/tailwind.min.css" rel="stylesheet">\n'
        f'<body class="bg-white">\n  <h1 class="text-center">{name} &amp; Sons</h1>\n{body}\n'
        f'  <img src="https://pictures.example/random/{size}x{high}/?{name}" alt="">\n'
        "</body>\n</html>"
    )
    return png(image), code, f"{name} & Sons: a page in {colors[0]} and {colors[1]}"


def websight(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write WebSight: two shards of v0.2 with small row groups, and one of v0.1 beside them."""
    rows: list[dict[str, Any]] = []
    for _ in range(records):
        data, code, idea = _site(rng)
        cell = {"bytes": data, "path": None}
        rows.append({"image": cell, "text": code, "llm_generated_idea": idea})
    kept = [{"image": row["image"], "text": row["text"]} for row in rows[:2]]
    tree.write("websight/v0.1/train-00000-of-00001.parquet", parquet(kept))
    tree.plant("websight", "shard of version 0.1", "read", (), "v0.1/train-00000-of-00001.parquet")
    for trap, reason in BROKEN[:2]:
        broken = {"bytes": broken_payload(reason, rows[0]["image"]["bytes"]), "path": None}
        rows.append({**rows[0], "image": broken, "llm_generated_idea": trap})
        tree.plant("websight", trap, "quarantined", reason, trap)
    rows.append({**rows[0], "image": {"bytes": None, "path": "pages/1.png"}})
    tree.plant("websight", "path without bytes", "quarantined", "image_missing", "pages/1.png")
    rows.append({**rows[1], "text": "\n "})
    tree.plant("websight", "empty page", "quarantined", "empty_answer", str(len(rows)))
    half = len(rows) // 2
    for number, part in enumerate((rows[:half], rows[half:])):
        path = f"websight/v0.2/train-0000{number}-of-00738-5eed.parquet"
        tree.write(path, parquet(part, group=7))
    return ["websight"]


def _rendered(rng: Rng) -> tuple[Image.Image, list[str]]:
    """Return a turned passage on a coloured ground, and its lines."""
    lines = wrapped(words.paragraphs(rng, 1, 1)[0], 20, 250)
    image = shaded(320, 320, COLORS[one_of(rng, list(COLORS))], COLORS[one_of(rng, list(COLORS))])
    patches(image, rng, 6)
    layer = Image.new("RGBA", (320, 320), (0, 0, 0, 0))
    draw, y = ImageDraw.Draw(layer), float(rng.integers(40, 120))
    ink = one_of(rng, ("white", "black"))
    for line in lines:
        draw.text((24, y), line, font=font(20), fill=ink, stroke_width=1, stroke_fill="gray")
        y += 28
    turned = layer.rotate(float(rng.integers(-14, 15)), Image.Resampling.BICUBIC)
    image.paste(turned, (0, 0), turned)
    return noisy(image, rng, 3.0), lines


def rendered_text(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write RenderedText: WebDataset tars, one of them in `remaining`, keys that begin anew."""
    return _rendered_tars(tree, rng, records, "rendered_text", "skipped", "empty_text")


def rendered_text_pretrain(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write RenderedText again, for its form without requests."""
    return _rendered_tars(tree, rng, records, "rendered_text_pretrain", "quarantined", "no_text")


def _rendered_tars(
    tree: Tree, rng: Rng, records: int, source: str, step: str, empty: str
) -> list[str]:
    half = max(records // 2, 2)
    for number, name in enumerate(("000000.tar", "remaining/000000.tar")):
        members: dict[str, bytes] = {}
        for key in range(half):
            image, lines = _rendered(rng)
            kind, data = ("png", png(image)) if key % 2 else ("jpg", jpeg(image))
            members[f"{key:09d}.{kind}"] = data
            spaced = [f"{line}  " if key % 3 == 0 else line for line in lines]
            members[f"{key:09d}.json"] = _told(rng, spaced)
        if number == 0:
            _tar_oddities(tree, rng, members, source)
            tree.plant(source, "no text", step, empty, "900000003", "900000004")
        tree.write(f"{source}/{name}", tar(members))
    tree.plant(source, "equal keys in two tars", "read", (), "remaining/000000.tar")
    return [source]


def _told(rng: Rng, lines: list[str]) -> bytes:
    boxes = np.round(rng.uniform(-0.1, 1.1, (len(lines), 4)), 3).tolist()
    return orjson.dumps({"ocr_annotation": {"text": lines, "bb_relative": boxes}, "seed": 7})


def _tar_oddities(tree: Tree, rng: Rng, members: dict[str, bytes], source: str) -> None:
    data = png(_rendered(rng)[0])
    lost = ("900000001", "900000002")
    members[f"{lost[0]}.png"] = data
    members[f"{lost[1]}.json"] = _told(rng, ["no picture"])
    tree.plant(source, "half a sample", "quarantined", "half_sample", *lost)
    members["900000003.png"], members["900000003.json"] = data, _told(rng, [])
    members["900000004.png"], members["900000004.json"] = data, _told(rng, ["", " "])
    members["900000005.png"], members["900000005.json"] = data, b'{"ocr_annotation": '
    tree.plant(source, "half a JSON", "quarantined", "malformed_record", "900000005")
    members["900000006.jpg"], members["900000006.json"] = NOT_A_PICTURE, _told(rng, ["x"])
    trap, reason = "HTML page instead of a picture", "image_not_identified"
    tree.plant(source, trap, "quarantined", reason, "900000006")
