"""Mutated inputs for every reader: none raises outside the reject path."""

from __future__ import annotations

import pytest

from tests.fuzz.mutate import mutated
from tests.fuzz.run import fuzzed
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_no_mutated_input_breaks_a_reader(name: str) -> None:
    assert fuzzed(name, 30 if name == "pdf" else 100)[2] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_no_mutated_input_of_many_breaks_a_reader(name: str) -> None:
    assert fuzzed(name, 2_000)[2] == []


def test_the_same_number_gives_the_same_input() -> None:
    seeds = [b"one seed", b"another"]
    made = [mutated("x", number, seeds) for number in range(50)]
    assert made == [mutated("x", number, seeds) for number in range(50)] and len(set(made)) > 40
