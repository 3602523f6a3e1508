"""Facts of the report that stand in manifests, the ledger and the results of training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa

from cauldron.lineage import manifests, quarantine_records
from cauldron.stats import sample_ids, source_names, verdicts
from cauldron.storage import files
from cauldron.storage import work as places
from cauldron.storage.shards import read_table

_AMOUNTS = ("samples", "turns", "images", "chars")
_LISTED_RECORDS = 40  # quarantined records shown, spread over the reasons
_SETTINGS_CHARS = 600


def mixtures(work: str) -> list[dict[str, Any]]:
    """Return each mixture with asked and realised shares of its sources, in the recipe's unit.

    Shares of samples, pictures and tokens are of what is drawn: amount times epochs.
    """
    return [_mixture(manifest) for _, manifest in manifests(work)]


def _mixture(manifest: dict[str, Any]) -> dict[str, Any]:
    listed = manifest.get("sources") or []
    drawn = {
        "samples": [_number(s.get("samples")) * _number(s.get("epochs"), 1.0) for s in listed],
        "images": [_number(s.get("images")) * _number(s.get("epochs"), 1.0) for s in listed],
        "tokens": [_number(s.get("tokens_drawn")) for s in listed],
    }
    rows = [
        {
            **{key: source.get(key) for key in ("name", "weight", "epochs", *_AMOUNTS)},
            "asked": _number(source.get("share_asked")),
            "realised": _number(source.get("share")),
            "of": {name: parts[number] / (sum(parts) or 1.0) for name, parts in drawn.items()},
            "shards": len(source.get("shards") or ()),
            "size_bytes": sum(int(s.get("size_bytes") or 0) for s in source.get("shards") or ()),
        }
        for number, source in enumerate(listed)
    ]
    keys = ("name", "unit", "seed", "recipe_sha256", "cauldron_version")
    return {
        **{key: manifest.get(key) for key in keys},
        "algorithm": (manifest.get("order") or {}).get("algorithm"),
        "rows": sorted(rows, key=lambda row: (-row["asked"], str(row["name"]))),
        "largest": max([r["asked"] for r in rows] + [r["realised"] for r in rows], default=0) or 1,
    }


def _number(value: Any, absent: float = 0.0) -> float:
    return float(value) if isinstance(value, int | float) else absent


def walk(value: Any, above: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield (key above, key, value) of every mapping inside nested lists and mappings."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield above, str(key), inner
            yield from walk(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner, above)


def licences(work: str) -> list[dict[str, Any]]:
    """Count samples and kept samples by licence, with the sources that carry it."""
    samples: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    named: dict[str, set[str]] = {}
    for source in places.sources(work):
        for part in places.parts(work, source):
            column = read_table(places.samples(work, source, part), ["license"])["license"]
            keep = verdicts(work, source, part, sample_ids(work, source, part)).keep
            for counter, values in ((samples, column), (kept, column.filter(pa.array(keep)))):
                for item in values.value_counts().to_pylist():
                    name = item["values"] or ""
                    counter[name] += item["counts"]
                    named.setdefault(name, set()).add(source)
    return [
        {"name": name, "samples": number, "kept": kept[name], "sources": sorted(named[name])}
        for name, number in sorted(samples.items(), key=lambda item: (-item[1], item[0]))
    ]


def quarantine(work: str) -> dict[str, Any]:
    """Return quarantined records by reason, and some of each reason with their address."""
    by_reason: dict[str, list[dict[str, str]]] = {}
    count: Counter[str] = Counter()
    for source in files.list_names(files.join(work, "quarantine")) or source_names(work):
        for record in quarantine_records(work, source):
            count[record["reason"]] += 1
            held = by_reason.setdefault(record["reason"], [])
            if len(held) < _LISTED_RECORDS:
                held.append(record)
    each = max(_LISTED_RECORDS // max(len(by_reason), 1), 1)
    ranked = sorted(count, key=lambda reason: (-count[reason], reason))
    return {
        "total": sum(count.values()),
        "records": [r for reason in ranked[:_LISTED_RECORDS] for r in by_reason[reason][:each]],
    }


def ledger(work: str) -> list[dict[str, Any]]:
    """Return what ran: step, source, status and settings of every ledger entry."""
    folder = files.join(work, "ledger")
    entries = []
    for name in files.list_names(folder, ".json"):
        entry = files.read_json(files.join(folder, name))
        if isinstance(entry, dict):
            entries.append({"name": name.removesuffix(".json"), **entry})
    return entries


def runs(entries: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return ledger entries as rows of text, without passwords in URLs."""
    rows = []
    for entry in entries:
        roots = [files.redacted(str(root)) for root in entry.get("roots") or ()]
        settings = orjson.dumps(_redacted(entry.get("settings") or {})).decode()
        subject = [str(entry.get(key) or "") for key in ("source", "split")]
        rows.append(
            {
                "step": str(entry.get("step") or entry["name"]),
                "subject": " / ".join(s for s in subject if s),
                "status": str(entry.get("status") or ""),
                "roots": ", ".join(roots),
                "settings": "" if settings == "{}" else settings[:_SETTINGS_CHARS],
            }
        )
    return rows


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _redacted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(inner) for inner in value]
    return files.redacted(value) if isinstance(value, str) and "://" in value else value


def results(work: str) -> list[dict[str, Any]]:
    """Return scores of a training by task, when WORK/train/results.json is there."""
    url = files.join(work, "train", "results.json")
    found = files.read_json(url) if files.exists(url) else {}
    keys = ("trained", "untrained", "blind", "n")
    tasks = found.items() if isinstance(found, dict) else ()
    rows = [
        {
            "task": task,
            **{k: v if isinstance(v := scores.get(k), int | float) else None for k in keys},
        }
        for task, scores in sorted(tasks)
        if isinstance(scores, dict) and any(key in scores for key in keys)
    ]
    scores = [row[key] for row in rows for key in keys[:3] if row[key] is not None]
    top = 1.0 if max(scores, default=0) <= 1 else 100.0
    return [{**row, "top": top} for row in rows]
