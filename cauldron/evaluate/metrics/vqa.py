"""VQA accuracy: the share of annotators that an answer agrees with, as four programs count it.

Antol et al. 2015, VQA: Visual Question Answering, arXiv:1505.00468, section 5, and the evaluation
program released with it. What looks odd here is what that program does, and scores depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARKS = ';/[]"{}()=+\\_-><@`,?!'
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_COMMAS_IN_NUMBER = re.compile(r"\d,+\d")
_FULL_STOP = re.compile(r"\.(?!\d)")
_MOST_FULL_STOPS = 32  # the program passes a flag of this value where the count belongs
_ARTICLES = frozenset({"a", "an", "the"})
_NUMBERS = {
    word: str(value)
    for value, word in enumerate("zero one two three four five six seven eight nine ten".split())
} | {"none": "0"}

_ONE_APOSTROPHE = (
    "ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's "
    "how'd how'll how's isn't it'd it'll ma'am mightn't might've mustn't must've needn't not've "
    "o'clock oughtn't shan't should've shouldn't somebody'll somebody's someone'd someone'll "
    "someone's something'd something'll that's there'd there're there's they'd they'll they're "
    "they've 'twas wasn't we've weren't what'll what're what's what've when's where'd where's "
    "where've who'd who'll who's who've why'll why're why's won't would've wouldn't y'all you'd "
    "you'll you're you've"
)
_TWO_APOSTROPHES = (
    "couldn't've hadn't've he'd've it'd've mightn't've she'd've shouldn't've somebody'd've "
    "someone'd've something'd've there'd've they'd've we'd've who'd've wouldn't've you'd've"
)


def _contractions() -> dict[str, str]:
    """Return the words that the program mends: a lost apostrophe comes back."""
    table = {word.replace("'", ""): word for word in _ONE_APOSTROPHE.split()}
    for word in _TWO_APOSTROPHES.split():
        first, second, third = word.split("'")
        table[f"{first}{second}'{third}"] = table[f"{first}'{second}{third}"] = word
    table |= dict.fromkeys(("ow's'at", "'ows'at", "'ow'sat"), "'ow's'at")
    table |= dict.fromkeys(("yall'll", "y'allll"), "y'all'll")
    table |= dict.fromkeys(("yall'd've", "y'alld've", "y'all'dve"), "y'all'd've")
    return table | {"somebody'd": "somebodyd"}


_CONTRACTIONS = _contractions()


def vqa_accuracy(prediction: str, answers: Sequence[str]) -> float:
    """Return the share of annotators that a prediction agrees with, in 0 .. 1.

    Each answer is left out in turn and the prediction scores min(1, equal others / 3); the result
    is the mean. Texts are normalised only when the answers are not all the same. With one answer
    there are no others, and the score is 0.

    Raises:
        ValueError: if there is no answer.
    """
    predicted, given = _flat(prediction), [_flat(answer) for answer in answers]
    if len(set(given)) > 1:
        predicted, given = normalize(predicted), [normalize(answer) for answer in given]
    return _agreement(predicted, given)


def vqa_accuracy_lmms(prediction: str, answers: Sequence[str]) -> float:
    """Return the same share as lmms-eval scores VQAv2: texts are always normalised.

    Raises:
        ValueError: if there is no answer.
    """
    predicted, *given = [_normalize_lmms(_flat(text)) for text in (prediction, *answers)]
    return _agreement(predicted, given)


def vqa_accuracy_evalai(prediction: str, answers: Sequence[str]) -> float:
    """Return the same share as lmms-eval scores TextVQA, VizWiz and OK-VQA.

    Raises:
        ValueError: if there is no answer.
    """
    predicted, *given = [normalize_evalai(text) for text in (prediction, *answers)]
    return _agreement(predicted, given)


def vqa_accuracy_idefics2(prediction: str, answers: Sequence[str]) -> float:
    """Return the same share as the authors of Idefics2 score it.

    Texts are always normalised, so that an answer in sentence case is not wrong where all agree;
    one answer alone is an exact match.

    Raises:
        ValueError: if there is no answer.
    """
    predicted, *given = [normalize(_flat(text)) for text in (prediction, *answers)]
    return float(given[0] == predicted) if len(given) == 1 else _agreement(predicted, given)


def _agreement(predicted: str, given: Sequence[str]) -> float:
    if not given:
        raise ValueError("VQA accuracy needs at least one answer")
    equal = [answer == predicted for answer in given]
    scores = [min(1.0, (sum(equal) - own) / 3) for own in equal]
    return sum(scores) / len(scores)


def normalize(text: str) -> str:
    """Return a text as it is compared: marks, full stops, number words, articles, contractions."""
    return _words(unmarked(text))


def normalize_evalai(text: str) -> str:
    """Return a text as EvalAI's processor in lmms-eval compares it.

    It lower-cases, deletes commas and question marks and splits 's off before it normalises.
    """
    lower = text.lower().replace(",", "").replace("?", "").replace("'s", " 's")
    return _normalize_lmms(_flat(lower))


def _normalize_lmms(text: str) -> str:
    return _words(unmarked(text, _COMMAS_IN_NUMBER))


def _flat(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ").strip()


def unmarked(text: str, comma: re.Pattern[str] = _COMMA_IN_NUMBER) -> str:
    """Delete or blank out marks; how is decided on the whole text, not on the mark's own place."""
    numbers = comma.search(text) is not None
    out = text
    for mark in _MARKS:
        deleted = numbers or f"{mark} " in text or f" {mark}" in text
        out = out.replace(mark, "" if deleted else " ")
    return _FULL_STOP.sub("", out, count=_MOST_FULL_STOPS)


def _words(text: str) -> str:
    words = (_NUMBERS.get(word, word) for word in text.lower().split())
    return " ".join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)
