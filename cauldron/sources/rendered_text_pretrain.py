"""RenderedText for pre-training: a picture of a passage, then the passage, and no request.

wendlerc/RenderedText as the page stage of Idefics2 reads it, mixed with PDFA and OCR-IDL; as
question and answer it is the source `rendered_text`. Lines are joined by line breaks, because here
a break is a real one.
"""

from __future__ import annotations

from collections.abc import Iterator

from cauldron.readers import open_tar_sample, tar_samples
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Reject, Skip
from cauldron.sources._places import parquet_form
from cauldron.sources._rendered import is_copy, passage_of, tars
from cauldron.sources.base import Form, Source


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    yield from tar_samples(found, split, "rendered_text_pretrain")


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
    forms=(
        Form(
            name="official",
            files=tars,
            splits=lambda raw: ["train"] if tars(raw, "train") else [],
            rows=_rows,
            key=lambda row: f"{row.file.removesuffix('.tar')}/{row.record}",
            convert=_convert,
            open=open_tar_sample,
            wanted="tars of wendlerc/RenderedText, such as 000000.tar",
        ),
        parquet_form(
            "rendered_text_pretrain",
            is_copy,
            _convert,
            "the hub's Parquet conversion of wendlerc/RenderedText (default/partial-train/)",
            splits={"train": ("train",)},
        ),
    ),
)
