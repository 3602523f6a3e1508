"""Samples decided by hand: a block list drops them, an allow list keeps them whatever rules say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from cauldron.errors import RecipeError
from cauldron.storage import files
from cauldron.storage.keys import key_of

BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """Ids of samples that are always dropped, and of such that no rule drops."""

    block: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """A hash of both lists; empty where both are."""
        return key_of(sorted(self.block), sorted(self.allow)) if self.block or self.allow else ""

    def applied(self, decisions: pl.DataFrame) -> pl.DataFrame:
        """Return decisions with those of the lists in place of those of the rules."""
        if not self.key:
            return decisions
        ids = pl.col("id")
        block, allow = ids.is_in(list(self.block)), ids.is_in(list(self.allow - self.block))
        by_hand = block | allow
        return decisions.with_columns(
            keep=pl.when(by_hand).then(allow).otherwise(pl.col("keep")),
            reason=pl.when(block)
            .then(pl.lit(BLOCKED))
            .when(allow)
            .then(pl.lit(""))
            .otherwise("reason"),
            detail=pl.when(block)
            .then(pl.lit("block list"))
            .when(allow)
            .then(pl.lit("allow list"))
            .otherwise("detail"),
            value=pl.when(~by_hand).then(pl.col("value")),
            threshold=pl.when(~by_hand).then(pl.col("threshold")),
            images=pl.when(~block).then(pl.col("images")),
        )


def read_ids(url: str) -> frozenset[str]:
    """Return the ids of a list, one a line, remarks behind #; none where it is not there."""
    if not files.exists(url):
        return frozenset()
    lines = files.read_bytes(url).decode("utf-8", "replace").splitlines()
    told = (line.split(" #")[0].strip() for line in lines)
    return frozenset(text for text in told if text and text[0] != "#")


def read_lists(block: Iterable[str], allow: Iterable[str]) -> Lists:
    """Read the files of both lists.

    Raises:
        RecipeError: if one is not there.
    """
    found = {}
    for name, urls in (("block", block), ("allow", allow)):
        for url in urls:
            if not files.exists(url):
                raise RecipeError(f"no {name} list here", place=url)
        found[name] = frozenset[str]().union(*map(read_ids, urls))
    return Lists(**found)
