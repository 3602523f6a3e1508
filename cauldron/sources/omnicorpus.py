"""OmniCorpus: web documents of Common Crawl, parallel lists of texts and picture addresses.

Li et al. 2024, OmniCorpus: A Unified Multimodal Corpus of 10 Billion-Level Images Interleaved with
Text, arXiv:2406.08418. What is known of a picture is a list of records, not JSON text.
"""

from __future__ import annotations

from cauldron.sources._parallel import Columns, parallel_source

SOURCE = parallel_source(
    "omnicorpus",
    "Parquet of OpenGVLab/OmniCorpus-CC (or -CC-210M), and a store of its pictures",
    Columns(),
)
