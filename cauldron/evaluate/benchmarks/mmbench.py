"""MMBench: multiple choice that counts only when every rotation of the options is answered right.

Liu et al. 2023, arXiv:2307.06281. Files without rotations get them here; rotations of one question
have the same index modulo 1,000,000.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cauldron.evaluate.benchmarks.base import LETTER, STOPS, Benchmark, Item, Protocol, lettered
from cauldron.evaluate.benchmarks.place import Picture, Place, from_base64, stored

_ROUND = 1_000_000
_LMMS = (
    "{hint}{question} There are several options:\n{choices}\n\n"
    "Answer with the option's letter from the given choices directly."
)


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the questions of the TSV file of a split; the picture may stand at an earlier index."""
    rows = list(place.table(f"*{split}*.tsv", f"*{split.upper()}*.tsv"))
    coded = {row["index"]: row["image"] for row in rows}
    rotated = any(int(row["index"]) >= _ROUND for row in rows)
    for row in rows:
        text = row["image"] if len(row["image"]) > 64 else coded.get(row["image"], row["image"])
        yield from _rotations(row, from_base64(text), rotated)


def hub(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a row; the hub's files hold the rotations."""
    return next(iter(_rotations(row, stored(row["image"]), True)))


def _rotations(row: Mapping[str, Any], image: Picture, given: bool) -> Iterator[Item]:
    index, hint = int(row["index"]), _told(row.get("hint"))
    options = [text for letter in "ABCD" if (text := _told(row.get(letter)))]
    right = "ABCD".index(row["answer"])
    for turn in range(1 if given else len(options)):
        shown = options[turn:] + options[:turn]
        yield Item(
            id=str(index + turn * _ROUND),
            question=row["question"],
            images=(image,),
            references=("ABCD"[(right - turn) % len(options)],),
            choices=tuple(shown),
            hint=hint,
            fields={
                "choices": lettered(shown),
                "category": row.get("category") or "",
                "l2-category": row.get("l2-category") or row.get("L2-category") or "",
                "question_index": index % _ROUND,
            },
        )


def _told(value: Any) -> str:
    return "" if value is None or str(value) == "nan" else str(value)


def circular(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the share of questions right in every rotation, beside that of the first as given."""
    groups: dict[int, list[float]] = {}
    first = [row["score"] or 0.0 for row in rows if int(row["id"]) < _ROUND]
    for row in rows:
        groups.setdefault(row["question_index"], []).append(row["score"] or 0.0)
    right = [float(min(scores) == 1) for scores in groups.values()]
    return {
        "circular": sum(right) / max(len(right), 1),
        "vanilla": sum(first) / max(len(first), 1),
        "questions": len(groups),
    }


BENCHMARK = Benchmark(
    name="mmbench",
    title="MMBench",
    splits=("dev",),
    official=official,
    hub=hub,
    hub_repo="lmms-lab/MMBench",
    hub_config="en",
    extra=circular,
    protocols={
        "paper": Protocol(
            metric="mmbench_vlmevalkit", prompt="{hint}" + LETTER, max_new_tokens=32, stops=STOPS
        ),
        "lmms": Protocol(metric="mmbench_lmms_eval", prompt=_LMMS, hint="{} ", max_new_tokens=1024),
    },
)
