"""Questions on tables in official layouts: FinQA, HiTab, MultiHiertt and RobuT, made-up numbers."""

from __future__ import annotations

import io
from dataclasses import dataclass
from html import escape
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from cauldron.demo import words
from cauldron.demo.reasoning import zipped
from cauldron.demo.tree import Rng, Tree, one_of, some_of

Record = dict[str, Any]
_LINES = ("sales", "rent", "financing", "maintenance", "fees", "grants", "tenants & covenants")
_TEAMS = "Reds Blues Mill Rovers Harbour United Castle Lions Foxes Stars".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """Lines of a report with their values in two years."""

    name: str
    year: int
    lines: tuple[str, ...]
    values: tuple[tuple[int, int], ...]


def _report(rng: Rng) -> _Report:
    lines = tuple(some_of(rng, _LINES, int(rng.integers(3, 6))))
    return _Report(
        name=words.name(rng),
        year=int(rng.integers(2006, 2020)),
        lines=lines,
        values=tuple((int(a), int(b)) for a, b in rng.integers(1_100, 9_900, (len(lines), 2))),
    )


def finqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write FinQA: pages of reports with one or two questions, texts cut into words."""
    folder = "finqa/dataset"
    for split, size in {"train": records, "dev": 3, "test": 3}.items():
        pages = [_page(rng, number) for number in range(size)]
        rows = [record for page in pages for record in page]
        if split == "train":
            rows += _odd_pages(tree, rows[0])
        tree.json(f"{folder}/{split}.json", rows, bom=split == "dev")
    blind = [{**row, "qa": {"question": row["qa"]["question"]}} for row in rows]
    tree.json(f"{folder}/private_test.json", blind)
    return ["finqa"]


def _page(rng: Rng, number: int) -> list[Record]:
    told = _report(rng)
    (new, old), name = told.values[0], f"{told.name[:3].upper()}/{told.year}/page_{number}.pdf"
    base = {
        "pre_text": [
            f"the following table shows the company 2019s results for {told.year} .",
            ".",
            f"{told.name} reports 201camounts in thousands 201d , see note {number} .",
        ],
        "post_text": [*words.paragraphs(rng, 1, 2), "."],
        "table": [
            ["", str(told.year), str(told.year - 1)],
            *(
                [line, f"$ {a}", f"{b}"]
                for line, (a, b) in zip(told.lines, told.values, strict=True)
            ),
            ["net change", f"$ -{abs(new - old)} ( {abs(new - old)} )", "8.75% ( 8.75 % )"],
        ],
        "filename": name,
    }
    growth = {
        "question": f"what is the growth in {told.lines[0]} in {told.year}?",
        "program": f"subtract({new}, {old}), divide(#0, {old})",
        "program_re": f"divide(subtract({new}, {old}), {old})",
        "exe_ans": round((new - old) / old, 5),
        "answer": f"{round(100 * (new - old) / old)}%",
        "explanation": "the change is divided by the older value" if number % 2 else "",
        "gold_inds": {"table_1": told.lines[0]},
    }
    average = sum(told.values[1]) / 2
    mean = {
        "question": f"was the average of {told.lines[1]} above that of {told.lines[0]}?",
        "program": f"table_average({told.lines[1]}, none), greater(#0, {(new + old) / 2})",
        "program_re": f"greater(table_average({told.lines[1]}, none), {(new + old) / 2})",
        "exe_ans": "yes" if average > (new + old) / 2 else "no",
        "answer": "",
    }
    asked = [growth, mean][: 1 + number % 2]
    return [{**base, "id": f"{name}-{k}", "qa": qa} for k, qa in enumerate(asked, start=1)]


def _odd_pages(tree: Tree, like: Record) -> list[Record]:
    """Plant a record without an answer, one without cells, and a program of unknown words."""
    blind = {**like, "id": "ODD/1", "filename": "ODD/2010/page_1.pdf", "qa": {"question": "how?"}}
    tree.plant("finqa", "question without an answer", "skipped", "unlabelled", "ODD/1")
    bare = {**like, "id": "ODD/2", "filename": "ODD/2010/page_2.pdf", "table": [["", ""]]}
    tree.plant("finqa", "table without a text", "quarantined", "table_empty", "ODD/2")
    program = {"program": "root(4)", "program_re": "root(4)"}
    odd = {**like, "id": "ODD/3", "filename": "ODD/2010/page_3.pdf"}
    tree.plant("finqa", "program of unknown words", "notes", "program_not_written", "ODD/3")
    return [blind, bare, {**odd, "qa": {**like["qa"], **program}}]


def hitab(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write HiTab: JSON lines of questions, and an archive of tables with merged headers."""
    tables: dict[str, bytes] = {}
    for split, size in {"train": records, "dev": 3, "test": 3}.items():
        rows: list[Record] = []
        for number in range(size):
            table_id, told = f"{len(tables)}_{split}", _report(rng)
            tables[f"raw/{table_id}.json"] = orjson.dumps(_hierarchy(told))
            rows += _cell_questions(rng, table_id, told)
            if split == "train" and number % 6 == 0:
                rows.append(rows[-1])
                tree.plant("hitab", "question again", "skipped", "repeated_turn", table_id)
        if split == "train":
            rows.append({**rows[0], "id": "ff", "table_id": "404"})
            tree.plant("hitab", "missing table", "quarantined", "table_missing", "404")
        payload = b"\n".join(map(orjson.dumps, rows)) + b"\n"
        tree.write(f"hitab/data/{split}_samples.jsonl", payload)
    tree.write("hitab/data/tables.zip", zipped({f"tables/{k}": v for k, v in tables.items()}))
    return ["hitab"]


