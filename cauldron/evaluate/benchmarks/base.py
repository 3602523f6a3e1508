"""What a benchmark is: where its items stand, and the ways in which programs ask and score them."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cauldron.errors import SourceError, UsageError, near
from cauldron.evaluate.benchmarks.place import Picture, Place

BRIEF = "Question: {question}\nGive a very brief answer."
LETTER = "Question: {question}\nChoices:\n{choices}\nAnswer with the letter."
LMMS_WORD = "{question}\nAnswer the question using a single word or phrase."
LMMS_LETTER = (
    "{question}\n{choices}\nAnswer with the option's letter from the given choices directly."
)
STOPS = ("Question", "User", "<end_of_utterance>", "<eos>")  # arXiv:2405.02246, appendix
SHOT = "Question: {question} Answer:"
_NAMED = re.compile(r"\{(hint|choices|Question|question|query)\}")
SMALL = 1000  # items of a validation set of the ablations, whose size the paper does not tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question.

    Args:
        id: stable in its benchmark and split.
        question: the data set's own words.
        images: in the order of the question.
        references: answers; letters where there are choices.
        choices: texts of the options, by letter from A on.
        hint: what the data set tells beside the question.
        fields: what metrics need beside references, and categories.
    """

    id: str
    question: str
    images: tuple[Picture, ...]
    references: tuple[str, ...]
    choices: tuple[str, ...] = ()
    hint: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A way to ask and score: prompt, shots, split and metric.

    Args:
        metric: of `evaluate.metrics.records`.
        prompt: with {question}, {Question} (capitalised), {choices}, {hint}, {query} (the data
            set's own prompt).
        choice_metric: for items with choices, where it is another one.
        choice_prompt: likewise.
        hint: how a hint is told, {} in it.
        split: that is scored; empty: the benchmark's first that is there.
        shots: examples before the question.
        max_new_tokens: longest answer.
        stops: texts at which an answer is cut.
        limit: most items, drawn by a hash of their ids; 0: all.
    """

    metric: str
    prompt: str
    choice_metric: str = ""
    choice_prompt: str = ""
    hint: str = "{}\n"
    split: str = ""
    shots: int = 0
    max_new_tokens: int = 16
    stops: tuple[str, ...] = ()
    limit: int = 0

    def metric_of(self, item: Item) -> str:
        """Return the metric of an item."""
        return self.choice_metric if item.choices and self.choice_metric else self.metric

    def ask(self, item: Item) -> str:
        """Return the prompt of an item."""
        form = self.choice_prompt if item.choices and self.choice_prompt else self.prompt
        parts = {
            "hint": self.hint.replace("{}", item.hint) if item.hint else "",
            "choices": "\n".join(f"{x}. {t}" for x, t in lettered(item.choices).items()),
            "Question": item.question.capitalize(),
            "question": item.question,
            "query": str(item.fields.get("query", "")),
        }
        return _NAMED.sub(lambda found: parts[found.group(1)], form)


_LOOKED_AT = 64  # rows, to tell a split without answers
_OTHER_FORM = (KeyError, TypeError, ValueError, IndexError, AttributeError)
Read = Callable[[Place, str], Iterator[Item]]
Extra = Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A benchmark.

    Args:
        title: as people call it.
        splits: that it scores, best first, as named in its files.
        train: split that shots come from; empty: it has none.
        official: items of the files as released.
        hub: an item of a row of hub Parquet; None: the row asks nothing.
        hub_repo: where such Parquet stands on the hub.
        hub_config: its folder, where the repository holds other sets of the same splits.
        protocols: ways to ask, by name.
        extra: further numbers over all scored rows.
    """

    name: str
    title: str
    splits: tuple[str, ...]
    official: Read
    hub: Callable[[Mapping[str, Any], str], Item | None]
    hub_repo: str
    protocols: Mapping[str, Protocol]
    train: str = ""
    hub_config: str = ""
    extra: Extra | None = None

    def items(self, place: Place, split: str) -> Iterator[Item]:
        """Yield the items of a split, in the order of the files; the same id twice is refused.

        Raises:
            SourceError: if the folder does not hold them.
        """
        tables = self._tables(place, split)
        found = self._hub_items(place, tables, split) if tables else self._official(place, split)
        seen: set[str] = set()
        for item in found:
            if item.id in seen:
                raise SourceError(f"{self.name}: the id '{item.id}' comes twice", place=place.url)
            seen.add(item.id)
            yield item
        if not seen:
            raise SourceError(
                f"{self.name}: no items of split '{split}'", place=place.url, hint=self.layout
            )

    def _tables(self, place: Place, split: str) -> list[str]:
        found = place.parquet(split)
        own = [name for name in found if self.hub_config in name.split("/")[:-1]]
        return own or found

    def _official(self, place: Place, split: str) -> Iterator[Item]:
        try:
            yield from self.official(place, split)
        except _OTHER_FORM as error:
            told = f"{self.name}: split '{split}' has another form: {error!r}"
            raise SourceError(told, place=place.url, hint=self.layout) from error

    def _hub_items(self, place: Place, tables: Sequence[str], split: str) -> Iterator[Item]:
        for number, row in enumerate(place.rows(tables)):
            item = self._hub_item(number, row, split, place)
            if item is not None:
                yield item

    def _hub_item(
        self, number: int, row: Mapping[str, Any], split: str, place: Place
    ) -> Item | None:
        """Return the item of a row, named by its number where it has no id of its own."""
        try:
            item = self.hub(row, split)
            return replace(item, id=f"row_{number}") if item and not item.id else item
        except _OTHER_FORM as error:
            raise SourceError(
                f"{self.name}: row {number} has another form: {error!r}", place=place.url
            ) from error

    @property
    def layout(self) -> str:
        """Where the files come from."""
        return f"the official files, or Parquet as in hf://datasets/{self.hub_repo}"

    def scored_splits(self, place: Place) -> list[str]:
        """Return the splits with answers that a folder holds.

        Raises:
            SourceError: if it holds none.
        """
        found = [split for split in self.splits if self._holds(place, split)]
        if not found:
            wanted = ", ".join(self.splits)
            raise SourceError(
                f"{self.name}: none of the splits {wanted}", place=place.url, hint=self.layout
            )
        return found

    def _holds(self, place: Place, split: str) -> bool:
        if tables := self._tables(place, split):
            rows = itertools.islice(place.rows(tables), _LOOKED_AT)
            return any(self._hub_item(n, row, split, place) for n, row in enumerate(rows))
        try:
            next(self._official(place, split))
        except (SourceError, StopIteration):
            return False
        return True

    def protocol(self, name: str) -> Protocol:
        """Return a protocol.

        Raises:
            UsageError: if the benchmark has none of this name.
        """
        if name not in self.protocols:
            known = ", ".join(self.protocols)
            raise UsageError(
                f"{self.name} has no protocol '{name}'{near(name, self.protocols)}", hint=known
            )
        return self.protocols[name]


def lettered(choices: Sequence[str]) -> dict[str, str]:
    """Return options by letter."""
    return dict(zip(string.ascii_uppercase, choices, strict=False))


def letter(number: int) -> str:
    """Return the letter of an option, from 0 on."""
    return string.ascii_uppercase[number]
