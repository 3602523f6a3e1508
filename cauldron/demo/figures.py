"""Figures with questions in their official layouts: DVQA, FigureQA, PlotQA and MapQA, drawn."""

from __future__ import annotations

from typing import Any

from PIL import Image, ImageDraw

from cauldron.demo import words
from cauldron.demo.charts import Chart, chart, draw_chart
from cauldron.demo.drawing import COLORS, INK, png, write_text
from cauldron.demo.page_questions import plant_broken
from cauldron.demo.tree import Rng, Tree, one_of, some_of

Record = dict[str, Any]

_COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NOUNS = "hand sewer glee bulk niece pike tempo rabbit vote lens dish moss crown".split()
_PLOT_COLORS = {
    "Medium Teal": (35, 130, 130),
    "Rust": (170, 70, 30),
    "Gold": (215, 175, 40),
    "Navy Blue": (25, 40, 110),
    "Light Salmon": (250, 165, 125),
    "Dim Gray": (105, 105, 105),
    "Hot Pink": (240, 100, 170),
}
_STATES = "Ohio Utah Texas Maine Iowa Nevada Oregon Idaho Kansas Georgia Montana Vermont".split()


def _bars(rng: Rng) -> tuple[bytes, list[tuple[str, str, str]]]:
    """Return a bar chart of random words, and questions with answer and template."""
    labels = some_of(rng, _NOUNS, int(rng.integers(3, 7)))
    values = [int(k) for k in rng.permutation(9)[: len(labels)] + 1]
    power, color = int(rng.integers(0, 5)), COLORS[one_of(rng, list(COLORS))]
    title = f"{words.name(rng)} of {one_of(rng, _NOUNS)}"
    image = Image.new("RGB", (300, 300), one_of(rng, ("white", (235, 235, 245))))
    draw = ImageDraw.Draw(image)
    write_text(draw, 150, 18, title, 17, anchor="mm")
    step = 260 / len(labels)
    for place, (label, value) in enumerate(zip(labels, values, strict=True)):
        x, top = 30 + step * (place + 0.5), 250 - 22 * value
        draw.rectangle((x - step / 3, top, x + step / 3, 250), fill=color, outline=INK)
        write_text(draw, x, 266, label, 12, anchor="mm")
        write_text(draw, 14, top, str(value), 11, anchor="mm")
    if power:
        write_text(draw, 14, 40, f"10^{power}", 12)
    high = f"10^{power}" if power and max(values) == 1 else str(max(values) * 10**power)
    asked = [
        (f"how many bars has the chart '{title}'?", _COUNTS[len(labels)], "structure"),
        (f"What is the largest value in '{title}'?", high, "data"),
        ("What is the label of the second bar from the left?", labels[1], "structure"),
        (f"Is the value of {labels[0]} smaller than {labels[1]}?",
         "yes" if values[0] < values[1] else "no", "reasoning"),
    ]  # fmt: skip
    return png(image), some_of(rng, asked, 4)


def dvqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write DVQA: a question list for each of three splits, all pictures in one folder."""
    data, number = b"", 0
    for split, size in {"train": records, "val_easy": 4, "val_hard": 4}.items():
        rows: list[Record] = []
        for place in range(size):
            data, asked = _bars(rng)
            name = f"bar_{split}_{place:08d}.png"
            tree.write(f"dvqa/images/{name}", data)
            for question, answer, template in asked[: 1 + place % 4]:
                number += 1
                rows.append(_bar_row(number, name, question, answer, template))
        rows = rows[::2] + rows[1::2]  # nothing promises that one chart's questions are together
        if split == "train":
            _bar_oddities(tree, rows, data)
        tree.json(f"dvqa/{split}_qa.json", rows)
    tree.plant("dvqa", "questions on a chart apart; two spellings of fields", "read", (), "train")
    return ["dvqa"]


def _bar_row(number: int, name: str, question: str, answer: str, template: str) -> Record:
    row = {"question": question, "question_id": number, "answer": answer, "image": name}
    if number % 9 == 4:
        return {**row, "question_type": template, "bbox_answer": [12.5, 30, 44, 9]}
    return {**row, "template_id": template, "answer_bbox": []}


def _bar_oddities(tree: Tree, rows: list[Record], data: bytes) -> None:
    name = rows[0]["image"]
    rows.append(_bar_row(90_001, name, "What is the sum of all values?", "", "data"))
    tree.plant("dvqa", "empty answer", "quarantined", "empty_answer", "90001")
    rows.append({**rows[0], "question_id": 90_002, "answer": None})
    tree.plant("dvqa", "no answer", "skipped", "unlabelled", "90002")
    rows.append({**rows[0], "question_id": 90_003, "answer": ["a", "b"]})
    tree.plant("dvqa", "list as answer", "quarantined", "malformed_record", "90003")
    number = {**rows[0], "question_id": 90_004, "question": "What is 10 times 12?", "answer": 120}
    rows.append(number)
    tree.plant("dvqa", "number that is no text", "read", (), "90004")
    for broken in plant_broken(tree, "dvqa", "dvqa/images", data, ".png"):
        rows.append(_bar_row(91_000 + len(rows), broken, "How many bars are there?", "two", "data"))


def _figure(rng: Rng) -> tuple[bytes, list[Record]]:
    """Return a figure of coloured bars or a pie, and balanced questions on it."""
    names = some_of(rng, list(_PLOT_COLORS), int(rng.integers(3, 6)))
    values = [int(k) for k in rng.permutation(40)[: len(names)] + 10]
    image = Image.new("RGB", (int(rng.integers(240, 340)), 240), "white")
    draw = ImageDraw.Draw(image)
    if rng.integers(2):
        angle = 0.0
        for name, value in zip(names, values, strict=True):
            wide = 360 * value / sum(values)
            draw.pieslice((20, 20, 220, 220), angle, angle + wide, fill=_PLOT_COLORS[name])
            angle += wide
    else:
        step = 200 / len(names)
        for place, (name, value) in enumerate(zip(names, values, strict=True)):
            box = (20, 20 + step * place, 20 + 4 * value, 14 + step * (place + 1))
            draw.rectangle(box, fill=_PLOT_COLORS[name])
    high, low = (names[values.index(pick(values))] for pick in (max, min))
    one, other = some_of(rng, range(len(names)), 2)
    bigger = int(values[one] > values[other])
    asked = [
        _figure_row(0, f"Is {high} the maximum?", 1, high),
        _figure_row(0, f"Is {low} the maximum?", 0, low),
        _figure_row(3, f"Is {names[one]} greater than {names[other]}?", bigger, names[one],
                    names[other]),
        _figure_row(3, f"Is {names[other]} greater than {names[one]}?", 1 - bigger, names[other],
                    names[one]),
    ]  # fmt: skip
    return png(image), asked


def _figure_row(
    template: int, question: str, answer: Any, one: str, two: str = "--None--"
) -> Record:
    return {
        "question_string": question,
        "question_id": template,
        "answer": answer,
        "color1_name": one,
        "color1_id": 1,
        "color2_name": two,
        "color2_id": 2 if two != "--None--" else -1,
    }


def figureqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write FigureQA: a folder for each split with questions and numbered pictures."""
    sizes = {"train1": records, "validation1": 4, "validation2": 4, "no_annot_test1": 4}
    for split, size in sizes.items():
        rows: list[Record] = []
        data = b""
        for number in range(size):
            data, asked = _figure(rng)
            tree.write(f"figureqa/{split}/png/{number}.png", data)
            rows += [{"image_index": number, **row} for row in asked[: 2 + 2 * (number % 2)]]
        if split == "train1":
            _figure_oddities(tree, rows, data)
        if split.startswith("no_annot"):
            rows = [{k: v for k, v in row.items() if k != "answer"} for row in rows]
        tree.json(f"figureqa/{split}/qa_pairs.json", {"qa_pairs": rows, "total_count": len(rows)})
        tree.json(f"figureqa/{split}/annotations.json", [{"image_index": 0, "type": "pie"}])
    return ["figureqa"]


