"""LVIS-Instruct4V: dialogues on COCO pictures that GPT-4V saw, with the boxes of LVIS as a help.

Wang et al. 2023, To See is to Believe: Prompting GPT-4V for Better Visual Instruction Tuning,
arXiv:2311.07574.
"""

from __future__ import annotations

from cauldron.sources._llava import llava_forms
from cauldron.sources.base import Source

SOURCE = Source(
    name="lvis_instruct4v",
    forms=llava_forms(
        "lvis_instruct4v",
        {
            "train": ("lvis_instruct4v_220k.json",),
            "111k": ("lvis_instruct4v_111k.json",),
            "mix880k": ("lvis_instruct4v_mix880k.json", "lvis_instruct4v_llava_mix*.json"),
        },
        "lvis_instruct4v_220k.json of X2FD/LVIS-Instruct4V",
    ),
)
