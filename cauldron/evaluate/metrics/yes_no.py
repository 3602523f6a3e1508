"""Yes or no: how three programs read it from a reply."""

from __future__ import annotations

from cauldron.evaluate.metrics.vqa import unmarked


def pope(reply: str) -> str | None:
    """Return "no" if the first sentence says no or not, else "yes", as POPE's program does."""
    words = reply.split(".")[0].replace(",", "").split(" ")
    return "no" if {"No", "not", "no"} & set(words) else "yes"


def exact_lmms(reply: str) -> str | None:
    """Return the whole reply in lower case, as lmms-eval compares it."""
    return reply.lower().strip()


def either_vlmevalkit(reply: str) -> str | None:
    """Return the one of "yes" and "no" that is among the words, or None if none or both are."""
    words = set(unmarked(reply.lower()).split())
    said = words & {"yes", "no"}
    return said.pop() if len(said) == 1 else None
