"""Jobs with receipts: work that is done is not done again, and a cut-off run goes on.

A receipt is written after its output; it holds the key of everything that the output depends on.
A job whose receipt has the same key, and whose output still has the size stated, is not run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from cauldron.engine.base import Engine, Lost
from cauldron.errors import CauldronError, CheckError, OtherShares, StorageError
from cauldron.storage import files

_LOOKS = 32  # requests to a store at a time: each is mostly waiting
_MOST_FAILURES = 20  # more have one reason that the user must see to


Item = TypeVar("Item")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work: `function(*arguments)` writes `outputs` and returns a plain dict.

    Args:
        key: hash of all that the outputs depend on.
        receipt: URL of the receipt.
        outputs: URLs it may write; one that it does not write must not be there afterwards.
    """

    key: str
    receipt: str
    outputs: tuple[str, ...]
    function: Callable[..., dict[str, Any]]
    arguments: tuple[Any, ...]

    def without_culprit(self) -> Job | None:
        """Return this job without the record that its worker died on, None if that is unknown."""
        known = getattr(self.arguments[0], "without_culprit", None)
        lighter = known() if known else None
        return replace(self, arguments=(lighter, *self.arguments[1:])) if lighter else None


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that could not be done, and why."""

    job: Job
    error: CauldronError


def finished(job: Job) -> dict[str, Any] | None:
    """Return the result of a job that is already done, else None."""
    receipt = _receipt(job)
    if receipt.get("key") != job.key or receipt.get("outputs") != _sizes(job.outputs):
        return None
    result: dict[str, Any] | None = receipt.get("result")
    return result


def _receipt(job: Job) -> dict[str, Any]:
    """Return what a job's receipt says; a missing or damaged one says nothing."""
    try:
        told = files.read_json(job.receipt) if files.exists(job.receipt) else {}
    except StorageError:
        return {}
    return told if isinstance(told, dict) else {}


def looked_up(look: Callable[[Item], Found], items: Sequence[Item], place: str) -> list[Found]:
    """Return `look(item)` for each item in order; at a store many are looked up at a time."""
    if files.is_local(place):
        return [look(item) for item in items]
    with ThreadPoolExecutor(_LOOKS) as pool:
        return list(pool.map(look, items))


def perform(job: Job) -> dict[str, Any]:
    """Run a job, or return what its receipt says when it is done."""
    done = finished(job)
    if done is not None:
        return {**done, "resumed": True}
    files.remove(job.receipt)
    result = job.function(*job.arguments)
    receipt = {"key": job.key, "outputs": _sizes(job.outputs), "result": result}
    files.write_json(job.receipt, receipt)
    return {**result, "resumed": False}


def perform_all(
    engine: Engine,
    jobs: Sequence[Job],
    apart: list[Failure] | None = None,
    shared: bool = True,
    dangerous: bool = False,
) -> Iterator[dict[str, Any]]:
    """Run jobs on an engine, results in order; nothing is started for those already done.

    A job that fails, or whose worker dies again and again, does not keep the others from being
    done. Its error is raised after them; with `apart` it is put there instead, unless every job
    fails or very many do. Without `shared` each share of a step does all of them.

    Args:
        dangerous: the jobs read what may end their process; none is done in this one.

    Raises:
        OtherShares: if jobs are left that other shares of the same step have to do.
        CheckError: naming the first job that could not be done.
    """
    done = looked_up(finished, jobs, jobs[0].receipt if jobs else "")
    own = [not shared or _is_own(engine, number) for number in range(len(jobs))]
    tasks = [j for j, d, o in zip(jobs, done, own, strict=True) if d is None and o]
    results = engine.run(_attempt, tasks, dangerous or any(map(_failed_before, tasks)))
    failures: list[Failure] = []
    left = 0
    for job, result, mine in zip(jobs, done, own, strict=True):
        if result is None and not mine:
            result = finished(job)
        if result is not None:
            yield {**result, "resumed": True}
        elif not mine:
            left += 1
        else:
            made = _failed(job, next(results))
            if isinstance(made, dict):
                yield made
                continue
            failures.append(made)
            with contextlib.suppress(StorageError):  # where that failed, so does this
                files.write_json(job.receipt, {"key": job.key, "failed": str(made.error)})
            if len(failures) > _MOST_FAILURES:
                raise made.error
    if left:
        raise OtherShares(left, len(jobs), engine.share)
    if failures and (apart is None or len(failures) == len(jobs)):
        raise failures[0].error
    if apart is not None:
        apart += failures


def _is_own(engine: Engine, number: int) -> bool:
    return engine.share is None or number % engine.share[1] == engine.share[0]


def _attempt(job: Job) -> dict[str, Any] | CauldronError:
    """Perform a job; an error is a result too, so that it stops no other job."""
    try:
        return perform(job)
    except CauldronError as error:
        return error
    except OSError as error:
        told = f"failed on {name_of(job)}: {error.strerror or error}"
        return StorageError(told, place=files.redacted(str(error.filename or _place(job))))
    except Exception as error:
        told = f"{type(error).__name__}: {error}"[:500]
        return CheckError(f"failed on {name_of(job)}: {told}", place=_place(job))


def _failed(job: Job, made: Any) -> dict[str, Any] | Failure:
    if isinstance(made, Lost):
        made = CheckError(f"{name_of(job)} could not be done: {made.why}", place=_place(job))
    return Failure(job, made) if isinstance(made, CauldronError) else made


def _failed_before(job: Job) -> bool:
    return "failed" in _receipt(job)


def name_of(job: Job) -> str:
    """Return the step and part of a job, as in the name of its receipt."""
    return "/".join(job.receipt.removesuffix(".json").split("/")[-2:])


def _place(job: Job) -> str:
    return files.redacted(job.outputs[0]) if job.outputs else ""


def _sizes(urls: tuple[str, ...]) -> list[int | None]:
    return [files.size_bytes(url) if files.exists(url) else None for url in urls]
