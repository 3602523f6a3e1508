"""Instruction sets of text alone in their official layouts: nine sets of chats and mathematics."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import orjson

from cauldron.demo import words
from cauldron.demo.screens import parquet
from cauldron.demo.tree import BOM, Rng, Tree, one_of

Record = dict[str, Any]

_REFUSAL = "I'm sorry, but as an AI language model I cannot visit {name}."
_CODE = "def total(n):\n\treturn sum(range(n + 1))\n\nprint(total({n}))"


def openhermes(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write one JSON array of dialogues, some of several turns and some with a system text."""
    told = [_dialogue(rng, 1 + number % 3, number % 4 == 0) for number in range(records)]
    told[1]["conversations"].append({"from": "human", "value": "And then?"})
    tree.plant("openhermes", "last question unanswered", "notes", "last_question_cut", "1")
    told[2]["conversations"].append({"from": "gpt", "value": "One more thing."})
    tree.plant("openhermes", "two answers in a row", "notes", "same_role_joined", "2")
    odd: dict[str, list[Record]] = {
        "assistant_first": told[0]["conversations"][-1:],
        "role_unknown": [{"from": "narrator", "value": "Once upon a time."}],
        "empty_answer": [{"from": "human", "value": "Hello?"}, {"from": "gpt", "value": " "}],
    }
    for reason, said in odd.items():
        told.append({**told[0], "conversations": said})
        tree.plant("openhermes", reason.replace("_", " "), "quarantined", reason, str(len(told)))
    told.append({"source": "lost", "category": None})
    tree.plant("openhermes", "no dialogue", "quarantined", "malformed_record", str(len(told)))
    tree.json("openhermes/openhermes2_5.json", told, bom=True)
    tree.plant("openhermes", "byte order mark", "read", (), "openhermes2_5.json")
    return ["openhermes"]


def _dialogue(rng: Rng, turns: int, system: bool) -> Record:
    said = [{"from": "system", "value": "You know the coast well."}] if system else []
    for text in words.paragraphs(rng, turns, 3):
        place = words.title(rng)
        said.append({"from": "human", "value": f"What should I know about {place}?"})
        said.append({"from": "gpt", "value": text})
    if not system and turns == 2:
        said[-1]["value"] = f"```python\n{_CODE.format(n=int(rng.integers(5, 90)))}\n```"
    if turns == 3:
        said[-1]["value"] = _REFUSAL.format(name=words.name(rng))
    return {"conversations": said, "source": one_of(rng, ("airoboros", "camel")), "category": None}


