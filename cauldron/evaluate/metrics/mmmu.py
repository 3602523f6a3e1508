"""MMMU: the letter that a reply chooses, and what a reply to an open question contains.

Yue et al. 2023, MMMU, arXiv:2311.16502, and the evaluation program released with it. Where that
program draws a letter by chance, the reply is not parsed here and has no score.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

_ENDS = ",.!?;:'"
_FEWEST_WORDS = 5  # an option's text is looked for in replies of more words only

_KEYS = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")
_TRIVIAL = frozenset({"", ":", ",", ".", "!", "?", ";", "'"})
_SENTENCE_ENDS = re.compile(r"\.\s(?=[A-Z])|\n")
_NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),
    re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+"),
    re.compile(r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])"),
)


def parse_choice(reply: str, letters: Sequence[str], options: Mapping[str, str]) -> str | None:
    """Return the letter that a reply chooses, or None where the official program draws one.

    "(B)" goes before " B ", which goes before the text of an option in a longer reply; of several
    candidates the one that comes last counts.

    Args:
        letters: of the options.
        options: text of each letter.
    """
    for mark in _ENDS:
        reply = reply.strip(mark)
    reply = f" {reply} "
    for form in ("({})", " {} "):
        places = {letter: reply.rfind(form.format(letter)) for letter in letters}
        if found := _last(places):
            return found
    if len(reply.split()) <= _FEWEST_WORDS:
        return None
    lower = reply.lower()
    return _last({letter: lower.rfind(text.lower()) for letter, text in options.items()})


def _last(places: Mapping[str, int]) -> str | None:
    """Return the letter at the last place, the first of equals; -1 means not there."""
    found = max(places, key=places.__getitem__, default=None)
    return found if found is not None and places[found] >= 0 else None


def parse_open(reply: str) -> list[str | float]:
    """Return what a reply says, as texts in lower case and numbers to two decimals.

    The tails of its sentences after words like "is" or "answer", and every number in them; the
    whole reply if it has none of these words.
    """
    reply = reply.strip().strip(".").lower()
    tails = list(_tails(_SENTENCE_ENDS.split(reply))) or [reply]
    numbers = [n for tail in tails for form in _NUMBERS for n in form.findall(tail)]
    return list(dict.fromkeys(part for text in (*tails, *numbers) for part in _normal(text)))


def _tails(sentences: Sequence[str]) -> Iterator[str]:
    """Yield the shortest tail of each sentence, of those behind a key word that are not empty.

    As in the official program an empty tail is replaced by that of the next key word, however
    long. The text is in lower case before it is cut at capitals, so only lines are sentences.
    """
    for number, sentence in enumerate(sentences, 1):
        shortest = ""
        for key in (*_KEYS, "=") if number == len(sentences) else _KEYS:
            if key in sentence:
                tail = sentence.rpartition(key)[2].strip()
                shortest = tail if not shortest or len(tail) < len(shortest) else shortest
        if shortest not in _TRIVIAL:
            yield shortest


def _normal(text: str) -> list[str | float]:
    """Return a number to two decimals, or the text; one character with a blank on either side."""
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        lower = text.lower()
        return [f" {lower}", f"{lower} "] if len(lower) == 1 else [lower]


def open_is_right(parsed: Sequence[str | float], answers: Sequence[str]) -> bool:
    """Say whether a text of `parse_open` contains an answer, or a number of it equals one."""
    wanted = [part for answer in answers for part in _normal(answer)]
    texts = [part for part in wanted if isinstance(part, str)]
    return any(
        any(text in part for text in texts) if isinstance(part, str) else part in wanted
        for part in parsed
    )
