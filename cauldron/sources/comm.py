"""CoMM: documents filtered for coherence, parallel lists of texts and picture addresses.

Chen et al. 2024, CoMM: A Coherent Interleaved Image-Text Dataset for Multimodal Understanding and
Generation, arXiv:2406.10462.
"""

from __future__ import annotations

from cauldron.sources._parallel import Columns, parallel_source

SOURCE = parallel_source(
    "comm",
    "JSON lines (or JSON, Parquet) with texts and picture addresses, and a store of the pictures",
    Columns(texts=("text", "texts"), images=("image_url", "image_urls", "images"), page=()),
    lines=True,
)
