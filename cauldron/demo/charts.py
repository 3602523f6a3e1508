"""Charts with questions: ChartQA in its official layout, drawn from made-up tables."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw

from cauldron.demo import words
from cauldron.demo.drawing import COLORS, NOT_A_PICTURE, Color, copied, cut_off, png, write_text
from cauldron.demo.tree import Rng, Tree, one_of, some_of

_ROOT = "chartqa/ChartQA Dataset"
_MEASURES = ("Boats repaired", "Tons of apples", "Library loans", "Rainy days", "Bicycles sold")
_PALETTE = ("blue", "red", "green", "orange", "purple", "brown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A made-up table that is drawn as bars or as a line."""

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    kind: str
    color: str


def chart(rng: Rng) -> Chart:
    """Make up a table of four to seven rows: years or places."""
    number = int(rng.integers(4, 8))
    start = int(rng.integers(1990, 2015))
    years = tuple(str(start + k) for k in range(number))
    labels = years if rng.integers(2) else tuple(words.names(rng, number))
    spread = [int(k) for k in rng.permutation(88)[:number] + 8]
    values = tuple(k / 2 if rng.integers(3) == 0 else float(k) for k in spread)
    return Chart(
        title=f"{one_of(rng, _MEASURES)} in {words.name(rng)}",
        labels=labels,
        values=values,
        kind="line" if labels is years and rng.integers(2) else one_of(rng, ("bar", "column")),
        color=one_of(rng, _PALETTE),
    )


def draw_chart(drawn: Chart, mode: str = "RGB") -> Image.Image:
    """Draw a chart, each value written beside its mark.

    Args:
        mode: RGB, or RGBA with a clear background.
    """
    background = (255, 255, 255, 0) if mode == "RGBA" else (255, 255, 255)
    image = Image.new(mode, (400, 280), background)
    draw = ImageDraw.Draw(image)
    write_text(draw, 12, 18, drawn.title, 17)
    {"bar": _bars, "column": _columns, "line": _line}[drawn.kind](draw, drawn)
    write_text(draw, 12, 268, "Source: drawn for this demo", 10, fill=(110, 110, 110))
    return image


def _shown(value: float) -> str:
    return f"{value:g}"


def _bars(draw: ImageDraw.ImageDraw, drawn: Chart) -> None:
    step = 216 / len(drawn.labels)
    for row, (label, value) in enumerate(zip(drawn.labels, drawn.values, strict=True)):
        y, right = 42 + step * (row + 0.5), 96 + 250 * value / max(drawn.values)
        write_text(draw, 90, y, label, 12, anchor="rm")
        draw.rectangle((96, y - step / 3, right, y + step / 3), fill=COLORS[drawn.color])
        write_text(draw, right + 4, y, _shown(value), 12)


def _columns(draw: ImageDraw.ImageDraw, drawn: Chart) -> None:
    step = 360 / len(drawn.labels)
    draw.line((30, 240, 390, 240), fill=(90, 90, 90))
    for place, (label, value) in enumerate(zip(drawn.labels, drawn.values, strict=True)):
        x, top = 30 + step * (place + 0.5), 240 - 176 * value / max(drawn.values)
        draw.rectangle((x - step / 3, top, x + step / 3, 240), fill=COLORS[drawn.color])
        write_text(draw, x, top - 8, _shown(value), 12, anchor="mm")
        write_text(draw, x, 250, label, 11, anchor="mm")


def _line(draw: ImageDraw.ImageDraw, drawn: Chart) -> None:
    step, grid = 360 / len(drawn.labels), (215, 215, 215)
    for share in range(5):
        draw.line((30, 240 - 44 * share, 390, 240 - 44 * share), fill=grid)
    points = [
        (30 + step * (place + 0.5), 240 - 176 * value / max(drawn.values))
        for place, value in enumerate(drawn.values)
    ]
    color: Color = COLORS[drawn.color]
    draw.line(points, fill=color, width=3, joint="curve")
    for (x, y), label, value in zip(points, drawn.labels, drawn.values, strict=True):
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=color)
        write_text(draw, x, y - 12, _shown(value), 12, anchor="mm")
        write_text(draw, x, 250, label, 11, anchor="mm")


