"""IAM: lines and sentences of English handwriting with their transcription.

Marti and Bunke 2002, The IAM-database, IJDAR 5. One picture is one sample. The official files hold
the words of the transcription one by one; blanks that stand on no paper, in front of marks and
inside quotes, are taken out again, and the words stay beside the sample.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from itertools import islice

from cauldron.phrasing import text
from cauldron.readers import text_lines
from cauldron.readers.raw import Found, Raw, Row
from cauldron.sample import Draft, Picture, Reject, Skip, Turn
from cauldron.sources._places import cell_picture, parquet_form, placed
from cauldron.sources._wording import detokenised, requested
from cauldron.sources.base import Form, Source

REQUESTS = (
    "Transcribe the handwriting in this image.",
    "What does the handwritten text say?",
    "Read the handwriting and write it down.",
    "Write out the text of this image.",
    "What is written here?",
    "Give the text of this handwritten line.",
    "Please transcribe the handwritten words.",
    "Turn this handwriting into plain text.",
    "Type out what is written by hand.",
    "Can you read this handwriting? Give its exact words.",
    "What words are written in the picture?",
    "Provide a transcription of the handwriting.",
    "Copy the handwritten text as it stands.",
    "Read the image and return its text.",
    "Which text is written by hand in this image?",
    "State the exact text of the handwriting.",
    "Convert the handwritten text to typed text.",
    "Write down the words that you can read in the image.",
    "Spell out the handwritten text.",
    "Give a word-for-word transcription.",
)
_RECORD = re.compile(
    r"(?P<id>\w+-\w+(?:-s\d+)?-\d+) (?:\d+ )?(?P<status>ok|err) "
    r"-?\d+ \d+ (?:-?\d+ ){4}(?P<words>.*)"
)
_QUOTED = re.compile(r'"\s*([^"]*?)\s*"')


def _files(kind: str) -> Callable[[Raw, str], list[Found]]:
    def files(raw: Raw, split: str) -> list[Found]:
        found = raw.find(f"{kind}.txt") if split == "train" else []
        return [f for f in found if _is_listing(raw, f)][:1]

    return files


def _is_listing(raw: Raw, found: Found) -> bool:
    lines = (row.data for row in islice(_read(raw, found, "train"), 20))
    return any(isinstance(line, str) and _RECORD.fullmatch(line) for line in lines)


def _read(raw: Raw, found: Found, split: str) -> Iterator[Row]:
    """Rows of the lines that are no comments; `#` also stands inside transcriptions."""
    for row in text_lines(raw, found, split, "iam"):
        if not (isinstance(row.data, str) and row.data.startswith("#")):
            yield row


def _rows(raw: Raw, found: list[Found], split: str) -> Iterator[Row]:
    for file in found:
        yield from _read(raw, file, split)


def written(words: str) -> str:
    """Return the words of a transcription (`A|MOVE|to|stop|.`) as they stand on paper."""
    return _QUOTED.sub(r'"\1"', detokenised(words.replace("|", " ")))


def _turn(row: Row, answer: str) -> Turn:
    asked = requested(row, REQUESTS)
    return Turn(user=asked, assistant=answer, extra={"question": REQUESTS[0]})


def _convert(kind: str) -> Callable[[Row], Draft | Reject | Skip]:
    def convert(row: Row) -> Draft | Reject | Skip:
        match = _RECORD.fullmatch(row.data)
        if not match:
            return Reject(reason="line_malformed", detail=row.data[:200])
        if match["status"] == "err":
            return Skip(reason="segmentation_error")
        words = html.unescape(match["words"])
        writer, form = match["id"].split("-")[:2]
        folder, name = f"{writer}/{writer}-{form}", f"{match['id']}.png"
        places = placed(row, f"{folder}/{name}", kind)
        answer = words.replace("|", " ") if row.plain else written(words)
        return Draft(
            images=(Picture(path=name, candidates=(*places, name)),),
            turns=(_turn(row, answer),),
            extra={"form": f"{writer}-{form}", "words": words},
        )

    return convert


def _mirror_convert(row: Row) -> Draft | Reject | Skip:
    answer = text(row.data["text"]).strip()
    return Draft(images=(cell_picture(row, row.data["image"]),), turns=(_turn(row, answer),))


def _form(name: str, kind: str) -> Form:
    files = _files(kind)
    return Form(
        name=name,
        files=files,
        splits=lambda raw: ["train"] if files(raw, "train") else [],
        rows=_rows,
        key=lambda row: row.data.split(" ", 1)[0],
        convert=_convert(kind),
        wanted=f"ascii/{kind}.txt of ascii.tgz beside {kind}/ of {kind}.tgz (IAM, registration)",
    )


SOURCE = Source(
    name="iam",
    forms=(
        _form("official", "sentences"),
        _form("lines", "lines"),
        parquet_form(
            "iam",
            lambda has: {"image", "text"} <= has,
            _mirror_convert,
            "Parquet of alpayariyak/IAM_Sentences (image, text) or of Teklia/IAM-line",
        ),
    ),
)
