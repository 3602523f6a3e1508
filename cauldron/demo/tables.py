"""Tables with questions: TabMWP and TAT-QA in their official layouts, made-up numbers."""

from __future__ import annotations

from typing import Any

from PIL import Image, ImageDraw

from cauldron.demo import words
from cauldron.demo.drawing import NOT_A_PICTURE, Color, cut_off, png, text_width, write_text
from cauldron.demo.tree import Rng, Tree, one_of, some_of

_HEADS: tuple[Color, ...] = ((214, 228, 240), (240, 224, 208), (222, 236, 216), (232, 220, 238))
_GOODS = "pen cap drum rope lamp kite bell mug scarf clock ladder brush whistle basket".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
Problem = dict[str, Any]


def draw_table(rng: Rng, rows: list[list[str]], title: str | None) -> Image.Image:
    """Draw a small ruled table whose first row is the head."""
    size, height = int(rng.integers(13, 17)), 26
    widths = [max(text_width(row[k], size) for row in rows) + 20 for k in range(len(rows[0]))]
    top = 30 if title else 8
    image = Image.new("RGB", (sum(widths) + 16, top + height * len(rows) + 8), "white")
    draw = ImageDraw.Draw(image)
    if title:
        write_text(draw, 8, 16, title, size)
    for number, row in enumerate(rows):
        left, y = 8, top + height * number
        fill = one_of(rng, _HEADS) if number == 0 else (255, 255, 255)
        for cell, width in zip(row, widths, strict=True):
            draw.rectangle((left, y, left + width, y + height), fill=fill, outline=(120, 120, 120))
            write_text(draw, left + 10, y + height / 2, cell, size)
            left += width
    return image


def _problem(rng: Rng) -> tuple[list[list[str]], str | None, Problem]:
    return one_of(rng, (_prices, _counts, _function))(rng)  # type: ignore[no-any-return]


def _prices(rng: Rng) -> tuple[list[list[str]], str | None, Problem]:
    goods = some_of(rng, _GOODS, int(rng.integers(3, 6)))
    cents = [int(k) for k in rng.integers(105, 995, len(goods))]
    prices = [f"${c / 100:.2f}" for c in cents]
    times = int(rng.integers(2, 7))
    total = f"{cents[0] * times / 100:.2f}"
    return (
        [list(pair) for pair in zip(goods, prices, strict=True)],
        None,
        {
            "question": f"{words.name(rng)} buys {times} of these: {goods[0]}. What is the cost?",
            "answer": total,
            "unit": "$",
            "solution": f"Find the price of one {goods[0]}: {prices[0]}.\n\nMultiply:\n\n"
            f"{prices[0]} × {times} = ${total}\n\nThe cost is ${total}.",
            "ans_type": "decimal_number",
        },
    )


def _counts(rng: Rng) -> tuple[list[list[str]], str | None, Problem]:
    start, number = int(rng.integers(3)), int(rng.integers(3, 5))
    days, values = _DAYS[start : start + number], [int(k) for k in rng.integers(8, 99, number)]
    who, what = words.name(rng), one_of(rng, _GOODS) + "s"
    gap = values[0] - values[-1]
    return (
        [["Day", f"Number of {what}"], *([d, str(v)] for d, v in zip(days, values, strict=True))],
        f"{what.capitalize()} counted by {who}",
        {
            "question": f"{who} counted {what}. How many more were there on {days[0]} than on "
            f"{days[-1]}?",
            "answer": str(gap),
            "unit": None,
            "solution": f"Subtract the numbers of the two days.\n\n{values[0]} − {values[-1]} = "
            f"{gap}\n\nThe answer is {gap}.",
            "ans_type": "integer_number",
        },
    )


def _function(rng: Rng) -> tuple[list[list[str]], str | None, Problem]:
    step, x = int(rng.integers(2, 12)), int(rng.integers(1, 15))
    y = [int(rng.integers(1, 90))]
    straight = bool(rng.integers(2))
    y += [y[0] + step, y[0] + 2 * step if straight else y[0] + 3 * step]
    word = "linear" if straight else "nonlinear"
    rate = rf"\frac{{{y[1]} - {y[0]}}}{{{x + 1} - {x}}} = {step}"
    return (
        [["x", "y"], *([str(x + k), str(value)] for k, value in enumerate(y))],
        None,
        {
            "question": f"{words.name(rng)} wrote down a function. Is it linear or nonlinear?",
            "choices": ["linear", "nonlinear"],
            "answer": word,
            "unit": None,
            "solution": f"Compare the rates of change.\n\n{rate}\n\nThe second rate is "
            f"{y[2] - y[1]}.\n\nThe function is {word}.",
            "ans_type": "extractive_text",
        },
    )


