"""Conceptual 12M: 12 million pictures of the web with alt texts.

Changpinyo et al. 2021, Conceptual 12M: Pushing Web-Scale Image-Text Pre-Training To Recognize
Long-Tail Visual Concepts, arXiv:2102.08981. A list of address and caption; names of people are
replaced by `<PERSON>`, which stays as published.
"""

from __future__ import annotations

from cauldron.sources._conceptual import two_column_forms
from cauldron.sources.base import Source

SOURCE = Source(
    name="conceptual_12m",
    forms=two_column_forms(
        "conceptual_12m",
        {"train": ("cc12m*.tsv", "*12m*.tsv")},
        "cc12m.tsv of google-research-datasets/conceptual-12m, and a store of its pictures "
        "(img2dataset)",
    ),
)
