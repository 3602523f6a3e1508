"""Signals of questions and answers: lengths, phrases, and what one repeats of the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cauldron.signals.said import Ints, Said, as_bools, as_ints, counted
from cauldron.signals.wordlists import REFUSALS, SPECIAL_TOKENS, UNSEEN_PICTURE

LEAK_WORDS = 3
"""An answer of fewer words may stand in its question by chance, or as one of its choices."""
_COPY_N = 3
_PAIR_BITS = 24  # pairs of a batch are fewer than 2 ** 24


def count_signals(said: Said, n_images: Ints) -> dict[str, Any]:
    """Measure turns and lengths, and whether texts and pictures are all there.

    Args:
        n_images: [samples] pictures of each sample.
    """
    asked, told = said.owner[said.questions], said.owner[said.answers]
    answers = counted(told, said.samples)
    chars = as_ints(pc.utf8_length(said.joined))
    trimmed = as_ints(pc.utf8_length(pc.utf8_trim_whitespace(said.texts.take(said.answers))))
    return {
        "roles": pc.if_else(pa.array(answers > 0), "chat", "document"),
        "n_images": n_images,
        "n_turns": np.maximum(answers, 1),
        "images_agree": said.image_parts == n_images,
        "text_error": pc.if_else(pa.array(said.null_texts), "text_null", ""),
        "chars": chars,
        "question_chars": _sum(said.chars[said.questions], asked, said.samples),
        "answer_chars": _sum(said.chars[said.answers], told, said.samples),
        "min_answer_chars": _least(trimmed, told, chars, answers),
        "max_answer_chars": -_least(-trimmed, told, -chars, answers),
    }


def phrase_signals(said: Said) -> dict[str, Any]:
    """Measure what answers repeat of their questions, and phrases that should not be there."""
    return {
        "answer_equals_question": _any_pair(said, lambda q, a: q == a),
        "answer_in_question": _any_pair(said, _leaks),
        "copied_question": copied_question(said),
        "refusal": _first_phrase(said, REFUSALS),
        "unseen_picture": _any_match(said, UNSEEN_PICTURE),
        "special_token": special_token(said.joined),
    }


def _sum(values: Ints, owner: Ints, samples: int) -> Ints:
    return np.bincount(owner, values, samples).astype(np.int64)


def _least(values: Ints, owner: Ints, without: Ints, answers: Ints) -> Ints:
    """Return the least value of each sample; `without` where it has no answers."""
    out = np.full(len(without), np.iinfo(np.int64).max)
    np.minimum.at(out, owner, values)
    return np.where(answers > 0, out, without)


def _any_pair(said: Said, holds: Any) -> npt.NDArray[np.bool_]:
    """[samples] whether something holds of any question and its answer, both normalised."""
    out = np.zeros(said.samples, bool)
    normal = said.normal
    for asked, told in zip(*(side.tolist() for side in said.pairs), strict=True):
        if holds(normal[asked], normal[told]):
            out[said.owner[asked]] = True
    return out


def _leaks(question: str, answer: str) -> bool:
    """Say whether an answer of some words stands in its question, as whole words."""
    if answer.count(" ") < LEAK_WORDS - 1 or answer not in question:
        return False
    return f" {answer.rstrip('.')} " in f" {question.translate(_SPACED)} "


_SPACED = str.maketrans(dict.fromkeys(",;:?!.()\"'", " "))


def copied_question(said: Said) -> npt.NDArray[np.float64]:
    """Return the largest share of an answer's runs of three words that stand in its question."""
    out = np.zeros(said.samples)
    words, (asked, told) = said.words, said.pairs
    grams = words.grams(_COPY_N)
    first = words.message[: len(grams)]
    inside = first == words.message[_COPY_N - 1 :]
    pair = np.full(len(said.texts), -1, np.int64)
    pair[asked] = pair[told] = np.arange(len(asked))
    is_answer = np.zeros(len(said.texts), bool)
    is_answer[told] = True
    used = inside & (pair[first] >= 0)
    first, owner = first[used], pair[first[used]]
    keys = (owner.astype(np.uint64) << np.uint64(64 - _PAIR_BITS)) | (
        grams[used] >> np.uint64(_PAIR_BITS)
    )
    mine = is_answer[first]
    copied = np.isin(keys[mine], keys[~mine])
    total = counted(owner[mine], len(asked))
    share = np.bincount(owner[mine], copied, len(asked)) / np.maximum(total, 1)
    np.maximum.at(out, said.owner[asked], share)
    return out


def _first_phrase(said: Said, phrases: tuple[str, ...]) -> pa.StringArray:
    """Return the first phrase that an answer of the sample holds in any case, "" for none."""
    lowered = pc.utf8_lower(said.texts.take(said.answers))
    owner = said.owner[said.answers]
    found = pa.array([""] * said.samples, pa.string())
    for phrase in reversed(phrases):
        hit = np.zeros(said.samples, bool)
        hit[owner[as_bools(pc.match_substring(lowered, phrase))]] = True
        found = pc.if_else(pa.array(hit), phrase, found)
    return found


def _any_match(said: Said, pattern: str) -> npt.NDArray[np.bool_]:
    lowered = pc.utf8_lower(said.texts.take(said.answers))
    out = np.zeros(said.samples, bool)
    out[said.owner[said.answers][as_bools(pc.match_substring_regex(lowered, pattern))]] = True
    return out


def special_token(texts: pa.StringArray) -> pa.StringArray:
    """Return the first of `SPECIAL_TOKENS` that each text holds, "" for none."""
    likely = pc.match_substring(texts, "<")
    held = texts.filter(likely)
    found = pa.array([""] * len(held), pa.string())
    for token in reversed(SPECIAL_TOKENS):
        found = pc.if_else(pc.match_substring(held, token), token, found)
    return pc.replace_with_mask(pa.array([""] * len(texts), pa.string()), likely, found)
