"""A view of a running training in the terminal, redrawn in place."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60


class View:
    """The last step in figures, the losses of the sources, and the course of the loss."""

    def __init__(self, console: Console) -> None:
        self._losses: deque[float] = deque(maxlen=600)
        self._scored = Table(box=None, pad_edge=False, show_header=False)
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def show(self, entry: Mapping[str, Any]) -> None:
        """Draw a step."""
        self._losses.append(entry["loss"])
        drawn = _figures(entry), _sources(entry), self._scored, curve(list(self._losses))
        self._live.update(Group(*drawn))

    def scored(self, entry: Mapping[str, Any]) -> None:
        """Draw the latest scores of benchmarks from the next step on."""
        self._scored = Table(box=None, pad_edge=False, show_header=False)
        for name, value in entry["scores"].items():
            self._scored.add_row(name, f"{value:.3f}", f"at step {entry['step']:,}")

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._live.stop()


def _figures(entry: Mapping[str, Any]) -> Table:
    shown = {
        "stage": entry["stage"],
        "step": f"{entry['step']:,}",
        "loss": f"{entry['loss']:.4f}",
        "rate": f"{entry['learning_rate']:.2e}",
        "norm": f"{entry['gradient_norm']:.2f}",
        "tokens/s": f"{entry['tokens_per_s']:,.0f}",
        "images/s": f"{entry['images_per_s']:,.1f}",
        "waited": f"{entry['wait_share']:.0%}",
        "MFU": f"{entry['mfu']:.1%}" if entry["mfu"] is not None else "-",
    }
    grid = Table(box=None, pad_edge=False)
    for name in shown:
        grid.add_column(name, justify="right")
    grid.add_row(*shown.values())
    return grid


def _sources(entry: Mapping[str, Any]) -> Table:
    grid = Table(box=None, pad_edge=False, show_header=False)
    for name, loss in sorted(entry["by_source"].items()):
        grid.add_row(name, f"{loss:.3f}")
    return grid


def curve(losses: list[float]) -> str:
    """Return losses as a line of bars, each the mean of as many steps."""
    size = -(-len(losses) // _WIDTH)
    means = [
        sum(part) / len(part)
        for part in (losses[start : start + size] for start in range(0, len(losses), size))
    ]
    low, high = min(means), max(means)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0
    return "".join(_BARS[round((mean - low) * scale)] for mean in means)
