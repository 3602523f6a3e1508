"""What a training tells: a JSON line a step, other loggers, odd losses with their samples."""

from __future__ import annotations

import math
import statistics
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from rich.console import Console

from cauldron.errors import UsageError
from cauldron.storage import files
from cauldron.train.live import View
from cauldron.train.settings import Logger

Say = Callable[[str], None]
Sink = Callable[[int, Mapping[str, float]], None]
VALIDATION, SCORES = "validation.jsonl", "suite.jsonl"
WINDOW = 100
_REWRITE = 50
_FEW = 20


class Journal:
    """The log of a training: log.jsonl, validation.jsonl, suite.jsonl, spikes, further loggers.

    Args:
        place: folder of all.
        loggers: names of others.
        spike: deviations above the recent mean that make a loss odd.
        live: draw each step in the terminal, if there is one.
    """

    def __init__(
        self,
        place: str,
        loggers: Sequence[Logger] = (),
        spike: float = 6.0,
        live: bool = False,
    ) -> None:
        self.place, self._spike = place, spike
        self.entries: list[dict[str, Any]] = []
        self.validations: list[dict[str, Any]] = []
        self.scores: list[dict[str, Any]] = []
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._sinks = [_sink(name, place) for name in loggers]
        self._written = 0
        self._view = View(Console(stderr=True)) if live and sys.stderr.isatty() else None

    def close(self) -> None:
        """Bring the file up to date and end the view."""
        if self.entries:
            self.flush()
        if self._view:
            self._view.close()

    def resume(self, stage: str, step: int) -> None:
        """Read back the lines up to a step of a stage; later ones are written anew."""
        self.entries = _up_to(self.url, stage, step)
        self.validations = _up_to(files.join(self.place, VALIDATION), stage, step)
        self.scores = _up_to(files.join(self.place, SCORES), stage, step)
        self._recent.extend(e["loss"] for e in self.entries if e["stage"] == stage)
        self._written = 0
        self.flush()

    def add(self, entry: dict[str, Any]) -> None:
        """Write down a step."""
        self.entries.append(entry)
        numbers = {k: float(v) for k, v in entry.items() if isinstance(v, int | float)}
        numbers |= {f"loss/{name}": loss for name, loss in entry.get("by_source", {}).items()}
        if self._view:
            self._view.show(entry)
        for sink in self._sinks:
            sink(len(self.entries), numbers)
        if files.is_local(self.url) or len(self.entries) - self._written >= _REWRITE:
            self.flush()

    def flush(self) -> None:
        """Bring the file up to date: lines are added where that can be done."""
        if files.is_local(self.url) and self._written:
            with files.local_path(self.url).open("ab") as out:
                out.writelines(map(_line, self.entries[self._written :]))
        else:
            files.write_bytes(self.url, b"".join(map(_line, self.entries)))
        self._written = len(self.entries)

    def odd(self, loss: float) -> bool:
        """Say whether a loss is far above those before it, or no number; then remember it."""
        seen = self._recent
        far = False
        if len(seen) >= _FEW:
            limit = statistics.fmean(seen) + self._spike * max(statistics.pstdev(seen), 1e-3)
            far = loss > limit
        if not math.isfinite(loss):
            return True
        seen.append(loss)
        return far

    def validated(self, entry: dict[str, Any]) -> None:
        """Write down a loss on held-out samples."""
        self.validations.append(entry)
        url = files.join(self.place, VALIDATION)
        files.write_bytes(url, b"".join(map(_line, self.validations)))

    def scored(self, entry: dict[str, Any]) -> None:
        """Write down the scores of benchmarks, {stage, step, scores}."""
        self.scores.append(entry)
        url = files.join(self.place, SCORES)
        files.write_bytes(url, b"".join(map(_line, self.scores)))
        if self._view:
            self._view.scored(entry)
        for sink in self._sinks:
            sink(len(self.entries), {f"eval/{k}": v for k, v in entry["scores"].items()})

    def note_spike(self, rank: int, found: Mapping[str, Any]) -> None:
        """Keep the samples of an odd step, those with the highest loss first."""
        name = f"{found['stage']}-{found['step']:08d}-rank-{rank}.json"
        files.write_json(files.join(self.place, "spikes", name), dict(found))

    @property
    def url(self) -> str:
        """The file of lines."""
        return files.join(self.place, "log.jsonl")


def _up_to(url: str, stage: str, step: int) -> list[dict[str, Any]]:
    """Return the lines before those after a step of a stage."""
    found = []
    for entry in _lines_of(url):
        if entry["stage"] == stage and entry["step"] > step:
            break
        found.append(entry)
    return found


def _lines_of(url: str) -> list[dict[str, Any]]:
    """Return the lines of a file, without one that a kill cut off."""
    found = []
    for line in files.read_bytes(url).splitlines() if files.exists(url) else []:
        try:
            found.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            break
    return found


def _line(entry: Mapping[str, Any]) -> bytes:
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)


def _sink(name: Logger, place: str) -> Sink:
    """Return what hands numbers to another logger.

    Raises:
        UsageError: if it is not installed.
    """
    try:
        if name == "tensorboard":
            from torch.utils.tensorboard import SummaryWriter

            writer = SummaryWriter(str(files.local_path(files.join(place, "tensorboard"))))
            return lambda step, numbers: _to_tensorboard(writer, step, numbers)
        if name == "trackio":
            import trackio as tracker
        else:
            import wandb as tracker
    except ImportError as error:
        raise UsageError(f"logger {name}: {error}", hint=f"pip install {name}") from error
    tracker.init(project="cauldron")
    return lambda step, numbers: tracker.log(dict(numbers), step=step)


def _to_tensorboard(writer: Any, step: int, numbers: Mapping[str, float]) -> None:
    for key, value in numbers.items():
        writer.add_scalar(key, value, step)
    writer.flush()
