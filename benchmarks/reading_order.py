r"""Reading order of real PDF files: ours, and that of PyMuPDF's own text in both of its orders.

    python benchmarks/reading_order.py FOLDER

FOLDER holds `NAME.pdf` beside `NAME.md` (or .txt), the text as a person reads it. Its sentences are
looked for in each extraction. Of all sentences that follow each other in the true text, the share
is told that stand behind each other, none between them; one that is torn apart, by a column, a head
or a hyphen, is found by nobody and counts as wrong: a reader of the text meets it torn. A sentence
that stands at several places, as a heading does in a table of contents, is looked for at all of
them, or else the first place would decide. Marks of Markdown and HTML in the true text (`\_`,
`&amp;`) are no letters of it. `order` looks at letters and digits only, so
that hyphens and blanks do not count; `text` looks at whole words, as a reader of the text would.
Promise: ours beats `get_text()` in `text` over all files together, and is not behind it in `order`.
"""

from __future__ import annotations

import argparse
import html
import itertools
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pymupdf

from cauldron.media.pdf import PdfFacts, read_pages
from cauldron.media.pdf_document import interleaved

_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n\s*\n")
_MARKUP = re.compile(
    r"<!--[^>]*-->|!\[[^\]]*\]\([^)]*\)|^[ \t]*\|[^\n]*$|^[#>*-]+ |```[^`]*```|\$\$[^$]*\$\$", re.M
)
_ESCAPED = re.compile(r"\\([_*#<>\[\]`])")
_BULLET = re.compile(r"^\s*(?:/?SM\d+\s*|\w\s+)")
MIN_LETTERS = 25


def letters(text: str) -> str:
    """Return letters and digits in lower case, ligatures spelt out."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum())


def words(text: str) -> str:
    """Return words in lower case with a blank around each, ligatures spelt out."""
    spelt = unicodedata.normalize("NFKC", text).lower()
    return " ".join(["", *re.findall(r"\w+", spelt), ""])


def sentences(text: str) -> list[str]:
    """Return the sentences of a true text that are long enough and stand there once.

    Marks of lists, also as names of glyphs and as a single letter, are no part of a sentence.
    """
    plain = html.unescape(_ESCAPED.sub(r"\1", _MARKUP.sub("\n\n", text)))
    pieces = _SENTENCE.split(plain)
    found = [_BULLET.sub("", piece).strip() for piece in pieces]
    seen = Counter(map(letters, found))
    return [one for one in found if len(letters(one)) >= MIN_LETTERS and seen[letters(one)] == 1]


def right_pairs(true: list[str], text: str, spelt: Callable[[str], str]) -> int:
    """Return how many neighbours of the true order are neighbours in an extraction, at any place.

    A sentence that stands inside a longer one, as a heading's words in the text below it, is not
    met there.
    """
    whole = spelt(text)
    met: list[tuple[int, int, str]] = []
    for one in true:
        wanted = spelt(one)
        met += [(m.start(), -len(wanted), one) for m in re.finditer(re.escape(wanted), whole)]
    order: list[str] = []
    reached = 0
    for start, length, one in sorted(met):
        if start - length > reached:
            order.append(one)
            reached = start - length
    neighbours = set(itertools.pairwise(order))
    return sum(pair in neighbours for pair in itertools.pairwise(true))


def extractions(path: Path) -> dict[str, str]:
    """Return the text of a file in each order."""
    pages = list(read_pages(path.read_bytes(), PdfFacts()))
    parts, _ = interleaved(pages)
    with pymupdf.open(path) as document:
        plain = "\n".join(page.get_text() for page in document)
        by_place = "\n".join(page.get_text(sort=True) for page in document)
    ours = "\n".join(part for part in parts if isinstance(part, str))
    return {"cauldron": ours, "get_text": plain, "get_text_sort": by_place}


def main() -> None:
    """Measure and print one JSON object a file, and one for all."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", type=Path)
    total: Counter[tuple[str, str]] = Counter()
    pairs = 0
    for path in sorted(options.parse_args().folder.glob("*.pdf")):
        told = next((p for end in (".md", ".txt") if (p := path.with_suffix(end)).is_file()), None)
        true = sentences(told.read_text(encoding="utf-8")) if told else []
        if len(true) < 2:
            continue
        right = Counter(
            {
                (measure, name): right_pairs(true, text, spelt)
                for name, text in extractions(path).items()
                for measure, spelt in MEASURES.items()
            }
        )
        _show(path.name, len(true) - 1, right)
        total.update(right)
        pairs += len(true) - 1
    _show("all", pairs, total)
    ours, plain = (Counter({m: total[m, name] for m in MEASURES}) for name in NAMES[:2])
    if ours["text"] <= plain["text"] or ours["order"] < plain["order"]:
        raise SystemExit("ours does not beat the default order")


def _show(name: str, pairs: int, right: Counter[tuple[str, str]]) -> None:
    shares = {
        measure: {of: round(right[measure, of] / max(pairs, 1), 3) for of in NAMES}
        for measure in MEASURES
    }
    print(json.dumps({"file": name, "pairs": pairs, **shares}))


MEASURES: dict[str, Callable[[str], str]] = {"order": letters, "text": words}
NAMES = ("cauldron", "get_text", "get_text_sort")


if __name__ == "__main__":
    main()