def questions(rng: Rng, drawn: Chart) -> list[tuple[str, str]]:
    """Return questions with answers that follow from the table."""
    labels, values = drawn.labels, drawn.values
    one, other = some_of(rng, range(len(labels)), 2)
    high, low = max(range(len(values)), key=values.__getitem__), min(values)
    asked = [
        (f"What is the value of {labels[one]}?", _shown(values[one])),
        ("Which one has the highest value?", labels[high]),
        ("What is the lowest value shown?", _shown(low)),
        (
            f"Is the value of {labels[one]} larger than that of {labels[other]}?",
            "Yes" if values[one] > values[other] else "No",
        ),
        (
            f"What is the sum of {labels[one]} and {labels[other]}?",
            _shown(values[one] + values[other]),
        ),
        (f"How many values are above {_shown(low)}?", str(len(values) - 1)),
        ("What colour are the marks?", drawn.color),
    ]
    return some_of(rng, asked, 3)


def chartqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write ChartQA: human and augmented questions of three splits, pictures and tables."""
    sizes = {"train": records, "val": max(records // 8, 1), "test": max(records // 4, 4)}
    listed: dict[str, dict[str, list[dict[str, str]]]] = {}
    pictures: dict[str, bytes] = {}
    for place, (split, size) in enumerate(sizes.items()):
        listed[split] = {"human": [], "augmented": []}
        for number in range(size):
            name = ("two_col_1{}{:03d}", "multi_col_1{}{:03d}", "1{}{:03d}")[number % 3]
            name = name.format(place, number)
            drawn = chart(rng)
            pictures[name] = png(draw_chart(drawn, "RGB" if number % 4 else "RGBA"))
            tree.write(f"{_ROOT}/{split}/png/{name}.png", pictures[name])
            tree.write(f"{_ROOT}/{split}/tables/{name}.csv", _table(drawn))
            for turn, (query, label) in enumerate(questions(rng, drawn)[: 2 + number % 2]):
                kind = "augmented" if turn == 1 else "human"
                listed[split][kind].append(_row(f"{name}.png", query, label))
    _copies(tree, listed["train"]["human"], listed["test"]["human"], pictures)
    _oddities(tree, listed["train"]["human"], pictures)
    for split, kinds in listed.items():
        for kind, rows in kinds.items():
            tree.json(f"{_ROOT}/{split}/{split}_{kind}.json", rows, bom=kind == "human")
    tree.plant("chartqa", "byte order mark", "read", (), "train_human.json")
    return ["chartqa"]


def _table(drawn: Chart) -> bytes:
    rows = zip(drawn.labels, drawn.values, strict=True)
    return "".join(["Label,Value\n", *(f"{label},{value:g}\n" for label, value in rows)]).encode()


def _row(name: str, query: str, label: str) -> dict[str, str]:
    return {"imgname": name, "query": query, "label": label}


def _copies(
    tree: Tree, train: list[dict[str, str]], test: list[dict[str, str]], pictures: dict[str, bytes]
) -> None:
    """Plant test charts among the training ones: as they are, and encoded again."""
    names = list(dict.fromkeys(row["imgname"].removesuffix(".png") for row in test))[:4]
    for number, name in enumerate(names):
        data, trap = pictures[name], "test picture and question"
        if number >= 2:
            data, trap = copied(data, quality=80, scale=0.8), "test picture encoded again"
        key = f"two_col_9{number:03d}"
        tree.write(f"{_ROOT}/train/png/{key}.png", data)
        asked = next(row for row in test if row["imgname"] == f"{name}.png")
        train.append({**asked, "imgname": f"{key}.png"})
        tree.plant("chartqa", trap, "decontaminate", "benchmark_leak", f"chartqa/train/{key}")


def _oddities(tree: Tree, rows: list[dict[str, str]], pictures: dict[str, bytes]) -> None:
    """Plant repeated questions, a list as answer, entities, an empty answer, broken pictures."""
    name = rows[0]["imgname"]
    rows.append({**rows[0], "query": f" {rows[0]['query']} "})
    tree.plant("chartqa", "question repeated with blanks", "skipped", "repeated_question", name)
    rows.append(_row(name, "Which two are named first &amp; last?", "[one, the other]"))
    tree.plant("chartqa", "list as answer, HTML entity", "read", (), name)
    rows.append(_row(name, "What is missing?", ""))
    tree.plant("chartqa", "empty answer", "quarantined", "empty_answer", name)
    data = pictures[name.removesuffix(".png")]
    broken: tuple[tuple[str, str, bytes | None], ...] = (
        ("truncated picture", "image_truncated", cut_off(data)),
        ("HTML page instead of a picture", "image_not_identified", NOT_A_PICTURE),
        ("missing picture", "image_missing", None),
    )
    for number, (trap, reason, payload) in enumerate(broken):
        name = f"two_col_8{number:03d}.png"
        if payload is not None:
            tree.write(f"{_ROOT}/train/png/{name}", payload)
        rows.append(_row(name, "Which one has the highest value?", "None"))
        tree.plant("chartqa", trap, "quarantined", reason, name)
