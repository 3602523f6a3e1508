"""Batches by global step: split over ranks and workers, made ahead, resumed from a small state.

Every rank and worker walks the same course of steps and takes its own part, so that the batches
of all ranks, put one behind the other, are the same for any world size and number of workers.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

from torch.utils.data import IterableDataset, get_worker_info

from cauldron.errors import UsageError
from cauldron.loader.heap import keep_freed_memory

AHEAD = 2
State = dict[str, Any]
_T = TypeVar("_T")
_B = TypeVar("_B", covariant=True)


class Course(Protocol[_B]):
    """The global steps of a training stream, one after the other."""

    def plan(self) -> Any:
        """Return what the next step consists of, over all ranks, and move on."""

    def begin(self, plan: Any, state: State, rank: int, world_size: int) -> Callable[[], _B]:
        """Start reading a rank's part of a step; return what waits for it.

        Args:
            state: where the stream stands behind the step, to be kept in the batch.
        """

    def state_dict(self) -> State:
        """Return where the course stands."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go where a state was taken."""

    def close(self) -> None:
        """Let go of files and threads."""


class Steps(IterableDataset[_T], Generic[_T]):
    """A torch dataset of whole batches: give it to `DataLoader(dataset, batch_size=None)`.

    It resumes from the `state` of the last batch that was used: `dataset.load_state_dict(state)`
    before the next `iter`, with any number of ranks and workers. `StatefulDataLoader` does so by
    itself for an unchanged number of workers.

    Args:
        size: rows or samples of a step over all ranks.
        rank: this process among `world_size`; each takes the same share of every step.
        stop: steps after which the stream ends; None never ends it.
        ahead: batches that are made ahead in a thread; 0 makes each when it is asked for.
    """

    def __init__(
        self,
        size: int,
        rank: int = 0,
        world_size: int = 1,
        stop: int | None = None,
        ahead: int = AHEAD,
    ) -> None:
        if not 0 <= rank < world_size:
            raise UsageError(f"rank {rank} of {world_size}")
        if size < 1 or size % world_size:
            raise UsageError(f"a step of {size} cannot be shared evenly by {world_size} ranks")
        self.rank, self.world_size, self.stop, self.ahead = rank, world_size, stop, ahead
        self._state: State = {}

    def course(self) -> Course[_T]:
        """Return the course; made anew in each process that iterates."""
        raise NotImplementedError

    def state_dict(self) -> State:
        """Return where the stream stands after the last batch that it gave: under 1 kB."""
        return dict(self._state)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a state was taken."""
        self._state = dict(state)

    def __iter__(self) -> Iterator[_T]:
        return self.batches()

    def batches(self) -> Generator[_T, None, None]:
        """Yield batches; closing the generator ends the threads behind it."""
        keep_freed_memory()
        course = self.course()
        begun = self._begun(course)
        try:
            for finish, state in in_background(begun, self.ahead) if self.ahead else begun:
                batch = finish()
                self._state = state
                yield batch
        finally:
            course.close()

    def _begun(self, course: Course[_T]) -> Iterator[tuple[Callable[[], _T], State]]:
        """Yield this worker's steps, reading of each begun, with the state behind it."""
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        step = int(self._state.get("step", 0))
        first = int(self._state.get("first", step))
        if self._state:
            course.load_state_dict(self._state)
        while self.stop is None or step < self.stop:
            plan = course.plan()
            step += 1
            if (step - 1 - first) % workers == worker:
                state = {"step": step, **course.state_dict()}
                finish = course.begin(plan, state, self.rank, self.world_size)
                yield finish, state | ({"first": first} if info else {})


def reweighed(state: Mapping[str, Any], weights: Mapping[str, float]) -> State:
    """Return a state from which on sources are drawn by other weights, to the end of the stage.

    The change stands in all states that follow. Samples that wait in the packer are used first.

    Args:
        state: of a batch, the same on all ranks.
        weights: shares of draws by name; sources left out are not drawn.
    """
    changes = [*state.get("changes", []), (int(state["next"]), dict(weights))]
    return {**state, "changes": changes}


def own_part(size: int, rank: int, world_size: int) -> slice:
    """Return a rank's part of a step of `size`."""
    part = size // world_size
    return slice(rank * part, (rank + 1) * part)


def in_background(items: Iterator[_T], ahead: int) -> Iterator[_T]:
    """Yield items that a thread makes, at most `ahead` before they are asked for."""
    made: queue.Queue[tuple[str, Any]] = queue.Queue()
    room = threading.Semaphore(ahead)
    left = threading.Event()

    def make() -> None:
        try:
            while room.acquire() and not left.is_set():
                made.put(("item", next(items)))
        except StopIteration:
            made.put(("end", None))
        except BaseException as error:  # handed on to who asks for the item
            made.put(("error", error))

    thread = threading.Thread(target=make, name="loader", daemon=True)
    thread.start()
    try:
        while True:
            kind, item = made.get()
            if kind == "error":
                raise item
            if kind == "end":
                return
            room.release()
            yield item
    finally:
        left.set()
        room.release()
        thread.join()
