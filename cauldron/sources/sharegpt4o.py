"""ShareGPT-4o: descriptions of pictures by GPT-4o.

OpenGVLab/ShareGPT-4o, the part `image_caption`: JSON lines in the LLaVA shape and pictures in zips.
"""

from __future__ import annotations

from cauldron.sources._llava import llava_forms
from cauldron.sources.base import Source

SOURCE = Source(
    name="sharegpt4o",
    forms=llava_forms(
        "sharegpt4o",
        {"train": ("image_conversations/gpt-4o.jsonl", "gpt-4o.jsonl")},
        "image_conversations/gpt-4o.jsonl of OpenGVLab/ShareGPT-4o",
        pictures="the zips of pictures of OpenGVLab/ShareGPT-4o, packed or unpacked",
    ),
)
