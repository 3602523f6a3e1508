"""TextVQA: questions on what is written in photographs.

Singh et al. 2019, arXiv:1904.08920.
"""

from collections.abc import Iterator

from cauldron.evaluate.benchmarks.base import Benchmark, Item, Protocol
from cauldron.evaluate.benchmarks.place import Place
from cauldron.evaluate.benchmarks.shapes import VQA_ABLATION, VQA_PAPER, vqa_row

_FILES = {"validation": "val", "train": "train"}
_LMMS = "{Question}\nAnswer the question using a single word or phrase."


def official(place: Place, split: str) -> Iterator[Item]:
    """Yield the questions of TextVQA_0.5.1_*.json."""
    for row in place.json(f"TextVQA_*_{_FILES[split]}.json")["data"]:
        yield Item(
            id=str(row["question_id"]),
            question=row["question"],
            images=(place.picture(f"{row['image_id']}.jpg"),),
            references=tuple(row["answers"]),
        )


BENCHMARK = Benchmark(
    name="textvqa",
    title="TextVQA",
    splits=("validation",),
    train="train",
    official=official,
    hub=vqa_row,
    hub_repo="lmms-lab/textvqa",
    protocols={
        "paper": VQA_PAPER,
        "ablation": VQA_ABLATION,
        "lmms": Protocol(metric="textvqa_accuracy_lmms_eval", prompt=_LMMS),
    },
)