def lima(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write LIMA: lists of texts in turn, and a test split of prompts without answers."""
    lines = []
    for number in range(records):
        said = [t for k in range(1 + (number % 5 == 4)) for t in _asked(rng, k)]
        lines.append({"conversations": said, "source": one_of(rng, ("wikihow", "stackexchange"))})
    lines.append({"conversations": ["Where is the mill?"], "source": "multi_turn"})
    tree.plant("lima", "prompt without an answer", "quarantined", "no_answer", str(len(lines) - 1))
    _lines(tree, "lima/train.jsonl", lines)
    prompts = [{"conversations": _asked(rng, 0)[:1], "source": "test"} for _ in range(3)]
    _lines(tree, "lima/test.jsonl", prompts)
    return ["lima"]


def _asked(rng: Rng, number: int) -> list[str]:
    asked = f"Tell me about {words.title(rng)}." if number == 0 else "Can you say more?"
    return [asked, "\n\n".join(words.paragraphs(rng, 2, 2))]


def ultrachat(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write UltraChat: lists of texts in turn, in numbered files."""
    lines: list[Record] = []
    for number in range(records):
        said = [text for k in range(number % 3 + 1) for text in _asked(rng, k)]
        lines.append({"id": str(number), "data": said})
    lines[0]["data"].append("Thank you!")
    tree.plant("ultrachat", "last question unanswered", "notes", "last_question_cut", "0")
    _lines(tree, "ultrachat/train_0.jsonl", lines[: records // 2])
    _lines(tree, "ultrachat/train_1.jsonl", lines[records // 2 :])
    return ["ultrachat"]


def dolly(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Dolly: half of the instructions stand on a passage with marks of Wikipedia."""
    lines = []
    for number in range(records):
        passage, answer = words.paragraphs(rng, 2, 3)
        lines.append(
            {
                "instruction": f"Who looked after {words.title(rng)}?",
                "context": f"{passage} [{number}]" if number % 2 else "",
                "response": answer,
                "category": "closed_qa" if number % 2 else "open_qa",
            }
        )
    lines.append({**lines[0], "response": ""})
    tree.plant("dolly", "empty answer", "quarantined", "empty_answer", str(len(lines) - 1))
    _lines(tree, "dolly/databricks-dolly-15k.jsonl", lines, crlf=True)
    tree.plant("dolly", "Windows line ends", "read", (), "databricks-dolly-15k.jsonl")
    return ["dolly"]


def metamathqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write MetaMathQA: a JSON array of questions in other words."""
    told = []
    for number in range(records):
        asked, steps, answer = _problem(rng)
        response = f"{steps}\nThe answer is: {answer}"
        kind = ("GSM_Rephrased", "MATH_AnsAug", "GSM_SV")[number % 3]
        told.append(
            {"type": kind, "query": asked, "original_question": asked, "response": response}
        )
    return _array(tree, "metamathqa", "MetaMathQA-395K.json", told, "response")


def math_instruct(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write MathInstruct: every second answer is a program."""
    told = []
    for number in range(records):
        asked, steps, answer = _problem(rng)
        output = _CODE.format(n=answer) if number % 2 else f"{steps} The answer is {answer}"
        source = f"data/{('CoT/gsm_rft', 'PoT/aqua')[number % 2]}.json"
        told.append({"source": source, "output": output, "instruction": asked})
    return _array(tree, "math_instruct", "MathInstruct.json", told, "output")


def orca_math(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Orca-Math: one Parquet file."""
    rows: list[Record] = []
    for _ in range(records):
        asked, steps, answer = _problem(rng)
        rows.append({"question": asked, "answer": f"{steps}\n\nTherefore, it is {answer}."})
    rows.append({"question": "How many?", "answer": None})
    tree.plant("orca_math", "no answer", "quarantined", "malformed_record", str(len(rows) - 1))
    tree.write("orca_math/data/train-00000-of-00001.parquet", parquet(rows, group=10))
    return ["orca_math"]


def camel_ai_math(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write CAMEL AI math: a zip with one JSON file a problem."""
    return _camel(tree, rng, records, "math")


def camel_ai_physics(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write CAMEL AI physics in the shape of math."""
    return _camel(tree, rng, records, "physics")


def camel_ai_chemistry(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write CAMEL AI chemistry in the shape of math."""
    return _camel(tree, rng, records, "chemistry")


def camel_ai_biology(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write CAMEL AI biology in the shape of math."""
    return _camel(tree, rng, records, "biology")


def _camel(tree: Tree, rng: Rng, records: int, subject: str) -> list[str]:
    name, out = f"camel_ai_{subject}", io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(records):
            asked, steps, answer = _problem(rng)
            told = {
                "role_1": "Mathematician_RoleType.ASSISTANT",
                "topic;": "Algebra",
                "sub_topic": "Sums",
                "message_1": asked,
                "message_2": f"{steps}\nSo the result is ${answer}$.",
            }
            member = f"{subject}/001_{number // 4 + 1:03d}_{number % 4 + 1:03d}.json"
            _member(packed, member, told)
        unsolved = {"message_1": "What is it?", "message_2": ""}
        _member(packed, f"{subject}/999_001_001.json", unsolved)
        packed.writestr(zipfile.ZipInfo(f"{subject}/999_001_002.json"), b'{"message_1": "Cut')
    tree.write(f"{name}/{subject}.zip", out.getvalue())
    for trap, reason, file in (
        ("empty solution", "empty_answer", "999_001_001.json"),
        ("half a file", "json_invalid", "999_001_002.json"),
    ):
        tree.plant(name, trap, "quarantined", reason, file)
    return [name]


def _member(packed: zipfile.ZipFile, name: str, told: Record) -> None:
    packed.writestr(zipfile.ZipInfo(name), orjson.dumps(told))


def atlas_math_sets(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write AtlasMathSets: template arithmetic, the same sums again and again."""
    lines = []
    for number in range(records):
        a, b = int(rng.integers(2, 9)), int(rng.integers(2, 9))
        asked = ("What is {} plus {}?", "{} + {} =", "Add {} and {}.")[number % 3]
        lines.append({"instruction": asked.format(a, b), "output": str(a + b), "input": ""})
    for split, part in {"train": lines, "val": lines[:3], "test": lines[:3]}.items():
        _lines(tree, f"atlas_math_sets/data/atlas-math-{split}.jsonl", part)
    again = tree.folder / "atlas_math_sets/data/atlas-math-train.jsonl"
    again.write_bytes(again.read_bytes() + b"\n\n{not json\n")
    name = str(len(lines) + 1)
    tree.plant("atlas_math_sets", "line that is no JSON", "quarantined", "json_invalid", name)
    return ["atlas_math_sets"]


def goat(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Goat: sums on large numbers in noisy wordings."""
    told = []
    for number in range(records):
        a, b = int(rng.integers(10**4, 10**12)), int(rng.integers(10**3, 10**9))
        bare, result = f"{a} + {b}", f"{a} + {b} = {a + b}"
        wording = ("Calculate {}.", "what is  {} ?", "{}=?", "Find the SUM: {}")[number % 4]
        told.append(
            {
                "instruction": wording.format(bare.replace(" ", "") if number % 3 else bare),
                "input": bare,
                "output": result,
                "answer": str(a + b),
            }
        )
    return _array(tree, "goat", "dataset.json", told, "output")


def _problem(rng: Rng) -> tuple[str, str, int]:
    """Return a word problem, its steps and its result."""
    who, a, b = words.name(rng), int(rng.integers(3, 60)), int(rng.integers(3, 60))
    asked = f"{who} has {a} lanterns and buys {b} more at the {one_of(rng, words.PLACES)}. "
    asked += "How many lanterns are there now?"
    return asked, f"{who} starts with {a}. After buying {b}: ${a} + {b} = {a + b}$.", a + b


def _array(tree: Tree, source: str, name: str, told: list[Record], answer: str) -> list[str]:
    """Write a JSON array whose last records have no answer at all, and an empty one."""
    told += [{k: v for k, v in told[0].items() if k != answer}, {**told[1], answer: "\n"}]
    last = len(told)
    tree.plant(source, "no answer", "quarantined", "malformed_record", str(last - 2))
    tree.plant(source, "empty answer", "quarantined", "empty_answer", str(last - 1))
    tree.json(f"{source}/{name}", told)
    return [source]


def _lines(tree: Tree, path: str, told: list[Record], crlf: bool = False) -> None:
    dumps: Callable[[Any], bytes] = orjson.dumps
    payload = (b"\r\n" if crlf else b"\n").join(map(dumps, told)) + b"\n"
    tree.write(path, (BOM if crlf else b"") + payload)
