"""HallusionBench: yes-or-no questions that a picture, or a changed one, answers against habit.

Guan et al. 2024, arXiv:2310.14566. The official route asks a paid model whether a reply agrees with
the answer; here "yes" or "no" is read from it, as VLMEvalKit does.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cauldron.evaluate.benchmarks.base import STOPS, Benchmark, Item, Protocol
from cauldron.evaluate.benchmarks.place import Picture, Place, stored

_FIELDS = ("category", "subcategory", "set_id", "figure_id", "question_id")


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the questions of HallusionBench.json that have a picture."""
    for row in place.json("HallusionBench.json"):
        if str(row["visual_input"]) != "0":
            yield _item(row, place.picture(row["filename"].removeprefix("./")))


def hub(row: Mapping[str, Any], split: str) -> Item | None:
    """Return the item of a row with a picture."""
    return _item(row, stored(row["image"])) if row.get("image") else None


def _item(row: Mapping[str, Any], picture: Picture) -> Item:
    named = [str(row[key]) for key in _FIELDS]
    return Item(
        id="/".join(named),
        question=row["question"],
        images=(picture,),
        references=("yes" if str(row["gt_answer"]) == "1" else "no",),
        fields={key: str(row[key]) for key in _FIELDS},
    )


def grouped(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return accuracy by question, by figure and by question over its figures."""

    def every(*keys: str) -> float:
        groups: dict[tuple[str, ...], float] = {}
        for row in rows:
            key = tuple(row[k] for k in ("category", "subcategory", "set_id", *keys))
            groups[key] = min(groups.get(key, 1.0), row["score"] or 0.0)
        return sum(groups.values()) / max(len(groups), 1)

    scores = [row["score"] or 0.0 for row in rows]
    return {
        "aAcc": sum(scores) / max(len(scores), 1),
        "fAcc": every("figure_id"),
        "qAcc": every("question_id"),
    }


BENCHMARK = Benchmark(
    name="hallusionbench",
    title="HallusionBench",
    splits=("image",),
    official=official,
    hub=hub,
    hub_repo="lmms-lab/HallusionBench",
    extra=grouped,
    protocols={
        "paper": Protocol(
            metric="yes_no_vlmevalkit", prompt="{question}\nAnswer yes or no.", stops=STOPS
        ),
        "lmms": Protocol(metric="yes_no_vlmevalkit", prompt="{question}", max_new_tokens=128),
    },
)
