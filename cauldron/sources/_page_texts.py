"""The text of a document's pages as JSON files have it, each line by itself, in the file's order.

Known are PDFA (`pages` of `lines` and `words`), OCR-IDL (`pages` of flat `text`), what Textract
answers (`Blocks`), and plain text with a form feed between pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cauldron.phrasing import text

Lines = list[str]


def texts_of(told: Any, min_score: float = 0.0) -> list[Lines]:
    """Return the lines of each page.

    Args:
        min_score: lines of a lower score are left out; scores in percent are taken as shares.

    Raises:
        ValueError, KeyError, TypeError: if it is in none of the known shapes.
    """
    if isinstance(told, list) or "Blocks" in told:
        return _textract(told if isinstance(told, list) else [told], min_score)
    return [_lines(page, min_score) for page in told["pages"]]


def _lines(page: dict[str, Any], min_score: float) -> Lines:
    level = page.get("lines")
    if level is not None:
        return _kept(level["text"], level.get("score"), min_score)
    if "text" in page:
        return _kept(page["text"], page.get("score"), min_score)
    words = page.get("words")
    return _from_words(words, min_score) if words else []


def _kept(lines: Iterable[Any], scores: list[Any] | None, min_score: float) -> Lines:
    spelt = [text(line) for line in lines]
    if min_score and scores:
        good = [_share(score) >= min_score for score in scores]
        spelt = [line for line, keeps in zip(spelt, good, strict=True) if keeps]
    return [line for line in spelt if line.strip()]


def _share(score: Any) -> float:
    return float(score) / 100 if float(score) > 1 else float(score)


def _from_words(words: dict[str, Any], min_score: float) -> Lines:
    """Put the words of a page without lines together by their line numbers."""
    lines: dict[int, list[str]] = {}
    scores: dict[int, float] = {}
    known = words.get("score") or [1.0] * len(words["text"])
    for word, (line, _), score in zip(words["text"], words["line_pos"], known, strict=True):
        lines.setdefault(int(line), []).append(text(word))
        scores[int(line)] = min(scores.get(int(line), 1.0), _share(score))
    order = sorted(lines)
    spelt = [" ".join(lines[line]) for line in order]
    return _kept(spelt, [scores[line] for line in order], min_score)


def _textract(answers: list[Any], min_score: float) -> list[Lines]:
    """Join LINE blocks by page, in the order of the file; a long document has several answers."""
    pages: dict[int, Lines] = {}
    last = 0
    for answer in answers:
        last = max(last, int(answer.get("DocumentMetadata", {}).get("Pages", 0)))
        for block in answer["Blocks"]:
            page = int(block.get("Page", 1))
            last = max(last, page)
            if block["BlockType"] == "LINE":
                scores = [block.get("Confidence", 100)]
                pages.setdefault(page, []).extend(_kept([block["Text"]], scores, min_score))
    if last > 100 * (len(pages) + 100):
        raise ValueError(f"page {last} of a document of {len(pages)} pages")
    return [pages.get(page, []) for page in range(1, last + 1)]


def texts_of_ocr(data: bytes) -> list[Lines]:
    """Return the lines of each page of plain text; a mark and Windows line ends are allowed."""
    spelt = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    pages = spelt.removesuffix("\f").split("\f")
    return [[line for line in page.split("\n") if line.strip()] for page in pages]
