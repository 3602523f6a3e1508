"""What a card tells of curation: records left out and why, filters, changed samples, benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cauldron.publish.escape import inline, table
from cauldron.publish.facts import Facts

_BOUNDS = {
    "min": "at least",
    "max": "at most",
    "equals": "is",
    "one_of": "of",
    "none_of": "none of",
}
_PICTURES = {"all": "", "any": " (one picture is enough)", "each": " (else the picture leaves)"}
_EDITS = {
    "images_left_out": "pictures left out",
    "paragraphs_left_out": "repeated paragraphs left out",
    "merged": "samples merged into others on the same pictures",
}


def curation(facts: Facts) -> str:
    """Return what became of the records of each source, and by which filters."""
    if not any(told.counts for told in facts.sources):
        return ""
    head = ["source", "read", "quarantined", "skipped", "dropped", "kept", "reasons"]
    rows: list[list[object]] = []
    for told in facts.sources:
        c = told.counts
        if not c:
            continue
        reasons = {**c["quarantined"], **c["skipped"], **c["dropped"]}
        shown = ", ".join(f"{reason} {number}" for reason, number in reasons.items())
        sums = [sum(c[key].values()) for key in ("quarantined", "skipped", "dropped")]
        rows.append([told.name, c["read"], *sums, c["kept"], shown])
    parts = [
        "## What was left out\n\nEvery record that was read is kept, or left out with one reason. "
        "Quarantined records could not be used, skipped ones were left out on purpose, dropped "
        "samples failed a rule, were duplicates or overlapped with a benchmark.",
        "![What became of the records of each source](plots/kept.png)",
        table(head, rows),
        _filters(facts),
        _changed(facts),
        _unfit(facts),
    ]
    return "\n\n".join(part for part in parts if part)


def _filters(facts: Facts) -> str:
    if not facts.rules:
        return ""
    gone = facts.left_out("filter")
    rows: list[list[object]] = [
        [rule["name"], _condition(rule), gone.get(rule["name"], 0)] for rule in facts.rules
    ]
    named = {rule["name"] for rule in facts.rules}
    rows += [[reason, "", number] for reason, number in gone.items() if reason not in named]
    told = "Filters, and the samples that each dropped first:"
    return f"{told}\n\n{table(['filter', 'what stays', 'dropped'], rows)}"


def _condition(rule: Mapping[str, Any]) -> str:
    """Return the condition of a rule in words."""
    bounds = " and ".join(
        f"{words} {_value(rule[key])}"
        for key, words in _BOUNDS.items()
        if rule.get(key) is not None
    )
    when = f" when {_condition(rule['when'])}" if rule.get("when") else ""
    roles = f", {rule['roles']}s only" if rule.get("roles") else ""
    only = f", of {_value(rule['only'])}" if rule.get("only") else ""
    return f"{rule['signal']} {bounds}{_PICTURES[rule.get('images', 'all')]}{when}{roles}{only}"


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value) or "empty"


def _changed(facts: Facts) -> str:
    lines = [
        f"- {inline(told.name)}: "
        + ", ".join(f"{number:,} {_EDITS[key]}" for key, number in told.edits.items())
        for told in facts.sources
        if told.edits
    ]
    return "\n".join(["Samples that stay, but changed:", "", *lines]) if lines else ""


def _unfit(facts: Facts) -> str:
    lines = [
        f"- {inline(name)}: " + ", ".join(f"{inline(r)} {n:,}" for r, n in reasons.items())
        for name, reasons in facts.unfit.items()
    ]
    told = f"The form `{facts.form}` has no place for these samples of the mixture:"
    return "\n".join([told, "", *lines]) if lines else ""


def decontamination(facts: Facts) -> str:
    """Return which benchmarks the samples were compared with, and what was found."""
    if not facts.overlap:
        return "## Decontamination\n\nNothing is on record about benchmarks compared with."
    kinds = list(dict.fromkeys(kind for found in facts.overlap.values() for kind in found))
    rows: list[list[object]] = [
        [name, *(int(found.get(kind, 0)) for kind in kinds)]
        for name, found in facts.overlap.items()
    ]
    gone = facts.left_out("decontaminate")
    dropped = ", ".join(f"{inline(r)} {n:,}" for r, n in gone.items()) or "none"
    head = ["benchmark", *(kind.replace("_", " ") for kind in kinds)]
    return (
        "## Decontamination\n\nSamples that overlap with each benchmark: by picture and question "
        f"(both), or by one of them. Dropped: {dropped}.\n\n{table(head, rows)}"
    )
