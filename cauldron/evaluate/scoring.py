"""Files of predictions to scores: each record by its own metric, in file order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from cauldron.errors import CauldronError, UsageError
from cauldron.evaluate.captions import ptb, scores
from cauldron.evaluate.metrics.fields import Record, text, texts
from cauldron.evaluate.metrics.records import (
    CAPTION_METRICS,
    PARSERS,
    RECORD_METRICS,
    Item,
    canonical,
    program,
)
from cauldron.evaluate.summary import summarize
from cauldron.storage import files

_LISTS = ("items", "records", "predictions")  # keys that an object may hold its records under
_DEEPEST = "nested too deeply"


def score_file(url: str, metric: str = "", by: Sequence[str] = ()) -> dict[str, Any]:
    """Score the records of a JSON or JSONL file.

    Args:
        metric: for all records; empty: the `metric` of each.
        by: fields to break the means down by.

    Returns:
        `items`: one per record, with `score`, and `error` where a record cannot be scored;
        `summary`: counts, and for each metric its mean, interval and tables.

    Raises:
        UsageError: if the file holds no records, or there is no such metric.
        StorageError: if it cannot be read.
    """
    name = canonical(metric) if metric else ""
    found = list(read_records(url))
    if not found:
        raise UsageError("no records", place=url)
    places, records = zip(*found, strict=True)
    return score_records(records, metric=name, by=by, places=places)


def read_records(url: str) -> Iterator[tuple[str, Any]]:
    """Yield place and record of a JSON list, an object that holds one, or JSON lines.

    A line that is not JSON is yielded as an error. Corpora of captions, `{"corpora": [{"name",
    "items"}]}`, give their items with `corpus` and the metric `captions`.
    """
    payload = files.read_bytes(url)
    whole = _whole(payload)
    if isinstance(whole, dict) and isinstance(whole.get("corpora"), list):
        yield from _corpora(url, whole["corpora"])
        return
    if isinstance(whole, dict):
        held = next((whole[key] for key in _LISTS if isinstance(whole.get(key), list)), None)
        whole = [whole] if held is None else held
    if isinstance(whole, list):
        yield from ((f"{url}: record {n}", record) for n, record in enumerate(whole, 1))
        return
    if whole is not None or payload.lstrip()[:1] == b"[":
        raise UsageError("not a list of records", place=url, hint=_fault(payload))
    for number, line in enumerate(payload.split(b"\n"), 1):
        if line.strip():
            yield f"{url}:{number}", _line(line)


def _whole(payload: bytes) -> Any:
    try:
        return _loads(payload)
    except ValueError:
        return None


def _line(line: bytes) -> Any:
    try:
        return _loads(line)
    except ValueError as error:
        return UsageError(f"not JSON: {error}")


def _loads(payload: bytes) -> Any:
    """Parse JSON; what the strict parser refuses, as NaN or half of a pair, is tried once more."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        try:
            return json.loads(payload)
        except RecursionError as error:
            raise ValueError(_DEEPEST) from error


def _fault(payload: bytes) -> str:
    try:
        _loads(payload)
    except ValueError as error:
        return str(error)
    return ""


