"""DocVQA: questions on pages of industry documents.

Mathew et al. 2021, arXiv:2007.00398.
"""

from cauldron.evaluate.benchmarks.base import BRIEF, LMMS_WORD, STOPS, Benchmark, Protocol
from cauldron.evaluate.benchmarks.shapes import document_items, document_row

_FILES = {"validation": "val", "train": "train"}

BENCHMARK = Benchmark(
    name="docvqa",
    title="DocVQA",
    splits=("validation",),
    train="train",
    official=lambda place, split: document_items(
        place, (f"{_FILES[split]}_v1.0_withQT.json", f"{_FILES[split]}_v1.0.json")
    ),
    hub=document_row,
    hub_repo="lmms-lab/DocVQA",
    hub_config="DocVQA",
    protocols={
        "paper": Protocol(metric="anls_idefics2", prompt=BRIEF, max_new_tokens=32, stops=STOPS),
        "lmms": Protocol(metric="anls_lmms_eval", prompt=LMMS_WORD, max_new_tokens=32),
    },
)