def tabmwp(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write TabMWP: problems of three splits by id, beside one picture a problem."""
    sizes = {"train": records, "dev": max(records // 8, 1), "test": max(records // 8, 1)}
    problems: dict[str, dict[str, Problem]] = {split: {} for split in sizes}
    pictures: dict[str, bytes] = {}
    for split, size in sizes.items():
        for _ in range(size):
            rows, title, told = _problem(rng)
            key = str(len(pictures) + 1)
            pictures[key] = png(draw_table(rng, rows, title))
            problems[split][key] = _record(rng, split, rows, title, told)
    _problem_copies(tree, problems["train"], pictures)
    _problem_oddities(tree, problems["train"], pictures)
    for key, data in pictures.items():
        tree.write(f"tabmwp/data/tabmwp/tables/{key}.png", data)
    for split, told in problems.items():
        tree.json(f"tabmwp/data/tabmwp/problems_{split}.json", told, crlf=split == "train")
    listed = {split: list(told) for split, told in problems.items()}
    tree.json("tabmwp/data/tabmwp/splits.json", listed)
    tree.plant("tabmwp", "Windows line ends", "read", (), "problems_train.json")
    return ["tabmwp"]


def _record(
    rng: Rng, split: str, rows: list[list[str]], title: str | None, told: Problem
) -> Problem:
    return {
        "question": told["question"],
        "choices": told.get("choices"),
        "answer": told["answer"],
        "unit": told["unit"],
        "table_title": title,
        "table": "\n".join(" | ".join(row) for row in rows),
        "table_for_pd": {head: [r[k] for r in rows[1:]] for k, head in enumerate(rows[0])},
        "row_num": len(rows),
        "column_num": len(rows[0]),
        "solution": told["solution"],
        "ques_type": "multi_choice" if told.get("choices") else "free_text",
        "ans_type": told["ans_type"],
        "grade": int(rng.integers(1, 9)),
        "split": split,
    }


def _problem_copies(tree: Tree, problems: dict[str, Problem], pictures: dict[str, bytes]) -> None:
    """Plant copies, and a picture that two different problems share."""
    for number, key in enumerate(list(problems)[:4]):
        again = str(9_000 + number)
        problems[again], pictures[again] = dict(problems[key]), pictures[key]
        if number < 3:
            trap, reason = "problem again under another id", "exact_duplicate"
            tree.plant("tabmwp", trap, "dedup", reason, f"tabmwp/train/{again}")
        else:
            asked = {"question": "How many rows has the table?", "choices": None}
            rows = problems[key]["row_num"]
            solved = {"answer": str(rows), "unit": None, "solution": f"Count them: {rows}."}
            problems[again] |= asked | solved | {"ans_type": "integer_number"}
            tree.plant("tabmwp", "other problem on the same picture", "read", (), again)


def _problem_oddities(tree: Tree, problems: dict[str, Problem], pictures: dict[str, bytes]) -> None:
    """Plant a problem without solution, one without question text, and broken pictures."""
    key, like = next(iter(problems.items()))
    problems["8000"], pictures["8000"] = {**like, "solution": "\n \n"}, pictures[key]
    tree.plant("tabmwp", "empty solution", "quarantined", "empty_answer", "8000")
    problems["8001"], pictures["8001"] = {**like, "question": None}, pictures[key]
    tree.plant("tabmwp", "question that is null", "quarantined", "malformed_record", "8001")
    data = pictures[key]
    broken: tuple[tuple[str, str, bytes | None], ...] = (
        ("truncated picture", "image_truncated", cut_off(data)),
        ("HTML page instead of a picture", "image_not_identified", NOT_A_PICTURE),
        ("picture of zero bytes", "image_empty", b""),
        ("missing picture", "image_missing", None),
    )
    for number, (trap, reason, payload) in enumerate(broken):
        bad = str(8_010 + number)
        problems[bad] = dict(like)
        if payload is not None:
            pictures[bad] = payload
        tree.plant("tabmwp", trap, "quarantined", reason, bad)


def tat_qa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write TAT-QA: contexts of a table, paragraphs and questions; the test file has no answers."""
    sizes = {"train": records, "dev": max(records // 8, 1), "test": max(records // 8, 1)}
    listed = {
        split: [_context(rng, f"{split}-{number}") for number in range(size)]
        for split, size in sizes.items()
    }
    listed["train"] += _odd_contexts(tree, rng, listed["train"][0])
    kept = ("uid", "order", "question")
    blind = [
        {**context, "questions": [{k: q[k] for k in kept} for q in context["questions"]]}
        for context in listed["test"]
    ]
    folder = "tat_qa/dataset_raw"
    for split in ("train", "dev"):
        tree.json(f"{folder}/tatqa_dataset_{split}.json", listed[split], bom=split == "train")
    tree.json(f"{folder}/tatqa_dataset_test.json", blind)
    tree.json(f"{folder}/tatqa_dataset_test_gold.json", listed["test"])
    tree.plant("tat_qa", "byte order mark", "read", (), "tatqa_dataset_train.json")
    return ["tat_qa"]


def _odd_contexts(tree: Tree, rng: Rng, like: dict[str, Any]) -> list[dict[str, Any]]:
    """Plant a context that stands twice, and ones without answer, questions or table."""
    tree.plant("tat_qa", "context that stands twice", "skipped", "repeated_turn", "train-0-t")
    unanswered = _context(rng, "odd-0")
    unanswered["questions"][0] |= {"answer": [], "question": "What is R&amp;D spending?"}
    note = "empty_question_or_answer"
    tree.plant("tat_qa", "question without answer", "notes", note, "odd-0-q1")
    silent = {**_context(rng, "odd-1"), "questions": []}
    tree.plant("tat_qa", "context without questions", "quarantined", "no_turns", "odd-1-t")
    bare = {**_context(rng, "odd-2"), "table": None}
    tree.plant("tat_qa", "context without table", "quarantined", "malformed_record", "odd-2")
    return [like, unanswered, silent, bare]


def _context(rng: Rng, uid: str) -> dict[str, Any]:
    year, company = int(rng.integers(2008, 2020)), words.name(rng)
    lines = some_of(rng, ("Sales", "Services", "Rent", "Grants", "Interest", "Fees"), 3)
    values = [[int(v) for v in rng.integers(40, 990, 2)] for _ in lines]
    totals = [sum(column) for column in zip(*values, strict=True)]
    rows = [
        ["", "Years ended 31 March", ""],
        ["", str(year), str(year - 1)],
        *([line, f"£{new:,}", f"{old:,}"] for line, (new, old) in zip(lines, values, strict=True)),
        ["Total revenue of the group & its partners", *(f"£{t:,}" for t in totals)],
        ["Tax", f"({int(rng.integers(10, 40))})", "—"],
    ]
    (new, old), gap = values[0], totals[0] - totals[1]
    share = round(100 * (new - old) / old, 2)
    asked: list[tuple[str, Any, str, str, str]] = [
        (f"What were {lines[0].lower()} in {year}?", [f"£{new:,}"], "", "span", "thousand"),
        ("What is the change in total revenue?", gap, f"{totals[0]} - {totals[1]}", "arithmetic",
         "thousand"),
        (f"What is the percentage change in {lines[0].lower()}?", share,
         f"({new} - {old}) / {old}", "arithmetic", "percent"),
        ("Which years does the table show?", [str(year), str(year - 1)], "", "multi-span", ""),
        (" How many years are shown? ", "2", f"{year}##{year - 1}", "count", ""),
    ]  # fmt: skip
    return {
        "table": {"uid": f"{uid}-t", "table": rows},
        "paragraphs": [
            {"uid": f"{uid}-p{order}", "order": order, "text": text}
            for order, text in enumerate(
                [f"{company} reports amounts in thousands.", *words.paragraphs(rng, 1, 2)], start=1
            )
        ],
        "questions": [
            {
                "uid": f"{uid}-q{order}",
                "order": order,
                "question": question,
                "answer": answer,
                "derivation": derivation,
                "answer_type": kind,
                "answer_from": "table",
                "rel_paragraphs": [],
                "req_comparison": False,
                "scale": scale,
            }
            for order, (question, answer, derivation, kind, scale) in enumerate(asked, start=1)
        ],
    }