def _corpora(url: str, corpora: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for number, corpus in enumerate(corpora, 1):
        known = isinstance(corpus, dict) and isinstance(corpus.get("items"), list)
        if not known:
            raise UsageError(f"corpus {number} has no list 'items'", place=url)
        name = str(corpus.get("name", number))
        for place, record in enumerate(corpus["items"], 1):
            held = {"metric": "captions", "corpus": name}
            where = f"{url}: corpus {name}, record {place}"
            yield where, {**held, **record} if isinstance(record, dict) else record


def score_records(
    records: Sequence[Any],
    *,
    metric: str = "",
    by: Sequence[str] = (),
    places: Sequence[str] = (),
) -> dict[str, Any]:
    """Score records; those that cannot be scored have an `error` in their item.

    Args:
        metric: canonical name, for all records; empty: the `metric` of each.
        places: where each record stands, for its error.
    """
    items: list[Item] = []
    names: list[str] = []
    for number, record in enumerate(records):
        try:
            name = _metric_of(record, metric)
            items.append(
                _captioned(record) if name in CAPTION_METRICS else RECORD_METRICS[name](record)
            )
            names.append(name)
        except CauldronError as error:
            told = UsageError(
                error.message, place=places[number] if places else "", hint=error.hint
            )
            items.append({"score": None, "error": str(told)})
            names.append(metric or "")
    corpora = _score_captions(records, names, items)
    return {"items": items, "summary": _summary(records, names, items, by, corpora)}


def _metric_of(record: Any, metric: str) -> str:
    if isinstance(record, CauldronError):
        raise record
    if not isinstance(record, dict):
        raise UsageError(f"a record is an object, not {type(record).__name__}")
    return metric or canonical(text(record, "metric"))


def _captioned(record: Record) -> Item:
    """Check a caption's fields; it is scored with the others of its corpus."""
    text(record, "prediction")
    texts(record, "references")
    return {"score": None}


def _score_captions(
    records: Sequence[Any], names: Sequence[str], items: Sequence[Item]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Fill in the scores of captions, each corpus by itself; return what each says as a whole."""
    groups: dict[tuple[str, str], list[int]] = {}
    for number, name in enumerate(names):
        if name in CAPTION_METRICS and "error" not in items[number]:
            groups.setdefault((name, str(records[number].get("corpus", ""))), []).append(number)
    return {
        key: _score_corpus(key[0], [records[n] for n in rows], [items[n] for n in rows])
        for key, rows in groups.items()
    }


def _score_corpus(metric: str, records: Sequence[Record], items: Sequence[Item]) -> dict[str, Any]:
    predictions = ptb.tokenize_all([text(record, "prediction") for record in records])
    given = [texts(record, "references") for record in records]
    flat = iter(ptb.tokenize_all([caption for captions in given for caption in captions]))
    references = [[next(flat) for _ in captions] for captions in given]
    columns = _caption_scores(metric, predictions, references)
    for number, item in enumerate(items):
        row = {name: values[number] for name, values in columns.items() if name != "corpus_bleu"}
        item |= {"score": row[_leading(metric)]}
        if metric == "captions":
            item |= row | {
                "tokenized_prediction": predictions[number],
                "tokenized_references": references[number],
            }
    whole = {
        name: float(np.mean(columns[name])) for name in ("cider", "rouge_l") if name in columns
    }
    return whole | ({"bleu": columns["corpus_bleu"]} if "corpus_bleu" in columns else {})


def _leading(metric: str) -> str:
    return "cider" if metric == "captions" else metric


def _caption_scores(
    metric: str, predictions: Sequence[str], references: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Return the values of each image by name, and the corpus's BLEU."""
    out: dict[str, Any] = {}
    if metric in ("captions", "cider"):
        out["cider"] = scores.cider(predictions, references).tolist()
    if metric in ("captions", "rouge_l"):
        pairs = zip(predictions, references, strict=True)
        out["rouge_l"] = [scores.rouge_l(predicted, given) for predicted, given in pairs]
    if metric == "captions" or metric.startswith("bleu"):
        counts = scores.bleu_counts(predictions, references)
        out["bleu"] = scores.bleu(counts).tolist()
        out["corpus_bleu"] = scores.bleu(counts.sum(axis=0)).tolist()
        if metric.startswith("bleu_"):
            out[metric] = [row[int(metric[-1]) - 1] for row in out["bleu"]]
    return out


def _summary(
    records: Sequence[Any],
    names: Sequence[str],
    items: Sequence[Item],
    by: Sequence[str],
    corpora: Mapping[tuple[str, str], dict[str, Any]],
) -> dict[str, Any]:
    rejected = sum("error" in item for item in items)
    out: dict[str, Any] = {
        "records": len(items),
        "scored": sum(item["score"] is not None for item in items),
        "rejected": rejected,
        "metrics": {},
    }
    for name in sorted(set(names) - {""}):
        rows = [n for n, own in enumerate(names) if own == name]
        told = {"metric": name, "program": program(name)}
        out["metrics"][name] = told | _told(name, rows, records, items, by)
        wholes = {corpus: whole for (own, corpus), whole in corpora.items() if own == name}
        if wholes:
            out["metrics"][name] |= _corpus_means(name, wholes)
    return out


def _told(
    name: str, rows: Sequence[int], records: Sequence[Any], items: Sequence[Item], by: Sequence[str]
) -> dict[str, Any]:
    chosen = [items[n] for n in rows]
    if name in PARSERS or name == "bleu":
        errors = sum("error" in item for item in chosen)
        empty = sum(item["score"] is None for item in chosen) - errors
        return {"n": len(rows) - errors, "unparsed": empty, "rejected": errors, "mean": None}
    own = [records[n] if isinstance(records[n], dict) else {} for n in rows]
    return summarize(chosen, own, by)


def _corpus_means(name: str, wholes: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the corpus scores: BLEU of a corpus is not the mean of its images."""
    if set(wholes) != {""}:
        return {"corpora": dict(wholes)}
    whole = wholes[""]
    if name.startswith("bleu"):
        values = whole["bleu"]
        return {"mean": values[int(name[-1]) - 1] if "_" in name else values}
    return whole if name == "captions" else {}
