"""The training loop: batches by step, fused AdamW, losses by source, a state to go on from."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import orjson
import torch

from cauldron.errors import StorageError
from cauldron.model.forward import token_losses
from cauldron.storage import files
from cauldron.train.batches import Batch, Batches
from cauldron.train.settings import TrainSettings

Say = Callable[[str], None]
SAY_EVERY = 50


def rate_at(step: int, settings: TrainSettings) -> float:
    """Return the learning rate of a step from 0 on: straight up, then straight down to a tenth."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    left = (settings.steps - step) / max(settings.steps - settings.warmup_steps, 1)
    return settings.learning_rate * (0.1 + 0.9 * left)


@contextlib.contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Fix threads and algorithms of torch for a block; the caller's settings come back after it."""
    fills: Any = torch.utils.deterministic
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled = fills.fill_uninitialized_memory
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    fills.fill_uninitialized_memory = False  # nothing here reads memory that it did not write
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        fills.fill_uninitialized_memory = filled


class Trainer:
    """A model under training.

    Args:
        names: the sources, by the numbers in `Batch.source`.
        place: folder of log.jsonl and state.pt.
        key: what the run depends on; a state of another key is not used.
    """

    def __init__(
        self,
        model: Any,
        batches: Batches,
        settings: TrainSettings,
        names: tuple[str, ...],
        place: str,
        key: str,
    ) -> None:
        self.model, self.batches, self.settings = model, batches, settings
        self.names, self.place, self.key = names, place, key
        self.step = 0
        self.log: list[dict[str, Any]] = []
        self._optimizer = torch.optim.AdamW(
            _groups(model, settings.weight_decay), settings.learning_rate, (0.9, 0.95), fused=True
        )

    def run(self, say: Say = lambda text: None, stop: int | None = None) -> None:
        """Train up to the last step, or up to step `stop`."""
        self._restore()
        with deterministic(self.settings.threads):
            self.model.train()
            last = min(self.settings.steps, stop or self.settings.steps)
            started = time.perf_counter()
            for batch in self.batches.ahead(self.step, last):
                waited = time.perf_counter() - started
                entry = self._train_step(batch)
                seconds = time.perf_counter() - started
                self._log(entry | {"step_s": seconds, "waited_s": waited}, say)
                started = time.perf_counter()
                every = self.settings.checkpoint_every
                if every and self.step % every == 0 and self.step < self.settings.steps:
                    self._save()
            self.model.eval()

    def _train_step(self, batch: Batch | None) -> dict[str, Any]:
        rate = rate_at(self.step, self.settings)
        self.step += 1
        entry: dict[str, Any] = {"step": self.step, "learning_rate": rate}
        if batch is None:
            return entry | {"skipped": True}
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        losses = _losses(self.model, batch)
        loss = losses.mean()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self._optimizer.step()
        return entry | {
            "loss": loss.item(),
            "gradient_norm": norm.item(),
            "by_source": self._by_source(losses.detach().numpy(force=True), batch),
            "samples": len(batch.ids),
            "tokens": int((batch.packed.sample >= 0).sum()),
            "supervised": len(losses),
            "images": len(batch.pictures),
            "notes": dict(sorted((+batch.notes).items())),
        }

    def _by_source(self, losses: Any, batch: Batch) -> dict[str, float]:
        present = np.unique(batch.source)
        return {self.names[n]: float(losses[batch.source == n].mean()) for n in present}

    def _log(self, entry: dict[str, Any], say: Say) -> None:
        self.log.append(entry)
        if self.step % max(self.settings.steps // 50, 10) == 0 or self.step == self.settings.steps:
            lines = [orjson.dumps(e, option=orjson.OPT_APPEND_NEWLINE) for e in self.log]
            files.write_bytes(files.join(self.place, "log.jsonl"), b"".join(lines))
        if self.step % SAY_EVERY == 0:
            recent = [e["loss"] for e in self.log[-20:] if "loss" in e]
            say(f"train: step {self.step} of {self.settings.steps}, loss {np.mean(recent):.3f}")

    def _save(self) -> None:
        state = {
            "key": self.key,
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "log": orjson.dumps(self.log).decode(),
        }
        out = io.BytesIO()
        torch.save(state, out)
        files.write_bytes(self.state_url, out.getvalue())

    def _restore(self) -> None:
        if self.step or not files.exists(self.state_url):
            return
        try:
            payload = io.BytesIO(files.read_bytes(self.state_url))
            state = torch.load(payload, map_location="cpu", weights_only=True)
            if state["key"] != self.key:
                return
        except (RuntimeError, EOFError, KeyError, TypeError, ValueError) as error:
            raise StorageError(
                "not a training state", place=self.state_url, hint="remove it to start anew"
            ) from error
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self.log = state["step"], orjson.loads(state["log"])

    @property
    def state_url(self) -> str:
        """The saved state to go on from."""
        return files.join(self.place, "state.pt")


def _losses(model: Any, batch: Batch) -> torch.Tensor:
    packed = batch.packed
    ids, positions, targets = (
        torch.from_numpy(part).to(model.device)
        for part in (packed.ids, packed.positions, packed.targets)
    )
    return token_losses(model, ids, positions, targets, batch.pictures)


def _groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Split weights: matrices decay, norms and biases do not."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    return [
        {"params": [w for w in weights if w.ndim >= 2], "weight_decay": weight_decay},
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
    ]
