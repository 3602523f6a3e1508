"""VQAv2: questions on photographs of COCO, ten answers each.

Goyal et al. 2017, arXiv:1612.00837.
"""

from cauldron.evaluate.benchmarks.base import LMMS_WORD, Benchmark, Protocol
from cauldron.evaluate.benchmarks.shapes import VQA_ABLATION, VQA_PAPER, vqa_items, vqa_row

_FILES = {"validation": "val2014", "train": "train2014"}

BENCHMARK = Benchmark(
    name="vqav2",
    title="VQAv2",
    splits=("validation",),
    train="train",
    official=lambda place, split: vqa_items(
        place,
        (f"*OpenEnded_mscoco_{_FILES[split]}_questions.json",),
        (
            f"*v2_mscoco_{_FILES[split]}_annotations.json",
            f"mscoco_{_FILES[split]}_annotations.json",
        ),
        f"COCO_{_FILES[split]}_{{image_id:012d}}.jpg",
    ),
    hub=vqa_row,
    hub_repo="lmms-lab/VQAv2",
    protocols={
        "paper": VQA_PAPER,
        "ablation": VQA_ABLATION,
        "lmms": Protocol(metric="vqa_accuracy_lmms_eval", prompt=LMMS_WORD),
        "official": Protocol(metric="vqa_accuracy", prompt=LMMS_WORD),
    },
)
