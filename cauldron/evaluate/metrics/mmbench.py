"""MMBench: the letter that a reply chooses, and questions asked once for each rotation.

Liu et al. 2023, MMBench, arXiv:2307.06281, sections 4.2 and 4.3. The two programs in use read
letters in different ways. A reply that neither a letter nor the text of one option stands in goes
to a paid judge in the official route; here it has no letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cauldron.evaluate.metrics.letters import extract_letter

FAILED = "Failed to obtain answer via API"
REFUSED = "Z"

_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_MARKS = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_LAST_WORDS = 5
_ANSWER_IS = re.compile(r"(?:correct\s+)?answer\s+is\s+\**([ABCD])\**", re.IGNORECASE)

_LETTERS = "ABCDE"  # lmms-eval looks for all five, however many options there are
_FORMS_LMMS = (
    ("", "."),
    ("", ","),
    ("", ":"),
    ("", ")"),
    ("", ")."),
    ("(", ")"),
    ("(", ")."),
    (":", ""),
    (":", ","),
    (":", "."),
    (":", ")"),
    (":", ")."),
)
_FEWEST_WORDS_OF_PROSE = 4


def infer_vlmevalkit(reply: str, options: Mapping[str, str]) -> str | None:
    """Return the letter of a reply as VLMEvalKit infers it: "Z" for a refusal, None if unsure."""
    if FAILED not in reply and (letter := _letter_vlmevalkit(reply, options)):
        return letter
    if len(reply.lower()) > 2 * sum(map(len, options.values())):
        return None
    return _only(_named(reply, options))


def _letter_vlmevalkit(reply: str, options: Mapping[str, str]) -> str | None:
    if any(refusal in reply for refusal in _REFUSALS):
        return REFUSED
    words = reply.translate(_MARKS).split()
    found = [letter for letter in options if letter in words]
    if len(found) == 1 and words.index(found[0]) > len(words) - _LAST_WORDS:
        return found[0]
    if not found and REFUSED in words:
        return REFUSED
    said = _ANSWER_IS.search(reply)
    return said.group(1).upper() if said and said.group(1).upper() in options else None


def infer_lmms(reply: str, options: Mapping[str, str]) -> str | None:
    """Return the letter of a reply as lmms-eval infers it, or None if unsure."""
    return (None if FAILED in reply else _letter_lmms(reply)) or _only(_named(reply, options))


def _letter_lmms(reply: str) -> str | None:
    """Return the only letter among the words; a lone "A" in prose may be an article."""
    words = reply.split()
    letter = _only(letter for letter in _LETTERS if letter in words)
    if letter and ("A" not in words or len(words) < _FEWEST_WORDS_OF_PROSE):
        return letter
    for before, after in _FORMS_LMMS:
        if letter := _only(x for x in _LETTERS if f"{before}{x}{after}" in words):
            return letter
    return None


def _named(reply: str, options: Mapping[str, str]) -> Iterable[str]:
    lower = reply.lower()
    return (letter for letter, text in options.items() if text.lower() in lower)


def _only(letters: Iterable[str]) -> str | None:
    found = list(letters)
    return found[0] if len(found) == 1 else None


def infer_or_extract_lmms(reply: str, options: Mapping[str, str]) -> str | None:
    """Return the letter that lmms-eval takes without a judge: inferred, or else in any form."""
    return infer_lmms(reply, options) or extract_letter(reply, sorted(options))
