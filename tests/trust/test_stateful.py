"""Threat 18, by random histories: whatever happened before, resume gives what no cut would."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cauldron.engine.local import LocalEngine
from cauldron.engine.receipts import Job, perform_all
from cauldron.mixture.order import Order, Stage
from cauldron.storage import files
from cauldron.storage.keys import key_of

JOBS = 4
NUMBERS = st.integers(0, JOBS - 1)


class Cut(BaseException):
    """The end of a run in the middle of a job."""


class Machine:
    """What jobs write; it may end before, between or after its two files."""

    def __init__(self, place: Path) -> None:
        self.place, self.cut, self.made = place, (-1, 0), list[int]()

    def outputs(self, number: int) -> tuple[str, str]:
        return str(self.place / f"{number}.a"), str(self.place / f"{number}.b")

    def write(self, number: int, text: str) -> dict[str, Any]:
        self.made.append(number)
        for step, url in enumerate(self.outputs(number)):
            if self.cut == (number, step):
                raise Cut
            files.write_bytes(url, f"{step} {text}".encode())
        if self.cut == (number, 2):
            raise Cut
        return {"text": text}


class Resume(RuleBasedStateMachine):
    """Jobs whose inputs change, that are cut off, and whose files are lost or damaged."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="cauldron-resume-"))
        self.machine = Machine(self.folder)
        self.texts = ["begun"] * JOBS
        self.stale = set(range(JOBS))

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def jobs(self) -> list[Job]:
        return [
            Job(
                key=key_of("job", number, text),
                receipt=str(self.folder / "receipts" / f"{number}.json"),
                outputs=self.machine.outputs(number),
                function=self.machine.write,
                arguments=(number, text),
            )
            for number, text in enumerate(self.texts)
        ]

    @rule(number=NUMBERS, text=st.text("abc", max_size=3))
    def change(self, number: int, text: str) -> None:
        if text != self.texts[number]:
            self.texts[number] = text
            self.stale.add(number)

    @rule(number=NUMBERS, side=st.integers(0, 1), damage=st.sampled_from(["lost", "shorter"]))
    def harm_output(self, number: int, side: int, damage: str) -> None:
        path = Path(self.machine.outputs(number)[side])
        if path.exists():
            path.unlink() if damage == "lost" else path.write_bytes(path.read_bytes()[:-1])
            self.stale.add(number)

    @rule(number=NUMBERS, payload=st.sampled_from([b"", b"{", b"[]", b'{"key": 1}']))
    def harm_receipt(self, number: int, payload: bytes) -> None:
        path = self.folder / "receipts" / f"{number}.json"
        if path.exists():
            path.write_bytes(payload)
            self.stale.add(number)

    @rule(number=NUMBERS, step=st.integers(0, 2))
    def run_cut_off(self, number: int, step: int) -> None:
        self.machine.cut = (number, step)
        with LocalEngine(0) as engine:
            if number in self.stale:
                with pytest.raises(Cut):
                    list(perform_all(engine, self.jobs()))
            else:
                list(perform_all(engine, self.jobs()))
        self.machine.cut = (-1, 0)
        self.stale &= set(range(number, JOBS)) if number in self.stale else set()

    @rule()
    def run(self) -> None:
        self.machine.made.clear()
        with LocalEngine(0) as engine:
            results = list(perform_all(engine, self.jobs()))
        assert [result["text"] for result in results] == self.texts
        assert self.machine.made == sorted(self.stale)
        self.stale.clear()
        for number, text in enumerate(self.texts):
            written = [Path(url).read_text() for url in self.machine.outputs(number)]
            assert written == [f"0 {text}", f"1 {text}"]

    @invariant()
    def nothing_is_half_written(self) -> None:
        assert not list(self.folder.rglob(f"*{files.TEMPORARY}"))


WEIGHTS = st.lists(st.integers(0, 5), min_size=3, max_size=3).filter(any)
SIZES = st.lists(st.integers(1, 12), min_size=3, max_size=3)
NAMES = ("a", "b", "c")


class Mixture(RuleBasedStateMachine):
    """A mixture that is drawn from, re-weighted, and picked up again from its state."""

    @initialize(sizes=SIZES, weights=WEIGHTS, seed=st.integers(0, 9))
    def begin(self, sizes: list[int], weights: list[int], seed: int) -> None:
        shares = tuple(w / sum(weights) for w in weights)
        self.first = Order(seed, NAMES, tuple(sizes), (Stage(shares=shares),))
        self.order = self.first
        self.changes: list[tuple[int, dict[str, float]]] = []
        self.drawn: list[tuple[int, int, int]] = []

    def at(self, start: int, stop: int) -> list[tuple[int, int, int]]:
        columns = self.order.samples_at(range(start, stop))
        return list(zip(*(column.tolist() for column in columns), strict=True))

    @rule(number=st.integers(1, 40))
    def draw(self, number: int) -> None:
        self.drawn += self.at(len(self.drawn), len(self.drawn) + number)

    @precondition(lambda self: len(self.changes) < 4)
    @rule(weights=WEIGHTS)
    def change_weights(self, weights: list[int]) -> None:
        told = dict(zip(NAMES, map(float, weights), strict=True))
        self.changes.append((len(self.drawn), told))
        self.order = self.order.reweighed(len(self.drawn), told)

    @rule()
    def pick_up_again(self) -> None:
        self.order = self.first
        for position, weights in self.changes:
            self.order = self.order.reweighed(position, weights)

    @rule(start=st.integers(0, 200), number=st.integers(1, 20))
    def read_anywhere(self, start: int, number: int) -> None:
        stop = min(start + number, len(self.drawn))
        if start < stop:
            assert self.at(start, stop) == self.drawn[start:stop]

    @invariant()
    def each_epoch_shows_a_row_once(self) -> None:
        drawn = getattr(self, "drawn", [])
        assert len(set(drawn)) == len(drawn)
        for source in {s for s, _, _ in drawn}:
            rows = [(epoch, row) for s, row, epoch in drawn if s == source]
            size = self.order.sizes[source]
            assert [epoch for epoch, _ in rows] == [n // size for n in range(len(rows))]


TestThreat18Resume = Resume.TestCase
TestThreat18Resume.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
TestMixture = Mixture.TestCase
TestMixture.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
