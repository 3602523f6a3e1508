"""Pictures with planted copies, and pictures that only look alike.

Mixed families, of any size and layout: photographs (clouds of noise with bodies in front), pages,
charts, screens. Families of one layout: pages of text, charts, puzzles of a grid, lines of text,
screens. Copies are recompressed, resized, brightened, cropped by up to 2 % a side, or stored as
PNG. Of the families of one layout some pictures get a sibling that differs in one detail: a bar, a
shape, a word, a button. Siblings are no copies.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

COPIES = ("recompress", "resize", "bright", "crop", "png")
SHARES = (0.3, 0.3, 0.1, 0.25, 0.05)
JPEG_KINDS = 4  # kinds of copies that are JPEG as well
SIBLINGS = 0.2  # share of pictures of the alike families that have one
_BLOCK = 100

Rng = np.random.Generator


def word(rng: Rng) -> str:
    return "".join(rng.choice(list("aaabcdeeefghiiklmnooprstuv"), int(rng.integers(2, 9))))


def words(rng: Rng, number: int) -> str:
    return " ".join(word(rng) for _ in range(number))


def font(size: int) -> Any:
    return ImageFont.load_default(size)


def size(rng: Rng) -> tuple[int, int]:
    wide, high = int(rng.integers(560, 721)), int(rng.integers(420, 541))
    return (wide, high) if rng.random() < 0.8 else (high, wide)


def color(rng: Rng) -> tuple[int, int, int]:
    red, green, blue = (int(c) for c in rng.integers(0, 256, 3))
    return red, green, blue


def clouds(rng: Rng, wide: int, high: int) -> Image.Image:
    out = np.zeros((high, wide, 3), np.float32)
    for cells, weight in ((3, 1.0), (7, 0.6), (16, 0.4), (48, 0.22), (130, 0.14)):
        grid = (rng.random((cells, cells, 3)) * 255).astype(np.uint8)
        layer = Image.fromarray(grid).resize((wide, high), Image.Resampling.BICUBIC)
        out += weight * np.asarray(layer, np.float32)
    out -= out.min()
    return Image.fromarray((out * (255 / out.max())).astype(np.uint8))


def photo(rng: Rng, _: float) -> Image.Image:
    wide, high = size(rng)
    image = clouds(rng, wide, high)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 12))):
        x, y, side = int(rng.integers(wide)), int(rng.integers(high)), int(rng.integers(20, 150))
        shape = draw.ellipse if rng.random() < 0.6 else draw.rectangle
        shape((x, y, x + side, y + int(side * rng.uniform(0.4, 1.6))), fill=color(rng))
    image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.5))))
    grain = rng.normal(0, 4, (high, wide, 1))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def page(rng: Rng, change: float) -> Image.Image:
    image = Image.new("RGB", (600, 780), "white")
    draw = ImageDraw.Draw(image)
    lines = [words(rng, 12)[:72] for _ in range(50)]
    changed = int(change * 50)
    for number, line in enumerate(lines):
        if change and number == changed:
            line = words(np.random.default_rng(int(change * 1e6)), 12)[:72]
        draw.text((40, 20 + 15 * number), line, fill="black", font=font(11))
    return image


def chart(rng: Rng, change: float) -> Image.Image:
    image = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(image)
    draw.line((60, 50, 60, 430, 620, 430), fill="black", width=2)
    values, labels = rng.uniform(0.1, 1, 8), [word(rng) for _ in range(8)]
    if change:
        place = int(change * 8)
        values[place] = 0.1 + (values[place] + 0.2) % 0.9
    for number, (value, label) in enumerate(zip(values, labels, strict=True)):
        left = 75 + 68 * number
        draw.rectangle((left, 430 - 360 * value, left + 45, 429), fill=(70, 120, 180))
        draw.text((left, 436), label, fill="black", font=font(12))
        draw.text((left + 8, 414 - 360 * value), f"{100 * value:.0f}", fill="black", font=font(12))
    draw.text((180, 15), words(rng, 4), fill="black", font=font(18))
    return image


def grid(rng: Rng, change: float) -> Image.Image:
    """Draw a 3 x 3 puzzle with eight choices below."""
    image = Image.new("L", (480, 640), 255)
    draw = ImageDraw.Draw(image)
    cells = [
        (int(rng.integers(3, 8)), int(rng.integers(14, 46)), int(rng.integers(0, 9)))
        for _ in range(16)
    ]
    if change:
        place = int(change * 16)
        sides, radius, shade = cells[place]
        cells[place] = (3 + (sides - 2) % 5, radius, shade)
    for number, (sides, radius, shade) in enumerate(cells):
        x, y = 40 + 135 * (number % 3), 10 + 135 * (number // 3)
        width = 120
        if number >= 8:
            x, y, width, radius = (
                10 + 118 * (number % 4),
                430 + 105 * (number // 12),
                95,
                radius * 3 // 4,
            )
        draw.rectangle((x, y, x + width, y + width), outline=0, width=2)
        middle = (x + width / 2, y + width / 2, radius)
        draw.regular_polygon(middle, sides, fill=28 * shade, outline=0)
    return image.convert("RGB")


def line(rng: Rng, change: float) -> Image.Image:
    """Draw one line of text, as for reading tasks."""
    image = Image.new("RGB", (640, 48), "white")
    said = [word(rng) for _ in range(10)]
    if change:
        said[int(change * 6)] = word(np.random.default_rng(int(change * 1e6)))
    ImageDraw.Draw(image).text((8, 8), " ".join(said), fill="black", font=font(22))
    return image


def screen(rng: Rng, change: float) -> Image.Image:
    image = Image.new("RGB", (400, 640), (245, 245, 248))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 400, 56), fill=(30, 90, 200))
    draw.text((20, 16), words(rng, 2), fill="white", font=font(20))
    rows = [(words(rng, 3), words(rng, 5), color(rng)) for _ in range(8)]
    if change:
        rows[int(change * 8)] = (words(rng, 3), words(rng, 5), color(rng))
    for number, (title, text, tint) in enumerate(rows):
        top = 70 + 70 * number
        draw.rounded_rectangle((10, top, 390, top + 60), 8, fill="white", outline=(220, 220, 220))
        draw.ellipse((20, top + 10, 60, top + 50), fill=tint)
        draw.text((72, top + 8), title, fill="black", font=font(15))
        draw.text((72, top + 32), text, fill=(110, 110, 110), font=font(12))
    return image


def mixed_page(rng: Rng, _: float) -> Image.Image:
    wide, high = size(rng)
    image = Image.new("RGB", (wide, high), "white")
    draw = ImageDraw.Draw(image)
    left, letters, y = int(rng.integers(15, 60)), int(rng.integers(9, 17)), 15
    while y < high - 20:
        if rng.random() > 0.12:
            text = words(rng, int(rng.integers(4, 14)))
            draw.text((left, y), text, fill="black", font=font(letters))
        y += letters + 4
    if rng.random() < 0.4:
        place = (int(rng.integers(40, wide // 2)), int(rng.integers(40, high // 2)))
        image.paste(clouds(rng, 200, 140), place)
    return image


def mixed_chart(rng: Rng, _: float) -> Image.Image:
    wide, high = size(rng)
    image = Image.new("RGB", (wide, high), "white")
    draw = ImageDraw.Draw(image)
    draw.line((50, 20, 50, high - 40, wide - 20, high - 40), fill="black", width=2)
    number, tint = int(rng.integers(4, 16)), color(rng)
    step = (wide - 80) / number
    tops = [high - 42 - rng.random() * (high - 90) for _ in range(number)]
    lefts = [55 + step * k for k in range(number)]
    if rng.random() < 0.6:
        for left, top in zip(lefts, tops, strict=True):
            draw.rectangle((left, top, left + 0.7 * step, high - 41), fill=tint)
    else:
        draw.line(list(zip(lefts, tops, strict=True)), fill=tint, width=3)
    for left in lefts:
        draw.text((left, high - 35), word(rng)[:5], fill="black", font=font(11))
    draw.text((wide // 3, 4), words(rng, 4), fill="black", font=font(15))
    return image


def mixed_screen(rng: Rng, _: float) -> Image.Image:
    wide, high = size(rng)
    image = Image.new("RGB", (wide, high), color(rng))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(5, 25))):
        x, y = int(rng.integers(wide)), int(rng.integers(high))
        box = (x, y, x + int(rng.integers(20, 220)), y + int(rng.integers(12, 120)))
        draw.rectangle(box, fill=color(rng), outline=color(rng))
        draw.text((x + 3, y + 3), word(rng), fill=color(rng), font=font(12))
    return image


MIXED: dict[str, Callable[[Rng, float], Image.Image]] = {
    "photo": photo,
    "mixed_page": mixed_page,
    "mixed_chart": mixed_chart,
    "mixed_screen": mixed_screen,
}
FAMILIES: dict[str, Callable[[Rng, float], Image.Image]] = {
    "photo": photo,
    "page": page,
    "chart": chart,
    "grid": grid,
    "line": line,
    "screen": screen,
}


DRAWN = FAMILIES | MIXED


def copied(image: Image.Image, kind: str, rng: Rng) -> tuple[Image.Image, str, int]:
    """Return a copy, the format to store it in, and its quality."""
    wide, high = image.size
    if kind == "recompress":
        return image, "JPEG", int(rng.integers(25, 65))
    if kind == "resize":
        scale = rng.uniform(0.4, 0.9)
        side = (int(wide * scale), max(int(high * scale), 16))
        return image.resize(side, Image.Resampling.LANCZOS), "JPEG", 88
    if kind == "bright":
        factor = rng.uniform(1.08, 1.2)
        return image.point(lambda v: int(min(255, v * factor))), "JPEG", 88
    if kind == "crop":
        dx, dy = int(wide * 0.02), int(high * 0.02)
        left, top = int(rng.integers(0, dx + 1)), int(rng.integers(0, dy + 1))
        return image.crop((left, top, wide - dx, high - dy)), "JPEG", 88
    return image, "PNG", 0


def encoded(image: Image.Image, format_: str, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **({"quality": quality} if quality else {}))
    return out.getvalue()


def _drawn(task: tuple[str, str, int, int, int, int]) -> list[tuple[str, str, str]]:
    """Write originals, siblings and copies of one family; return name, original and kind."""
    folder, family, first, number, copies, kinds = task
    shares = np.array(SHARES[:kinds]) / sum(SHARES[:kinds])
    rows = []

    def write(name: str, made: tuple[Image.Image, str, int], origin: str, kind: str) -> None:
        path = f"{name}.{'png' if made[1] == 'PNG' else 'jpg'}"
        Path(folder, path).write_bytes(encoded(*made))
        rows.append((path, origin, kind))

    for index in range(first, first + number):
        rng = np.random.default_rng([17, list(DRAWN).index(family), index])
        seed = int(rng.integers(1 << 60))
        image = DRAWN[family](np.random.default_rng(seed), 0.0)
        name = f"{family}-{index:06d}"
        write(name, (image, "JPEG", int(rng.integers(75, 96))), name, "original")
        if family not in MIXED and rng.random() < SIBLINGS:
            other = DRAWN[family](np.random.default_rng(seed), float(rng.uniform(0.01, 0.99)))
            write(f"{name}-b", (other, "JPEG", 90), f"{name}-b", "sibling")
        if index < copies:
            kind = str(rng.choice(COPIES[:kinds], p=shares))
            write(f"{name}-c", copied(image, kind, rng), name, kind)
    return rows


def generate(
    folder: Path, originals: int, copies: int, shares: dict[str, float], kinds: int
) -> dict[str, list[str]]:
    """Write pictures of families by share; return columns name, origin and kind, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [
        (
            str(folder),
            family,
            first,
            min(_BLOCK, int(originals * share) - first),
            int(copies * share),
            kinds,
        )
        for family, share in shares.items()
        for first in range(0, int(originals * share), _BLOCK)
    ]
    with ProcessPoolExecutor(2) as pool:
        rows = sorted(row for block in pool.map(_drawn, tasks) for row in block)
    return {key: [row[k] for row in rows] for k, key in enumerate(("name", "origin", "kind"))}


def saved(
    folder: Path,
    originals: int,
    copies: int,
    shares: dict[str, float],
    kinds: int = len(COPIES),
) -> tuple[Path, dict[str, list[str]]]:
    """Return the folder of pictures and what is planted; made where missing.

    Args:
        kinds: of copies, the first ones of `COPIES`.
    """
    truth = folder / "truth.json"
    if not truth.exists():
        truth.parent.mkdir(parents=True, exist_ok=True)
        made = generate(folder / "pictures", originals, copies, shares, kinds)
        truth.write_text(json.dumps(made))
    return folder / "pictures", json.loads(truth.read_text())
