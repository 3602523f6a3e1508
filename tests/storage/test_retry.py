"""A call that may go better is tried again, one that cannot is not."""

from __future__ import annotations

from typing import Any

import pytest

from cauldron.storage import retry


class Answer(Exception):
    """What libraries raise for an answer of a server."""

    def __init__(self, status: int | None, **headers: str) -> None:
        super().__init__(status)
        self.response = type("Response", (), {"status_code": status, "headers": headers})()


class Told(Exception):
    pass


Told.__module__ = "httpx._errors"


def behind(error: Exception, context: bool = False) -> Exception:
    """Return an error that was raised because of another."""
    outer = RuntimeError("outer")
    if context:
        outer.__context__ = error
    else:
        outer.__cause__ = error
    return outer


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr(retry.time, "sleep", waits.append)
    monkeypatch.setattr(retry.random, "uniform", lambda low, high: (low + high) / 2)
    return waits


@pytest.mark.parametrize(
    ("error", "passes"),
    [(Answer(code), True) for code in (408, 412, 422, 429, 500, 503, 599)]
    + [(Answer(code), False) for code in (400, 401, 403, 404, 409, 499)]
    + [
        (behind(Answer(503)), True),
        (behind(Answer(404)), False),
        (behind(Answer(503), context=True), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (behind(ConnectionError()), True),
        (Told(), True),
        (ValueError(), False),
        (Answer(None), False),
    ],
)
def test_what_may_pass_is_tried_to_the_end_and_nothing_else(
    slept: list[float], error: Exception, passes: bool
) -> None:
    calls: list[int] = []

    def call() -> Any:
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        retry.retried(call)
    assert len(calls) == (retry.TRIES if passes else 1)
    assert slept == ([0.5 * 2**n for n in range(6)] if passes else [])


def test_a_call_that_goes_well_ends_it(slept: list[float]) -> None:
    for bad in range(retry.TRIES):
        left = [ConnectionError()] * bad

        def call(left: list[ConnectionError] = left) -> str:
            if left:
                raise left.pop()
            return "well"

        assert retry.retried(call) == "well"
    assert len(slept) == sum(range(retry.TRIES))


def test_a_server_that_asks_for_patience_gets_it_within_reason(slept: list[float]) -> None:
    for headers in ({"Retry-After": "7"}, {"Retry-After": "3600"}, {"Retry-After": "Fri"}, {}):
        retry.wait_before(behind(Answer(429, **headers)), 2)
    retry.wait_before(ConnectionError(), 20)
    assert slept == [7.0, 60.0, 2.0, 2.0, 60.0]


def test_errors_that_name_each_other_end() -> None:
    one, other = RuntimeError(), Answer(503)
    one.__cause__, other.__cause__ = other, one
    assert retry.passing(one) and retry.status_of(one) == 503
    assert retry.status_of(ValueError()) is None
