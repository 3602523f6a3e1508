"""Conceptual Captions: 3.3 million pictures of the web with cleaned alt texts.

Sharma et al. 2018, Conceptual Captions: A Cleaned, Hypernymed, Image Alt-text Dataset For Automatic
Image Captioning, ACL. A list of caption and address.
"""

from __future__ import annotations

from cauldron.sources._conceptual import two_column_forms
from cauldron.sources.base import Source

_NAMES = {
    "train": ("Train*GCC*.tsv", "cc3m*.tsv"),
    "val": ("Validation*GCC*.tsv",),
}
SOURCE = Source(
    name="conceptual_captions",
    forms=two_column_forms(
        "conceptual_captions",
        _NAMES,
        "Train_GCC-training.tsv of ai.google.com/research/ConceptualCaptions, and a store of its "
        "pictures (img2dataset)",
    ),
)
