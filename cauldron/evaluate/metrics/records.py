"""Metrics of single records: a prediction, its references and what else a metric needs.

A record is a mapping with `prediction`, most often `references`, and fields of its own that each
metric names. A score is a fraction in 0 .. 1, or a text where a metric only parses or normalises;
it is None where the official rule gives none.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any

from cauldron.errors import UsageError, near
from cauldron.evaluate.captions.ptb import tokenize
from cauldron.evaluate.metrics import (
    ANSWER_METRICS,
    letters,
    mathvista,
    mmbench,
    mmmu,
    vqa,
    yes_no,
)
from cauldron.evaluate.metrics.fields import Record, field, lettered, options, text, texts

Item = dict[str, Any]

_ROTATED = "ABCD"  # the circular program looks at no other option


def _answered(name: str) -> Callable[[Record], Item]:
    score = ANSWER_METRICS[name]

    def scored(record: Record) -> Item:
        return {"score": float(score(text(record, "prediction"), texts(record, "references")))}

    return scored


def _normalized(record: Record) -> Item:
    return {"score": vqa.normalize(text(record, "prediction"))}


def _normalized_evalai(record: Record) -> Item:
    return {"score": vqa.normalize_evalai(text(record, "prediction"))}


def _mmmu_choice(record: Record) -> Item:
    given = options(record, "index2ans")
    named = texts(record, "choices") if record.get("choices") else list(given)
    parsed = mmmu.parse_choice(text(record, "prediction"), named, given)
    score = None if parsed is None else float(parsed in texts(record, "references"))
    return {"score": score, "parsed": parsed}


def _mmmu_open(record: Record) -> Item:
    parsed = mmmu.parse_open(text(record, "prediction"))
    right = mmmu.open_is_right(parsed, texts(record, "references"))
    return {"score": float(right), "parsed": parsed}


def _mathvista_extract(record: Record) -> Item:
    choices = texts(record, "choices") if _is_choice(record) else None
    answer_type = record.get("answer_type") or "text"
    return {"score": mathvista.extract(text(record, "prediction"), choices, str(answer_type))}


def _mathvista_choice(record: Record) -> Item:
    normal = mathvista.normalize_choice(text(record, "prediction"), texts(record, "choices"))
    return {"score": float(normal in texts(record, "references")), "normalized": normal}


def _mathvista_free(record: Record) -> Item:
    answer_type = text(record, "answer_type")
    if answer_type not in mathvista.FREE_TYPES:
        raise UsageError(f"field 'answer_type' is '{answer_type}'", hint="integer, float or list")
    said, precision = text(record, "prediction"), record.get("precision")
    normal = mathvista.normalize_free(said, answer_type, precision)
    return {"score": float(normal in texts(record, "references")), "normalized": normal}


def _mathvista(record: Record) -> Item:
    """Extract by rules, normalise, compare; what the rules cannot read is not parsed."""
    extracted = _mathvista_extract(record)["score"]
    if extracted is None:
        return {"score": None, "parsed": None}
    known = {**record, "prediction": extracted}
    item = _mathvista_choice(known) if _is_choice(record) else _mathvista_free(known)
    return {"score": item["score"], "parsed": item["normalized"]}


def _is_choice(record: Record) -> bool:
    asked = record.get("question_type") or ("multi_choice" if record.get("choices") else "")
    return asked == "multi_choice"


def _inferred_vlmevalkit(record: Record) -> Item:
    return _letter(record, mmbench.infer_vlmevalkit)


def _inferred_lmms(record: Record) -> Item:
    return _letter(record, mmbench.infer_lmms)


def _letter(record: Record, infer: Callable[[str, Mapping[str, str]], str | None]) -> Item:
    return {"score": infer(text(record, "prediction"), options(record, "choices"))}


def _extracted_letter(record: Record) -> Item:
    named = texts(record, "choices") if record.get("choices") else list("ABCDEFGH")
    return {"score": letters.extract_letter(text(record, "prediction"), named)}


def _mmbench(record: Record) -> Item:
    """Score one question by exact matching: an unresolved reply is wrong."""
    parsed = mmbench.infer_vlmevalkit(text(record, "prediction"), options(record, "choices"))
    return {"score": float(parsed in texts(record, "references")), "parsed": parsed}


def _circular(record: Record) -> Item:
    replies, answers = texts(record, "prediction"), texts(record, "references")
    rotations = field(record, "options")
    if not isinstance(rotations, list) or not len(replies) == len(answers) == len(rotations):
        raise UsageError("'prediction', 'references' and 'options' must be lists of one length")
    parsed = []
    for reply, rotation in zip(replies, rotations, strict=True):
        shown = {k: v for k, v in lettered(rotation, "options").items() if k in _ROTATED}
        parsed.append(mmbench.infer_or_extract_lmms(reply, shown))
    return {"score": float(parsed == answers), "parsed": parsed}


def _choice_letter(record: Record) -> Item:
    """Read a letter in any form, as lmms-eval extracts it; none is not parsed."""
    parsed = _extracted_letter(record)["score"]
    score = None if parsed is None else float(parsed in texts(record, "references"))
    return {"score": score, "parsed": parsed}


def _mmbench_lmms(record: Record) -> Item:
    shown = {k: v for k, v in options(record, "choices").items() if k in _ROTATED}
    parsed = mmbench.infer_or_extract_lmms(text(record, "prediction"), shown)
    return {"score": float(parsed in texts(record, "references")), "parsed": parsed}


def _mathvista_letters(record: Record) -> Item:
    """Score a reply to "answer with the letter": extracted in any form, else as a text."""
    choices, said = texts(record, "choices"), text(record, "prediction")
    named = [letter for letter, _ in zip(string.ascii_uppercase, choices, strict=False)]
    told = said if said in choices else letters.extract_letter(said, named)
    if told is None:
        return {"score": None, "parsed": None}
    item = _mathvista_choice({**record, "prediction": told})
    return {"score": item["score"], "parsed": item["normalized"]}


def _yes_no(read: Callable[[str], str | None]) -> Callable[[Record], Item]:
    def scored(record: Record) -> Item:
        parsed = read(text(record, "prediction"))
        score = None if parsed is None else float(parsed in texts(record, "references"))
        return {"score": score, "parsed": parsed}

    return scored


def _tokens(record: Record) -> Item:
    return {"score": None, "tokenized": tokenize(text(record, "prediction"))}


RECORD_METRICS: dict[str, Callable[[Record], Item]] = {
    **{name: _answered(name) for name in ANSWER_METRICS},
    "vqa_normalize": _normalized,
    "vqa_normalize_evalai": _normalized_evalai,
    "mmmu_parse_multi_choice": _mmmu_choice,
    "mmmu_open": _mmmu_open,
    "mathvista": _mathvista,
    "mathvista_quick_extract": _mathvista_extract,
    "mathvista_normalize_multi_choice": _mathvista_choice,
    "mathvista_normalize_free_form": _mathvista_free,
    "mmbench_vlmevalkit": _mmbench,
    "mmbench_infer_option_vlmevalkit": _inferred_vlmevalkit,
    "mmbench_infer_option_lmms_eval": _inferred_lmms,
    "mmbench_circular_lmms_eval": _circular,
    "mathvista_letters": _mathvista_letters,
    "mmbench_lmms_eval": _mmbench_lmms,
    "pope": _yes_no(yes_no.pope),
    "pope_exact_lmms_eval": _yes_no(yes_no.exact_lmms),
    "yes_no_vlmevalkit": _yes_no(yes_no.either_vlmevalkit),
    "mcq_lmms_eval": _choice_letter,
    "mcq_extract_lmms_eval": _extracted_letter,
    "ptb_tokenize": _tokens,
}

CAPTION_METRICS = ("cider", "bleu", "bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "captions")
"""Metrics of a whole set of captions; `captions` gives all of them and scores CIDEr-D."""

PARSERS = frozenset(
    {
        "vqa_normalize",
        "vqa_normalize_evalai",
        "mathvista_quick_extract",
        "mmbench_infer_option_vlmevalkit",
        "mmbench_infer_option_lmms_eval",
        "mcq_extract_lmms_eval",
        "ptb_tokenize",
    }
)
"""Metrics that only parse: their scores are texts, and there is no mean."""

ALIASES = {
    "vqa_accuracy_official": "vqa_accuracy",
    "vqa_accuracy_m4": "vqa_accuracy_idefics2",
    "vizwiz_accuracy_lmms_eval": "textvqa_accuracy_lmms_eval",
    "okvqa_accuracy_lmms_eval": "textvqa_accuracy_lmms_eval",
    "anls": "anls_lmms_eval",
    "anls_m4": "anls_idefics2",
    "chartqa_relaxed": "chartqa_relaxed_lmms_eval",
    "chartqa_relaxed_m4": "chartqa_relaxed_idefics2",
    "relaxed_accuracy": "chartqa_relaxed_lmms_eval",
    "cider_d": "cider",
    "bleu4": "bleu_4",
    "rouge": "rouge_l",
    "rougel": "rouge_l",
}


def canonical(name: str) -> str:
    """Return the canonical name of a metric.

    Raises:
        UsageError: if there is none of this name.
    """
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    found = ALIASES.get(plain, plain)
    if found not in RECORD_METRICS and found not in CAPTION_METRICS:
        known = (*RECORD_METRICS, *CAPTION_METRICS, *ALIASES)
        raise UsageError(f"unknown metric '{name}'{near(plain, known)}", hint="cauldron score -h")
    return found


def program(name: str) -> str:
    """Return whose program a metric follows."""
    for ending in ("lmms_eval", "vlmevalkit", "idefics2"):
        if name.endswith(ending):
            return ending
    if name.startswith("exact_match"):
        return "cauldron"
    return "evalai" if name.endswith("evalai") else "official"
