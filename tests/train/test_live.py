"""The view in the terminal: figures, sources and the course of the loss."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from cauldron.train.live import View, curve
from cauldron.train.settings import TrainSettings
from tests.train.runs import trainer


def test_the_view_shows_a_real_step(manifest: str, settings: TrainSettings, tmp_path: Path) -> None:
    trainer(manifest, settings, tmp_path).run(stop=2)
    out = io.StringIO()
    view = View(Console(file=out, force_terminal=True, width=120))
    for line in (tmp_path / "log.jsonl").read_text().splitlines():
        view.show(json.loads(line))
    view.close()
    shown = out.getvalue()
    assert all(word in shown for word in ("tokens/s", "waited", "vqarad", "docvqa", "train"))


def test_the_curve_falls_with_the_loss() -> None:
    assert curve([3.0, 2.0, 1.0]) == "█▅▁"
    assert len(curve([1.0] * 600)) == 60
