"""RenderedText for pre-training: a picture of a passage, then the passage, and no request.

wendlerc/RenderedText as the page stage of Idefics2 reads it, mixed with PDFA and OCR-IDL; as
question and answer it is the source `rendered_text`. Lines are joined by line breaks, because here
a break is a real one.
"""

from __future__ import annotations

from cauldron.readers import open_tar_sample, tar_samples
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._rendered import passage_of, rendered_forms
from cauldron.sources.base import Source


def _convert(row: Row) -> Draft | Reject | Skip:
    found = passage_of(row)
    if isinstance(found, Reject):
        return found
    picture, passage = found
    if not passage.strip():
        return Reject(reason="no_text")
    return Draft(images=(picture,), parts=(0, passage))


SOURCE = Source(
    name="rendered_text_pretrain",
    forms=rendered_forms("rendered_text_pretrain", tar_samples, open_tar_sample, _convert),
)