def _hierarchy(told: _Report) -> Record:
    years = [str(told.year), str(told.year - 1)]
    pairs = zip(told.lines, told.values, strict=True)
    rows = [[line, f"{a:,}", f"{b:,}", f"{round(100 * a / b, 1)}"] for line, (a, b) in pairs]
    corner = {"first_row": 0, "last_row": 1, "first_column": 0, "last_column": 0}
    over = {"first_row": 0, "last_row": 0, "first_column": 1, "last_column": 2}
    return {
        "title": f"Accounts of {told.name}, {told.year}",
        "texts": [["Item", "Thousands", "", "Share"], ["", *years, "percent"], *rows],
        "merged_regions": [corner, over],
        "top_header_rows_num": 2,
        "left_header_columns_num": 1,
    }


def _cell_questions(rng: Rng, table_id: str, told: _Report) -> list[Record]:
    lines = [told.lines[k] for k in range(2)]
    (new, old), other = told.values[0], told.values[1]
    asked: list[tuple[str, list[Any]]] = [
        (f"how many thousands were {lines[0]} in {told.year}?", [float(new)]),
        (f"what share of the year before were {lines[0]}", [round(new / old, 6)]),
        (f"which of {lines[0]} and {lines[1]} were listed in {told.year - 1}?", lines),
        (f"how much were {lines[1]} in both years?", [float(sum(other))]),
    ]
    return [
        {
            "id": f"{int(rng.integers(2**62)):032x}",
            "table_id": table_id,
            "table_source": one_of(rng, ("statcan", "nsf", "totto")),
            "question": question,
            "answer": answer,
            "aggregation": ["none"],
            "linked_cells": {},
        }
        for question, answer in asked
    ]


