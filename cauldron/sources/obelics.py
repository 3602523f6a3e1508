"""OBELICS: web documents as published, parallel lists of texts and picture addresses.

Laurençon et al. 2023, OBELICS: An Open Web-Scale Filtered Dataset of Interleaved Image-Text
Documents, arXiv:2306.16527.
"""

from __future__ import annotations

from cauldron.sources._parallel import Columns, parallel_source
from cauldron.sources._training_tars import training_tars_form

_ABOUT = (
    "src document_url unformatted_src alt_text rendered_width rendered_height original_width "
    "original_height format formatted_filename"
).split()

SOURCE = parallel_source(
    "obelics",
    "Parquet of HuggingFaceM4/OBELICS, and a store of its pictures (img2dataset, cauldron fetch)",
    Columns(keys=tuple(_ABOUT)),
    further=(training_tars_form("obelics"),),
)
