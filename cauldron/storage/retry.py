"""Another try at a network service that is busy, cut off or asks for patience."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
TRIES = 7
FIRST_WAIT_S, MOST_WAIT_S = 0.5, 60.0
_PASSING = (408, 412, 422, 429)
"""Besides 5xx: a time-out, a commit by somebody else, a damaged upload, too many requests."""


def retried(call: Callable[[], T]) -> T:
    """Return what a call returns, tried several times where its failure may pass.

    Raises:
        Exception: the last failure, or the first that no other try can mend.
    """
    for number in range(TRIES - 1):
        try:
            return call()
        except Exception as error:
            if not passing(error):
                raise
            wait_before(error, number)
    return call()


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind an error, None where there was no answer."""
    codes = (getattr(getattr(e, "response", None), "status_code", None) for e in _chain(error))
    return next((int(code) for code in codes if code is not None), None)


def passing(error: BaseException) -> bool:
    """Say whether another try may go better: overload, a cut connection, a damaged upload."""
    status = status_of(error)
    if status is not None:
        return status >= 500 or status in _PASSING
    modules = {type(e).__module__.partition(".")[0] for e in _chain(error)}
    cut = any(isinstance(e, ConnectionError | TimeoutError) for e in _chain(error))
    return cut or bool(modules & {"httpx", "httpx2", "httpcore", "httpcore2"})


def wait_before(error: BaseException, number: int) -> None:
    """Sleep as the server asks, else twice as long as before, with jitter."""
    told = [getattr(getattr(e, "response", None), "headers", {}) for e in _chain(error)]
    asked = next((h["Retry-After"] for h in told if "Retry-After" in h), "")
    wait = FIRST_WAIT_S * 2**number * random.uniform(0.75, 1.25)
    time.sleep(min(float(asked) if asked.isdigit() else wait, MOST_WAIT_S))