def _figure_oddities(tree: Tree, rows: list[Record], data: bytes) -> None:
    rows.append({"image_index": 0, **_figure_row(1, "Is Puce smooth?", "1", "Puce")})
    rows.append({"image_index": 1, **_figure_row(1, "Is Puce rough?", False, "Puce")})
    tree.plant("figureqa", "answer as text or a boolean", "read", (), "0", "1")
    rows.append({"image_index": 0, **_figure_row(2, "Is Puce the median?", 2, "Puce")})
    rows.append({"image_index": 0, **_figure_row(2, "Is Puce low?", "no", "Puce")})
    tree.plant("figureqa", "answer that is neither 0 nor 1", "quarantined", "answer_unknown", "2",
               "no")  # fmt: skip
    rows.append({"image_index": 0, **_figure_row(2, "Is Puce high?", None, "Puce")})
    tree.plant("figureqa", "no answer", "skipped", "unlabelled", "0")
    for name in plant_broken(tree, "figureqa", "figureqa/train1/png", data, ".png"):
        index = int(name.removesuffix(".png"))
        rows.append({"image_index": index, **_figure_row(0, "Is Puce the maximum?", 1, "Puce")})


def _plot_questions(rng: Rng, drawn: Chart) -> list[tuple[str, Any, str]]:
    labels, values = drawn.labels, drawn.values
    one = int(rng.integers(len(labels)))
    mean = sum(values) / len(values)
    return [
        (f"What is the title of the plot on {drawn.title.rpartition(' ')[2]} ?", drawn.title,
         "structural"),
        (f"What is the value of {labels[one]} ?", values[one], "data_retrieval"),
        ("What is the mean value ?", mean, "compound"),
        ("What is the sum of all values in grams ?", sum(values) * 1_000_000.0, "compound"),
        ("Is the first value larger than the second ?", "Yes" if values[0] > values[1] else "No",
         "compound"),
    ]  # fmt: skip


def plotqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write PlotQA: a folder for each split with questions (V1 and V2) and RGBA plots."""
    first = 0
    for split, size in {"TRAIN": records, "VAL": 4, "TEST": 4}.items():
        rows: list[Record] = []
        data = b""
        for number in range(first, first + size):
            drawn = chart(rng)
            data = png(draw_chart(drawn, "RGBA"))
            tree.write(f"plotqa/{split}/png/{number}.png", data)
            for place, (question, answer, kind) in enumerate(_plot_questions(rng, drawn)):
                rows.append(_plot_row(number, place, question, answer, kind))
        first += size
        tree.json(f"plotqa/{split}/qa_pairs_V1.json", {"qa_pairs": rows[::2]})
        if split == "TRAIN":
            _plot_oddities(tree, rows, data)
        tree.json(f"plotqa/{split}/qa_pairs_V2.json", {"qa_pairs": rows})
    return ["plotqa"]


def _plot_row(number: int, place: int, question: str, answer: Any, kind: str) -> Record:
    box = {"x": 12.0, "y": 30.5, "w": 9.0, "h": 100.0}
    return {
        "image_index": number,
        "qid": f"{number}_{place}",
        "question_string": question,
        "answer": answer,
        "answer_bbox": ([], box, [box])[place % 3],
        "template": kind,
        "type": ("vbar_categorical", "hbar_categorical", "dot_line", "line")[number % 4],
        "question_id": place,
    }


def _plot_oddities(tree: Tree, rows: list[Record], data: bytes) -> None:
    rows.append(_plot_row(0, 91, "Does it rise ?", True, "compound"))
    tree.plant("plotqa", "boolean as answer", "quarantined", "malformed_record", "0_91")
    rows.append(_plot_row(0, 92, "What is missing ?", "", "compound"))
    tree.plant("plotqa", "empty answer", "quarantined", "empty_answer", "0_92")
    rows.append(_plot_row(0, 93, "What is unknown ?", None, "compound"))
    tree.plant("plotqa", "no answer", "skipped", "unlabelled", "0_93")
    rows.append(_plot_row(1, 94, "What is the sum in stone ?", 2e10, "compound"))
    tree.plant("plotqa", "number whose exponent ends in 0", "read", (), "1_94")
    for name in plant_broken(tree, "plotqa", "plotqa/TRAIN/png", data, ".png"):
        number = int(name.removesuffix(".png"))
        rows.append(_plot_row(number, 0, "How many marks are there ?", 4, "structural"))


def _map(rng: Rng) -> tuple[bytes, list[tuple[str, str, Any]]]:
    """Return a map of square states in the colours of four ranges, and questions on it."""
    states = some_of(rng, _STATES, 12)
    low = 1000 * int(rng.integers(1, 9))
    ranges = [f"{low * k:,}-{low * (k + 1):,}" for k in range(1, 5)]
    of = [int(k) for k in rng.integers(0, 4, len(states))]
    shades = [(235 - 55 * k, 240 - 30 * k, 250) for k in range(4)]
    if rng.integers(2):
        shades = [(250, 240 - 30 * k, 235 - 55 * k) for k in range(4)]
    image = Image.new("RGB", (400, 260), "white")
    draw = ImageDraw.Draw(image)
    for place, (state, kind) in enumerate(zip(states, of, strict=True)):
        x, y = 10 + 70 * (place % 4), 30 + 74 * (place // 4)
        draw.rectangle((x, y, x + 66, y + 70), fill=shades[kind], outline="white")
        write_text(draw, x + 33, y + 35, state, 13, anchor="mm")
    topic = f"{one_of(rng, ('Births', 'Farms', 'Nurses'))} of {words.name(rng)}"
    write_text(draw, 10, 14, topic, 15)
    for kind, said in enumerate(ranges):
        draw.rectangle((296, 60 + 30 * kind, 312, 76 + 30 * kind), fill=shades[kind])
        write_text(draw, 318, 68 + 30 * kind, said, 11)
    found = sorted(state for state, kind in zip(states, of, strict=True) if kind == of[0])
    return png(image), [
        ("retrieval", f"What is the value of {states[0]} on the map {topic} ?", ranges[of[0]]),
        ("retrieval", f"Name the states that have a value in the range {ranges[of[0]]} ?", found),
        ("relational", f"Does {states[0]} have the same value as {states[1]} ?",
         "Yes" if of[0] == of[1] else "No"),
        ("retrieval", f"How many states have a value in the range {ranges[of[0]]} ?", len(found)),
    ]  # fmt: skip


def mapqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write MapQA: three subsets with questions of three splits, each numbered from 0."""
    for place, subset in enumerate(("MapQA_S", "MapQA_U", "MapQA_R")):
        third = max((records + 2 - place) // 3, 2)
        data, number = b"", 0
        for split, size in {"train": third, "dev": 2, "test": 2}.items():
            rows: list[Record] = []
            for _ in range(size):
                data, asked = _map(rng)
                name = f"map_{number}.png"
                tree.write(f"mapqa/{subset}/images/{name}", data)
                rows += [_map_row(len(rows), name, *told) for told in asked[: 2 + number % 3]]
                number += 1
            if split == "train" and not place:
                _map_oddities(tree, f"mapqa/{subset}/images", rows, data)
            tree.json(f"mapqa/{subset}/questions/{split}-QA.json", rows, bom=place == 1)
        tree.json(f"mapqa/{subset}/questions/answer_vocab.json", ["Yes", "No"])
    tree.plant("mapqa", "map_0.png in three subsets, byte order mark", "read", (), "map_0.png")
    return ["mapqa"]


def _map_row(number: int, name: str, kind: str, question: str, answer: Any) -> Record:
    return {
        "map_id": name,
        "question_type": kind,
        "question_template_id": f"{kind}_{number % 3 + 1}",
        "question": question,
        "oracle_delexicalized_question": "What is the value of state_1 ?",
        "tesseract_delexicalized_question": "",
        "answer": answer,
        "oracle_delexicalized_answer": answer,
        "question_id": number,
    }


def _map_oddities(tree: Tree, folder: str, rows: list[Record], data: bytes) -> None:
    name = rows[0]["map_id"]
    rows.append(_map_row(9001, name, "retrieval", "Name the states above 9,000,000 ?", []))
    tree.plant("mapqa", "empty list as answer", "skipped", "empty_list", "9001")
    rows.append(_map_row(9002, name, "retrieval", "Name the states by the sea ?", {"a": 1}))
    tree.plant("mapqa", "object as answer", "quarantined", "malformed_record", "9002")
    rows.append(_map_row(9003, name, "relational", "Is Ohio the lowest ?", False))
    rows.append(_map_row(9004, name, "retrieval", "What is the mean ?", 2500.0))
    tree.plant("mapqa", "boolean and float as answers", "read", (), "9003", "9004")
    for broken in plant_broken(tree, "mapqa", folder, data, ".png"):
        rows.append(_map_row(9100, broken, "retrieval", "How many states are shown ?", 12))
