"""Phrasing that sources share: sentence case, brevity hints, options and letters, votes.

Published text is kept letter for letter but for two rules: the first letter is raised, and an
answer that ends without a mark gets a full stop. Functions that take a row follow its `prompts`:
with `plain` they leave out hints, requests and both rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Chooser(Protocol):
    """What phrasing needs of a raw row: how to ask, and choices that are the same on every run."""

    @property
    def plain(self) -> bool: ...

    def pick(self, options: Sequence[T], purpose: str) -> T: ...


BRIEF_ANSWER = (
    "Answer briefly.",
    "Keep the answer very short.",
    "A word or two is enough.",
    "Reply with a short answer.",
    "Give a brief reply.",
    "Be concise.",
    "Answer in few words.",
    "Respond with a single word or a short phrase.",
)
"""Hints after general questions (family A): vqav2, okvqa, st_vqa, tallyqa, vqarad, chartqa, ..."""

SHORT_ANSWER = (
    "Give a very brief answer.",
    "Keep it short.",
    "Answer with a short phrase.",
    "Provide a short and direct response.",
    "Your answer should be very brief.",
    "Be succinct.",
    "Provide a concise answer.",
    "Quick response, please.",
    "Short answer required.",
    "State the answer in a few words.",
    "Offer a terse response.",
)
"""Hints after questions on text in pictures (family B): textvqa, ocrvqa, docvqa, ..."""

SEVERAL_QUESTIONS = (
    "I have a few questions about this picture.",
    "Here are several questions on the image. Keep the answers short.",
    "Please look at the picture and answer the questions that follow.",
    "A number of questions follow; a word or a figure is enough for each.",
    "Let me ask you some things about the image.",
    "Study the picture, then reply briefly to each question.",
    "There are several things I want to know about this image.",
    "Answer the next questions with what the picture shows.",
    "Help me read this picture; I will ask one thing at a time.",
    "The following questions are all about this one image.",
    "I will ask about the picture step by step. Be brief.",
    "Some questions on what can be seen here, to be answered in short.",
    "Go through these questions on the image one after the other.",
    "For each question on the picture, give the answer and nothing else.",
    "What follows is a series of questions on the image above.",
    "Please help with a list of questions on this picture.",
    "Use the image to answer every question concisely.",
)
"""Preambles in front of the first of many questions (family C): half of plotqa."""

YES_OR_NO = "Answer yes or no."


def text(value: Any) -> str:
    """Return a text field; numbers become text, whole floats without `.0`.

    Raises:
        TypeError: if it is neither text nor a number.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected text, found {type(value).__name__}")
    return number(value)


def number(value: int | float) -> str:
    """Return a number as text: whole floats without `.0`, no exponent below 1e16."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    return repr(value)


def collapse(value: str) -> str:
    """Return text with every run of white space as one blank, none at the ends."""
    return " ".join(value.split())


def raise_first(value: str) -> str:
    """Return text with its first letter in upper case and the rest as it is."""
    return value[:1].upper() + value[1:]


def sentence(value: str) -> str:
    """Return an answer in sentence case; a full stop is added when no . ! or ? ends it."""
    value = raise_first(value.strip())
    return value if not value or value[-1] in ".!?" else value + "."


def question(value: str, hint: str = "") -> str:
    """Return a question in sentence case, the hint on a line of its own."""
    value = raise_first(value.strip())
    return f"{value}\n{hint}" if hint and value else value


def letter(index: int) -> str:
    """Return the letter of an option: 0 is A.

    Raises:
        IndexError: if it is not in 0 .. 25.
    """
    if not 0 <= index < 26:
        raise IndexError(f"no letter for option {index}")
    return ascii_uppercase[index]


def choices(options: Sequence[Any]) -> str:
    """Return one line `A. text` an option."""
    return "\n".join(f"{letter(n)}. {text(option)}" for n, option in enumerate(options))


def multiple_choice(asked: str, options: Sequence[Any]) -> str:
    """Return a question with its options and the request for a letter."""
    return f"Question: {asked}\nChoices:\n{choices(options)}\nAnswer with the letter."


def majority(votes: Sequence[Any]) -> str:
    """Return the most frequent vote after stripping; of equals the one seen first; "" for none."""
    counted = Counter(stripped for vote in votes if (stripped := text(vote).strip()))
    return counted.most_common(1)[0][0] if counted else ""


def asked(row: Chooser, value: Any, hints: Sequence[str] = ()) -> str:
    """Return a question of the source, with one of the hints on a line of its own."""
    if row.plain:
        return text(value).strip()
    return question(text(value), row.pick(hints, "hint") if hints else "")


def announced(row: Chooser, value: Any, preambles: Sequence[str] = SEVERAL_QUESTIONS) -> str:
    """Return the first of many questions, with a preamble on a line in front of it."""
    if row.plain:
        return text(value).strip()
    return f"{row.pick(preambles, 'preamble')}\n{question(text(value))}"


def answered(row: Chooser, value: Any) -> str:
    """Return an answer of the source as a sentence."""
    return text(value).strip() if row.plain else sentence(text(value))


def asked_choice(row: Chooser, value: Any, options: Sequence[Any]) -> str:
    """Return a question with lettered options; plain: no labels and no request."""
    if row.plain:
        return f"{text(value).strip()}\n{choices(options)}"
    return multiple_choice(text(value).strip(), options)


def answered_letter(row: Chooser, index: int) -> str:
    """Return the letter of the right option: `Answer: B`; plain: `B`.

    Raises:
        IndexError: if it is not in 0 .. 25.
    """
    return letter(index) if row.plain else f"Answer: {letter(index)}"


def asked_yes_no(row: Chooser, value: Any) -> str:
    """Return a question that is answered with yes or no."""
    return asked(row, value, (YES_OR_NO,))


def answered_yes_no(row: Chooser, yes: bool) -> str:
    """Return `Yes.` or `No.`; plain: without the full stop."""
    return answered(row, "Yes" if yes else "No")
