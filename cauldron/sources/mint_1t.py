"""MINT-1T: documents of the web, of PDFs and of ArXiv as parallel lists of texts and pictures.

Awadalla et al. 2024, MINT-1T: Scaling Open-Source Multimodal Data by 10x, arXiv:2406.11271. The
HTML part names pictures by address; the PDF and ArXiv parts are tars that hold them.
"""

from __future__ import annotations

from cauldron.sources._parallel import Columns, parallel_source
from cauldron.sources._parallel_files import parallel_files_form

SOURCE = parallel_source(
    "mint_1t",
    "Parquet of mlfoundations/MINT-1T-HTML, and a store of its pictures",
    Columns(),
    further=(
        parallel_files_form(
            "mint_1t",
            "the tars of mlfoundations/MINT-1T-PDF-CC-* and MINT-1T-ArXiv (<key>.json, <key>.tiff)",
        ),
    ),
)
