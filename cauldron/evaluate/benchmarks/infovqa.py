"""InfographicVQA: questions on infographics.

Mathew et al. 2022, arXiv:2104.12756.
"""

from cauldron.evaluate.benchmarks.base import BRIEF, LMMS_WORD, STOPS, Benchmark, Protocol
from cauldron.evaluate.benchmarks.shapes import document_items, document_row

_FILES = {"validation": "val", "train": "train"}

BENCHMARK = Benchmark(
    name="infovqa",
    title="InfographicVQA",
    splits=("validation",),
    train="train",
    official=lambda place, split: document_items(
        place, (f"infographicsVQA_{_FILES[split]}_v1.0*.json",)
    ),
    hub=document_row,
    hub_repo="lmms-lab/DocVQA",
    hub_config="InfographicVQA",
    protocols={
        "paper": Protocol(metric="anls_idefics2", prompt=BRIEF, max_new_tokens=32, stops=STOPS),
        "lmms": Protocol(metric="anls_lmms_eval", prompt=LMMS_WORD, max_new_tokens=32),
    },
)
