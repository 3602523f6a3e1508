"""Answers to results: one row a question, scored by the protocol's metrics, and what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from cauldron.evaluate.benchmarks.base import Benchmark, Item, Protocol
from cauldron.evaluate.runs.page import write_page
from cauldron.evaluate.scoring import score_records
from cauldron.evaluate.summary import interval
from cauldron.storage import files
from cauldron.storage.shards import write_table

TABLE, SUMMARY = "results.parquet", "summary.json"
_WRONG, _RIGHT = 60, 20  # examples on the page

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("question", pa.string()),
        ("prompt", pa.string()),
        ("images", pa.list_(pa.string())),
        ("references", pa.list_(pa.string())),
        ("metric", pa.string()),
        ("answer", pa.string()),
        ("parsed", pa.string()),
        ("score", pa.float64()),
        ("blind_answer", pa.string()),
        ("blind_parsed", pa.string()),
        ("blind_score", pa.float64()),
        ("fields", pa.string()),
    ]
)
"""Columns of results.parquet; `images` are SHA-256 of the encoded pictures, `score` is null where
the rules give none."""

Answers = Mapping[str, Mapping[str, Mapping[str, Any]]]


def write_results(
    folder: str,
    benchmark: Benchmark,
    way: Protocol,
    items: Callable[[], Iterable[Item]],
    answers: Answers,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """Score all answers and write results.parquet, summary.json and index.html.

    The same answers give the same bytes, in whatever order they came.
    """
    shown, plain = [], []
    for item in items():
        plain.append(_record(item, way))
        shown.append(_head(item, answers["seen"][item.id]))
    told = {mode: _scored(plain, answers[mode], benchmark) for mode in answers if answers[mode]}
    rows = [
        _row(n, head, record, told)
        for n, (head, record) in enumerate(zip(shown, plain, strict=True))
    ]
    write_table(files.join(folder, TABLE), pa.Table.from_pylist(rows, schema=SCHEMA))
    summary = {**about, **told["seen"][1]}
    summary["blind"] = told["blind"][1] if "blind" in told else None
    files.write_json(files.join(folder, SUMMARY), summary)
    write_page(folder, summary, rows, _examples(rows), items())
    return summary


def _examples(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return ids of wrong questions, then of right ones, drawn by hash."""
    ranked = sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).digest())
    full = max((row["score"] or 0.0 for row in rows), default=1.0) or 1.0
    wrong = [row["id"] for row in ranked if (row["score"] or 0.0) < full / 2]
    right = [row["id"] for row in ranked if (row["score"] or 0.0) >= full / 2]
    return wrong[:_WRONG] + right[:_RIGHT]


def _record(item: Item, way: Protocol) -> dict[str, Any]:
    return {
        **item.fields,
        "metric": way.metric_of(item),
        "id": item.id,
        "references": list(item.references),
    }


def _head(item: Item, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": item.id,
        "question": item.question,
        "prompt": answer["prompt"],
        "images": answer["images"],
        "references": list(item.references),
    }


def _scored(
    records: Sequence[Mapping[str, Any]],
    answers: Mapping[str, Mapping[str, Any]],
    benchmark: Benchmark,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return records with answer, parsed and score, and what they say together."""
    full = [{**r, "prediction": answers[r["id"]]["answer"]} for r in records]
    found = score_records(full)
    rows = [
        {**record, "score": item["score"], "parsed": item.get("parsed", item.get("normalized"))}
        for record, item in zip(full, found["items"], strict=True)
    ]
    metrics = found["summary"]["metrics"]
    summary = next(iter(metrics.values())) if len(metrics) == 1 else _joined(metrics, rows)
    return rows, summary | ({"extra": benchmark.extra(rows)} if benchmark.extra else {})


def _joined(
    metrics: Mapping[str, Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return one summary of several metrics: the mean over all questions."""
    scores = np.array([row["score"] or 0.0 for row in rows])
    return {
        "metric": "+".join(metrics),
        "program": "+".join(dict.fromkeys(told["program"] for told in metrics.values())),
        "n": len(rows),
        "unparsed": sum(told["unparsed"] for told in metrics.values()),
        "rejected": sum(told["rejected"] for told in metrics.values()),
        "mean": float(scores.mean()),
        "ci95": list(interval(scores)),
        "parts": dict(metrics),
    }


def _row(
    number: int,
    head: Mapping[str, Any],
    record: Mapping[str, Any],
    told: Mapping[str, tuple[list[dict[str, Any]], dict[str, Any]]],
) -> dict[str, Any]:
    own = {"references", "metric", "id"}
    row = {
        **head,
        "metric": record["metric"],
        "fields": _json({k: v for k, v in record.items() if k not in own}),
    }
    for mode, start in (("seen", ""), ("blind", "blind_")):
        if mode in told:
            scored = told[mode][0][number]
            parsed = scored["parsed"]
            row[f"{start}answer"] = scored["prediction"]
            row[f"{start}parsed"] = parsed if isinstance(parsed, str | None) else _json(parsed)
            row[f"{start}score"] = scored["score"]
    return row


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()
