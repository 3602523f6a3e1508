"""OK-VQA: questions on photographs of COCO that need knowledge from outside.

Marino et al. 2019, arXiv:1906.00067. The released answers are stemmed; predictions are not here.
"""

from cauldron.evaluate.benchmarks.base import Benchmark, Protocol
from cauldron.evaluate.benchmarks.shapes import VQA_ABLATION, VQA_PAPER, vqa_items, vqa_row

_FILES = {"val2014": "val2014", "train": "train2014"}
_LMMS = (
    "{question}\nWhen the provided information is insufficient, respond with 'Unanswerable'.\n"
    "Answer the question using a single word or phrase."
)

BENCHMARK = Benchmark(
    name="okvqa",
    title="OK-VQA",
    splits=("val2014",),
    train="train",
    official=lambda place, split: vqa_items(
        place,
        (f"OpenEnded_mscoco_{_FILES[split]}_questions.json",),
        (f"mscoco_{_FILES[split]}_annotations.json",),
        f"COCO_{_FILES[split]}_{{image_id:012d}}.jpg",
    ),
    hub=vqa_row,
    hub_repo="lmms-lab/OK-VQA",
    protocols={
        "paper": VQA_PAPER,
        "ablation": VQA_ABLATION,
        "lmms": Protocol(metric="textvqa_accuracy_lmms_eval", prompt=_LMMS),
    },
)
