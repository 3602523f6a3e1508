"""How every command runs: errors on one screen, exit codes, JSON on standard output."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from cauldron.errors import CauldronError, OtherShares, StorageError
from cauldron.redaction import guard_logs, without_secrets

LOG_LEVEL = "CAULDRON_LOG"
"""The environment variable that turns the logs of all libraries on: debug, info, warning."""


def start_logs() -> None:
    """Keep secrets out of all logs, and show them on standard error where that is asked for."""
    guard_logs()
    level = os.environ.get(LOG_LEVEL, "").upper()
    if level in ("DEBUG", "INFO", "WARNING"):
        shape = "%(asctime)s %(levelname)s %(name)s: %(message)s"
        logging.basicConfig(level=level, format=shape, stream=sys.stderr)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Turn errors into one clear message on standard error and the exit code of their kind."""
    try:
        yield
    except OtherShares as error:
        message(f"{error.message}\n  {error.hint}")
        if "--json" in sys.argv:
            emit({"status": "waiting", "message": error.message})
        raise SystemExit(0) from None
    except CauldronError as error:
        message(f"error: {error.place + ': ' if error.place else ''}{error.message}")
        if error.hint:
            message(f"  {error.hint}")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        message("interrupted; the same command goes on where it stopped")
        raise SystemExit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except (SystemExit, GeneratorExit):
        raise
    except OSError as error:
        message(f"error: {error.filename or type(error).__name__}: {error.strerror or error}")
        raise SystemExit(StorageError.exit_code) from None
    except BaseException as error:  # a panic of polars is no Exception
        _unforeseen(error)
        raise SystemExit(1) from None


def _unforeseen(error: BaseException) -> None:
    """Tell a fault of the program itself in two lines; where it lies only when that is asked."""
    logging.getLogger(__name__).debug("unforeseen", exc_info=error)
    first = (str(error).strip() or "no details").splitlines()[0][:500]
    message(f"error: unforeseen {type(error).__name__}: {first}")
    message(f"  this is a fault of cauldron; {LOG_LEVEL}=debug shows where, please report it")


def message(text: str) -> None:
    """Write a line to standard error: no secrets, control characters made visible."""
    print(visible(without_secrets(text)), file=sys.stderr)


def visible(text: str) -> str:
    """Return text with control characters written out, so that data cannot drive a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def emit(value: Any) -> None:
    """Write one JSON object to standard output."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    sys.stdout.write(orjson.dumps(value, option=options, default=str).decode() + "\n")


class Progress:
    """Progress on standard error: a bar on a terminal, otherwise a line every few seconds."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty() and "NO_COLOR" not in os.environ
        self._last = self._began = self._seen = time.monotonic()
        self._step, self._first = "", 0

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if step != self._step:
            self._step, self._began, self._first = step, self._seen, done - 1
        self._seen = now
        if done < total and now - self._last < (0.2 if self._live else 5):
            return
        self._last = now
        line = f"{step}: part {done} of {total}{self._rate(now, done, total)}"
        if self._live:
            end = "\n" if done == total else ""
            print(f"\r\x1b[2K{visible(line)}", end=end, file=sys.stderr, flush=True)
        elif done < total or now - self._began >= 5:
            message(line)

    def _rate(self, now: float, done: int, total: int) -> str:
        """Return parts a second of this step, and how long the rest will take."""
        rate = (done - self._first) / max(now - self._began, 1e-3)
        left = f", {(total - done) / rate:,.0f} s left" if done < total else ""
        return f", {rate:.3g} a second{left}" if now - self._began >= 1 else ""


def table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Print a table to standard output; numbers stand to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(r[number], int | float) for r in rows)
        grid.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(_cell(value)) for value in row))
    width = None if sys.stdout.isatty() else 160
    Console(highlight=False, soft_wrap=False, width=width).print(grid)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return visible(str(value))
