"""MINT-1T, its HTML part: web documents as parallel lists of texts and picture addresses.

Awadalla et al. 2024, MINT-1T: Scaling Open-Source Multimodal Data by 10x, arXiv:2406.11271.
"""

from __future__ import annotations

from cauldron.sources._parallel import Columns, parallel_source

SOURCE = parallel_source(
    "mint_1t",
    "Parquet of mlfoundations/MINT-1T-HTML, and a store of its pictures",
    Columns(),
)
