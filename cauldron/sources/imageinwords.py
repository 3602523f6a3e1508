"""ImageInWords 400: very long descriptions that people wrote of pictures of DOCCI.

Garg et al. 2024, ImageInWords: Unlocking Hyper-Detailed Image Descriptions, arXiv:2405.02793. JSON
lines with the text under `IIW` and the picture's name under `image/key`.
"""

from __future__ import annotations

from cauldron.phrasing import text
from cauldron.readers.raw import Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._chats import record_forms
from cauldron.sources._places import placed
from cauldron.sources._wording import requested
from cauldron.sources.base import Source

REQUESTS = (
    "Describe this picture in full detail.",
    "Write a long and exact description of the image.",
    "What can be seen here? Leave nothing out.",
    "Give a thorough description of everything in the picture.",
    "Put the whole image into words, from the main things to the small ones.",
    "Describe the picture so that somebody could paint it from your words.",
    "Tell me all that the image shows: things, colours, places, light.",
    "I cannot see the picture. Describe it to me as exactly as you can.",
    "Please write a complete description of this photograph.",
    "Go through the picture part by part and describe each one.",
    "What does the image look like? Answer at length.",
    "Describe foreground, background and everything between them.",
)


def _convert(row: Row) -> Draft | Reject | Skip:
    name = text(row.data["image/key"])
    name = name if "." in name else f"{name}.jpg"
    turn = Turn(
        user=requested(row, REQUESTS),
        assistant=text(row.data["IIW"]).strip(),
        extra={"question": REQUESTS[0]},
    )
    picture = Picture(path=name, candidates=placed(row, name, "images", "docci"))
    return Draft(images=(picture,), turns=(turn,))


SOURCE = Source(
    name="imageinwords",
    forms=record_forms(
        "imageinwords",
        {"train": ("IIW-400/data.jsonl", "iiw-400*.jsonl")},
        {"IIW", "image/key"},
        _convert,
        "IIW-400/data.jsonl of google/imageinwords",
        pictures="the pictures of DOCCI (docci_images.tar.gz): name the folder that holds them as "
        "a further raw folder",
    ),
)
