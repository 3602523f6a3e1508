"""VizWiz-VQA: questions that blind people asked about photographs they took.

Gurari et al. 2018, arXiv:1802.08218.
"""

from collections.abc import Iterator

from cauldron.evaluate.benchmarks.base import Benchmark, Item, Protocol
from cauldron.evaluate.benchmarks.place import Place
from cauldron.evaluate.benchmarks.shapes import VQA_PAPER, texts, vqa_row

_LMMS = (
    "{Question}\nWhen the provided information is insufficient, respond with 'Unanswerable'.\n"
    "Answer the question using a single word or phrase."
)


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the questions of val.json; the picture's name is the id."""
    for row in place.json(f"{split}.json"):
        yield Item(
            id=row["image"],
            question=row["question"],
            images=(place.picture(f"{split}/{row['image']}", row["image"]),),
            references=texts(row["answers"]),
            fields={"answer_type": row.get("answer_type", "")},
        )


BENCHMARK = Benchmark(
    name="vizwiz",
    title="VizWiz-VQA",
    splits=("val",),
    train="train",
    official=official,
    hub=vqa_row,
    hub_repo="lmms-lab/VizWiz-VQA",
    protocols={
        "paper": VQA_PAPER,
        "lmms": Protocol(metric="textvqa_accuracy_lmms_eval", prompt=_LMMS),
    },
)
