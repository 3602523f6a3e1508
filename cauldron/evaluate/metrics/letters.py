"""Letters of multiple-choice tasks, each read as its program in lmms-eval reads it."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence

_AI2D_LETTER = re.compile(r"\s*([A-Z])\.")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ENDS = ",.!?;:'\""
_ANSWER_WORDS = (
    *(f"{before}answer is" for before in ("", "the ", "my ")),
    *(f"{the}{which} is" for the in ("", "the ") for which in ("correct answer", "best answer")),
    *(f"{the}{which} is" for the in ("", "the ") for which in ("correct option", "best option")),
    *(f"{before}choice is" for before in ("", "the ", "my ", "correct ", "the correct ")),
    *("i choose", "i select", "i pick"),
    *("옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは"),
)


def scienceqa_lmms(prediction: str, answers: Sequence[str]) -> float:
    """Return 1 for the letter alone, or a capital letter and a full stop before anything, else 0.

    "(B)" and "The answer is B" are wrong here.
    """
    predicted = prediction.strip()
    wanted = {answer.strip().lower() for answer in answers}
    if predicted.lower() in wanted:
        return 1.0
    begins = len(predicted) > 1 and predicted[0].isupper() and predicted[1] == "."
    return float(begins and predicted[0].lower() in wanted)


def ai2d_lmms(prediction: str, answers: Sequence[str]) -> float:
    """Return 1 if the letter before a full stop, or else the whole reply, is the answer, else 0.

    Case and punctuation do not count, white space does.
    """
    letter = _AI2D_LETTER.match(prediction)
    predicted = _bare(letter.group(1) if letter else prediction)
    return float(any(predicted == _bare(answer) for answer in answers))


def _bare(text: str) -> str:
    return text.lower().translate(_PUNCTUATION)


def seedbench_lmms(prediction: str, answers: Sequence[str]) -> float:
    """Return 1 if a reply begins with the letter, in any case, else 0."""
    predicted = prediction.strip()[:1].lower()
    return float(any(predicted == answer.strip().lower() for answer in answers))


def extract_letter(reply: str, letters: Sequence[str]) -> str | None:
    """Return the letter that a reply most surely chooses, as lmms-eval extracts it, or None.

    Each form in which a letter can stand has a rank: alone at the start, alone at the end, behind
    words like "the answer is", in brackets, before a full stop, and so on. The highest rank wins,
    in it the last place, and of equals the first letter.
    """
    text = reply.strip()
    if not text:
        return None
    for mark in _ENDS:
        text = text.strip(mark)
    text = f" {text} "
    found = [*_ranked(text, letters)] or [(0, text.rfind(x), x) for x in letters if x in text]
    return max(found, key=lambda place: place[:2])[2] if found else None


def _ranked(text: str, letters: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield rank, place and letter of every form that a letter stands in."""
    for rank, form in ((6, "({})"), (5, "{}."), (4, "{}:"), (3, "{})"), (2, "{} ")):
        for letter in letters:
            if (place := text.rfind(form.format(letter))) >= 0:
                yield rank, place, letter
    lower = text.lower()
    for words in _ANSWER_WORDS:
        if (place := lower.find(words)) >= 0:
            for letter in letters:
                if (after := text.find(letter, place + len(words))) >= 0:
                    yield 7, after, letter
    alone = text.strip()
    for letter in letters:
        if alone.startswith(letter) and not alone[1:2].isalpha():
            yield 10, 0, letter
        if alone.endswith(letter) and not alone[-2:-1].isalpha():
            yield 9, len(text) - 1, letter
