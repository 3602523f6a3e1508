"""Lines of a PDF to clean text: paragraphs, words broken at line ends, garbled pages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from cauldron.media.pdf_joins import BROKEN, joined
from cauldron.media.pdf_parts import Block, TextLine

_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
    | {"\uf0b7": "•", "\uf0a7": "•", "\xa0": " ", "\u2028": " ", "\u2029": " ", "\ufffd": " "}
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2060\ufeff\ue000-\uf8ff]")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_ENDS = tuple(".!?:;…。！？")
_INDENT_EM = 0.8
_SHORT = 0.15
_OTHER_SIZE = 0.15
_WORDED = re.compile(r"[^\W\d_]{4,}")
_MARK = re.compile("^\\s*[\x01-\x08\x0e-\x1f\ue000-\uf8ff](?=\\s+\\S)")
"""A bullet of a font that tells no letters."""
_NUMBERED = re.compile(r"\s*(?:\[\w{1,12}\]|\(?\d{1,3}[.)]?|[-•◦▪‣*–])\s")

MAX_GARBLED = 0.5
MAX_BAD_LETTERS = 0.05
MAX_UNKNOWN = 0.3
MAX_SINGLE_LETTER_WORDS = 0.3
MIN_STOP_WORDS = 0.01
_JUDGED_WORDS = 50
_JUDGED_LETTERS = 100
_STOP_WORDS = frozenset(
    """
    the of and to in is for that with as on by are be this from it or an at was not which we can
    de la et le les des en un une est que du pour dans par sur qui au el los las del por con se
    der die und den von zu das mit ist auf für im ein eine nicht di il che per una sono da
    o os do em não uma para van het een dat og av som på är till att non ut sit sed ac vel nec
    """.split()
)


def clean(text: str) -> str:
    """Return text in NFC: ligatures spelt out, no control, private or replacement characters."""
    text = unicodedata.normalize("NFC", _MARK.sub("•", text).translate(_LIGATURES))
    return _CONTROLS.sub("", text)


def words_of(lines: Iterable[TextLine]) -> set[str]:
    """Return the words that stand inside lines, in lower case, hyphens kept.

    The last word of a line is left out where a hyphen breaks it.
    """
    known: set[str] = set()
    for line in lines:
        text = clean(line.text).rstrip()
        text = BROKEN.sub("", text)
        known.update(word.lower() for word in _WORD.findall(text))
    return known


def paragraphs(block: Block, known: set[str]) -> list[str]:
    """Return the paragraphs of a block, lines joined; rows of a table stay on lines of their own.

    Args:
        known: the words of the whole document, by which broken words are joined.
    """
    out: list[str] = []
    last: TextLine | None = None
    hanging = _is_hanging(block)
    for line in block.lines:
        text = " ".join(clean(line.text).split())
        if not text:
            continue
        if last is None or _begins(last, line, block) or (hanging and _is_flush(line, block)):
            out.append(text)
        elif last.cells or line.cells:
            out[-1] += "\n" + text
        else:
            out[-1] = joined(out[-1], text, known)
        last = line
    return [text.replace("\u00ad", "") for text in out]


def _begins(last: TextLine, line: TextLine, block: Block) -> bool:
    """Say whether a line begins a paragraph.

    It is indented, the one before ended early, or the one before is a heading in other type.
    """
    if last.cells or line.cells:
        return False
    room = block.box[2] - last.box[2]
    early = room > _SHORT * (block.box[2] - block.box[0])
    other = abs(last.size - line.size)
    if other > _OTHER_SIZE * min(last.size, line.size) and _is_worded(last) and _is_worded(line):
        return True
    if early and last.font != line.font and (other > 0.02 * line.size or _is_heading(last, block)):
        return True
    indent = line.box[0] - block.box[0]
    if indent > _INDENT_EM * line.size and last.box[0] - block.box[0] < 0.3 * line.size:
        return last.text.rstrip().endswith(_ENDS)
    return last.text.rstrip().endswith(_ENDS) and early


def _is_worded(line: TextLine) -> bool:
    """Say whether a line holds words, and is no part of a formula as the limit of a sum is."""
    return bool(_WORDED.search(line.text))


def _is_heading(line: TextLine, block: Block) -> bool:
    """Say whether a line is in type of its own at the head of a block."""
    return line.font == block.lines[0].font and line.font != block.lines[-1].font


def _is_flush(line: TextLine, block: Block) -> bool:
    return line.box[0] - block.box[0] < 0.3 * line.size


def _is_hanging(block: Block) -> bool:
    """Say whether a block is a list: each line at its edge has a mark, the others are indented."""
    flush = [line for line in block.lines if _is_flush(line, block)]
    marked = len(flush) > 1 and all(_NUMBERED.match(clean(line.text) + " ") for line in flush)
    return marked and not any(line.cells for line in block.lines)


def readable(lines: list[TextLine]) -> list[TextLine]:
    """Return the lines without those of unknown letters, when they are less than half of the text.

    A box in a font without a map must not cost the page.
    """
    good = [line for line in lines if _unknown(line.text) <= MAX_UNKNOWN * _letters(line.text)]
    kept = sum(_letters(line.text) for line in good)
    return good if 2 * kept > sum(_letters(line.text) for line in lines) else lines


def _letters(text: str) -> int:
    return sum(not c.isspace() for c in text)


def _unknown(text: str) -> int:
    return sum(c == "\ufffd" or "\ue000" <= c <= "\uf8ff" for c in text)


def garbled_share(text: str) -> float:
    """Return how garbled a text is, from 0 to 1; over `MAX_GARBLED` its letters mean others.

    It is the largest of three shares, scaled so that the limit of each falls on `MAX_GARBLED`:
    letters without a meaning and, where no usual word of a European language is found, words of
    one letter and words of odd case.
    """
    letters = [c for c in text if not c.isspace()]
    if not letters:
        return 0.0
    bad = _unknown(text) / len(letters)
    limit = MAX_BAD_LETTERS if len(letters) >= _JUDGED_LETTERS else 0.5
    share = min(bad / (2 * limit), 1.0)
    words = re.findall(r"[^\W\d_]+", text)
    latin = [w for w in words if w[0] < "\u0250"]
    if len(latin) < _JUDGED_WORDS or 2 * len(latin) < len(words):
        return share
    if sum(w.lower() in _STOP_WORDS for w in latin) >= MIN_STOP_WORDS * len(latin):
        return share
    single = sum(len(w) == 1 for w in latin) / len(latin)
    odd = sum(_is_odd(w) for w in latin) / len(latin)
    return min(max(share, single / (2 * MAX_SINGLE_LETTER_WORDS), odd / 0.4), 1.0)


def _is_odd(word: str) -> bool:
    return len(word) > 2 and word[1:] != word[1:].lower() and not word.isupper()
