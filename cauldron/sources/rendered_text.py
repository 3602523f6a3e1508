"""RenderedText: passages of text rendered in three dimensions, to be transcribed.

The set of C. Wendler on the hub (wendlerc/RenderedText), about 12 million pictures in WebDataset
tars. The lines of a passage are joined by line breaks and kept letter for letter. A tar is read in
one go by a worker; name some tars or use a limit, since few need all of them.
"""

from __future__ import annotations

from cauldron.readers import open_tar_shard, tar_shards
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Reject, Skip, Turn
from cauldron.sources._rendered import passage_of, rendered_forms
from cauldron.sources._wording import requested
from cauldron.sources.base import Source

REQUESTS = (
    "Transcribe the text in the picture.",
    "What does the text in this image say?",
    "Read out the text that is shown.",
    "Write down the text you see in the image.",
    "Copy the text of the picture, line by line.",
    "Which words can be read in this picture?",
    "Please give the full text in the image.",
    "Extract the text from this picture.",
    "Type out what is written here.",
    "Reproduce the writing in the image exactly.",
)


def _convert(row: Row) -> Draft | Reject | Skip:
    found = passage_of(row)
    if isinstance(found, Reject):
        return found
    picture, passage = found
    if not passage.strip():
        return Skip(reason="empty_text")
    turn = Turn(user=requested(row, REQUESTS), assistant=passage, extra={"question": REQUESTS[0]})
    return Draft(images=(picture,), turns=(turn,))


SOURCE = Source(
    name="rendered_text",
    forms=rendered_forms("rendered_text", tar_shards, open_tar_shard, _convert),
)