def multihiertt(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write MultiHiertt: records of several HTML tables; cells that hold `nan` inside a word."""
    for split, size in {"train": records, "dev": 3, "test": 3}.items():
        rows = [_document(rng, f"{split}-{number}", number) for number in range(size)]
        if split == "train":
            rows += _odd_documents(tree, rows[0])
        if split == "test":
            for row in rows:
                row["qa"] = {"question": row["qa"]["question"]}
        tree.json(f"multihiertt/{split}.json", rows)
    return ["multihiertt"]


def _html(told: _Report, empty: bool = False) -> str:
    rows = "".join(
        f"<tr><td>{escape(line)}</td><td>{a:,}</td><td>{'nan' if empty else f'({b:,})'}</td></tr>"
        for line, (a, b) in zip(told.lines, told.values, strict=True)
    )
    return (
        f'<table><tr><td></td><td colspan="2">{escape(told.name)} &amp; Sons</td></tr>'
        f"<tr><td></td><td>{told.year}</td><td>{told.year - 1}</td></tr>{rows}</table>"
    )


def _document(rng: Rng, uid: str, number: int) -> Record:
    told = [_report(rng) for _ in range(2 + number % 3)]
    (new, old), spans = told[1].values[0], number % 3 == 2
    computed = {
        "question": f"What is the growth of {told[1].lines[0]} of {told[1].name}?",
        "answer": new / old - 1,
        "program": f"subtract({new}, {old}), divide(#0, {old})",
        "text_evidence": [1] if number % 2 else [],
        "table_evidence": ["1-2-1", "1-2-2"],
    }
    read = {
        "question": f"Which items does {told[0].name} list first?",
        "answer": told[0].lines[0],
        "program": "",
        "text_evidence": [],
        "table_evidence": ["0-2-0"],
    }
    return {
        "uid": uid,
        "paragraphs": words.paragraphs(rng, 3, 2),
        "tables": [
            _html(report, empty=k == 0 and number % 4 == 0) for k, report in enumerate(told)
        ],
        "table_description": {"1-2-1": f"The {told[1].lines[0]} is {new}."},
        "qa": read if spans else computed,
    }


def _odd_documents(tree: Tree, like: Record) -> list[Record]:
    """Plant a record of more tables than are drawn, and one whose evidence is no table."""
    told = like["tables"]
    many = {**like, "uid": "many", "tables": [told[0], told[1], *([told[0]] * 9)]}
    tree.plant("multihiertt", "table too many", "notes", "table_left_out", "many")
    lost = {**like, "uid": "lost", "qa": {**like["qa"], "table_evidence": ["7-0-0"]}}
    tree.plant("multihiertt", "evidence in no table", "quarantined", "table_missing", "lost")
    return [many, lost]


def _league(rng: Rng) -> tuple[list[str], list[list[str]], list[int]]:
    teams, years = some_of(rng, _TEAMS, int(rng.integers(3, 7))), int(rng.integers(1960, 2010))
    crowds = [int(crowd) for crowd in rng.integers(1_000, 30_000, len(teams))]
    rows = [
        [team, str(years + k), f"{crowd:,}", f'"{words.name(rng)}"\nground']
        for k, (team, crowd) in enumerate(zip(teams, crowds, strict=True))
    ]
    return ["Team", "Year", "Crowd", "Venue"], rows, crowds


def _perturbed(rng: Rng, base: str, number: int) -> Record:
    header, rows, crowds = _league(rng)
    most = rows[crowds.index(max(crowds))][0]
    asked: dict[str, tuple[str, list[str]]] = {
        "wtq": ("which team had the largest crowd ?", [most]),
        "wikisql": (f"What is the crowd of {rows[0][0]}?", [f"{crowds[0]}.0"]),
        "sqa": (
            repr(["which teams played?", "which of them didn't come first?", "how many are left?"]),
            [repr([row[0] for row in rows]), repr([row[0] for row in rows[1:]]), "[]"],
        ),
    }
    question, answers = asked[base]
    return {
        "id": f"{base}-{number}",
        "original_id": f"{base}-{number // 2}",
        "question": question,
        "perturbation_type": one_of(rng, ("row", "column_extension", "synonym")),
        "table": {"header": header, "rows": rows if number % 7 else [*rows[:-1], rows[-1][:2]]},
        "answers": answers,
    }


def _robut(tree: Tree, rng: Rng, records: int, base: str) -> list[str]:
    """Write a split of RobuT as Parquet; every seventh table has a short row."""
    source = f"robut_{base}"
    rows = [_perturbed(rng, base, number) for number in range(records)]
    ragged = [row["id"] for row in rows if len(row["table"]["rows"][-1]) == 2]
    tree.plant(source, "row shorter than the header", "notes", "ragged_table", *ragged)
    rows.append({**rows[1], "id": "empty", "table": {"header": [""], "rows": [[" "]]}})
    tree.plant(source, "table without a text", "quarantined", "table_empty", "empty")
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out, row_group_size=16)
    tree.write(f"{source}/main/{base}/0000.parquet", out.getvalue())
    return [source]


def robut_wtq(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write RobuT over WikiTableQuestions."""
    return _robut(tree, rng, records, "wtq")


def robut_wikisql(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write RobuT over WikiSQL, whose numbers are spelt in another way than in the cells."""
    return _robut(tree, rng, records, "wikisql")


def robut_sqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write RobuT over SQA: three questions in a row, the last one without an answer."""
    return _robut(tree, rng, records, "sqa")
