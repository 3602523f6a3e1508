"""ShareGPT4V: long descriptions of pictures by GPT-4V, and chats made with them.

Chen et al. 2023, ShareGPT4V: Improving Large Multi-Modal Models with Better Captions,
arXiv:2311.12793. `train` is the hundred thousand of GPT-4V itself, `captioner` those of a model
trained on them, `mix665k` the whole tuning set of LLaVA with some of them put in.
"""

from __future__ import annotations

from cauldron.sources._llava import llava_forms
from cauldron.sources.base import Source

SOURCE = Source(
    name="sharegpt4v",
    forms=llava_forms(
        "sharegpt4v",
        {
            "train": ("sharegpt4v_instruct_gpt4-vision_cap100k.json",),
            "captioner": ("share-captioner_coco_lcs_sam_1246k*.json",),
            "mix665k": ("sharegpt4v_mix665k*.json",),
        },
        "sharegpt4v_instruct_gpt4-vision_cap100k.json of Lin-Chen/ShareGPT4V",
    ),
)
