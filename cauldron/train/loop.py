"""The training loop of a stage: packed steps, AdamW, a log line a step, states to go on from."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.distributed.tensor import DTensor

from cauldron.errors import Stopped
from cauldron.loader.batch import PackedBatch
from cauldron.loader.dataset import PackedBatches
from cauldron.loader.tokens import Encoder
from cauldron.sample import content_hash
from cauldron.train import flops
from cauldron.train.journal import Journal, Say
from cauldron.train.parallel import Ranks, shared
from cauldron.train.parts import groups
from cauldron.train.settings import StageSettings, TrainSettings
from cauldron.train.state import States, captured, restore
from cauldron.train.step import Losses, PackedLoss, backward, micro_batches
from cauldron.train.validate import Validation

Score = Callable[[str, int], Mapping[str, float]]
SAY_EVERY = 50
_WORST = 64


def rate_at(step: int, steps: int, stage: StageSettings) -> float:
    """Return the share of the full learning rate at a step from 0 on."""
    if step < stage.warmup_steps:
        return (step + 1) / stage.warmup_steps
    done = (step - stage.warmup_steps) / max(steps - stage.warmup_steps, 1)
    fallen = {"linear": done, "cosine": 0.5 - 0.5 * math.cos(math.pi * done), "constant": 0.0}
    return 1 - (1 - stage.decay_to) * fallen[stage.schedule]


@contextlib.contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Fix threads and algorithms of torch for a block; the caller's settings come back after it."""
    fills: Any = torch.utils.deterministic
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled = fills.fill_uninitialized_memory
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(not torch.cuda.is_available())
    fills.fill_uninitialized_memory = False  # nothing here reads memory that it did not write
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        fills.fill_uninitialized_memory = filled


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the stages of a training share.

    Args:
        key: what the run depends on; a state of another key is not used.
        place: folder of the states.
        seed: of dropout and noise.
        ends_at: time by `time.monotonic` at which a state is saved and the run stops.
    """

    settings: TrainSettings
    ranks: Ranks
    journal: Journal
    key: str
    place: str
    seed: int
    say: Say = lambda text: None
    ends_at: float = math.inf


class Trainer:
    """A stage under training.

    Args:
        model: with its parts frozen and adapted.
        data: this process's rows of each step.
        names: the sources, by the numbers in the batches.
        steps: of the stage.
        score: returns the scores of benchmarks for a stage and step; all processes call it.
        score_every: steps between two calls.
    """

    def __init__(
        self,
        model: Any,
        encoder: Encoder,
        data: PackedBatches,
        stage: StageSettings,
        names: tuple[str, ...],
        steps: int,
        run: Run,
        validation: Validation | None = None,
        score: Score | None = None,
        score_every: int = 0,
    ) -> None:
        self.model, self.stage, self.run_of = model, stage, run
        self.steps, self.step, self.best = steps, 0, math.inf
        self._encoder, self._data, self._names = encoder, data, names
        self._validation = validation
        self._score, self._score_every = score, score_every
        settings, ranks = run.settings, run.ranks
        self._bf16 = settings.precision == "bf16"
        self._packed = PackedLoss(model.to(ranks.device))
        wrap = {str(part): pattern for part, pattern in settings.wrap.items()}
        self._weights, self._heads = flops.weights_by_part(model), flops.attention_of(model)
        self._module = shared(self._packed, ranks, settings.parallel, self._bf16, wrap)
        self._optimizer = torch.optim.AdamW(
            groups(model, stage), stage.learning_rate, stage.betas, fused=True
        )
        self._peak = flops.peak_flops(ranks.device, settings.peak_tflops)
        folder = f"{run.place}/states/{stage.name}"
        self._states = States(folder, ranks, settings.keep)
        self._best = States(f"{run.place}/best/{stage.name}", ranks, 1)
        self._signalled = False

    def run(self, stop: int | None = None) -> None:
        """Train up to the last step, or up to step `stop`.

        Raises:
            Stopped: on SIGTERM or at the time limit, with a state saved.
        """
        self._restore()
        self._data.stop = min(self.steps, stop or self.steps)
        with deterministic(self.run_of.settings.threads), self._listening():
            self.model.train()
            asked = time.perf_counter()
            for batch in self._data if self.step < self._data.stop else ():
                waited = time.perf_counter() - asked
                self._one(batch, asked, waited)
                self._after(batch)
                asked = time.perf_counter()
            self._states.finish()
            self._best.finish()
            self.model.eval()

    def take_best(self) -> None:
        """Put back the weights of the lowest validation loss."""
        newest = self._best.newest()
        if newest is not None:
            restore(self._packed, self._optimizer, self._best.read(newest))

    def remove_states(self) -> None:
        """Remove what was saved to go on from."""
        self.run_of.ranks.wait()
        if self.run_of.ranks.first:
            self._states.remove()
            self._best.remove()

    def _one(self, batch: PackedBatch, asked: float, waited: float) -> None:
        """Do one step and write it down."""
        share = rate_at(self.step, self.steps, self.stage)
        for group in self._optimizer.param_groups:
            group["lr"] = share * group["rate"]
        run, stage = self.run_of, self.stage
        key = content_hash(run.seed, stage.name, str(self.step), str(run.ranks.rank))
        torch.manual_seed(key >> 1)
        marks, tokens = self._encoder.marks, self._encoder.image_tokens
        parts = micro_batches(batch, stage.micro_rows, marks.image, tokens)
        self._optimizer.zero_grad(set_to_none=True)
        found = backward(
            self._module, batch, parts, run.ranks,
            sources=len(self._names), neftune=stage.neftune, bf16=self._bf16,
        )  # fmt: skip
        norm = torch.nn.utils.clip_grad_norm_(self._trained(), stage.clip)
        norm = norm.full_tensor() if isinstance(norm, DTensor) else norm
        if found.supervised and math.isfinite(found.loss) and math.isfinite(norm.item()):
            self._optimizer.step()
        self.step += 1
        self._note(batch, found, norm.item(), share * stage.learning_rate, asked, waited)

    def _trained(self) -> list[Any]:
        return [weight for weight in self.model.parameters() if weight.requires_grad]

    def _note(
        self,
        batch: PackedBatch,
        found: Losses,
        norm: float,
        rate: float,
        asked: float,
        waited: float,
    ) -> None:
        run, own = self.run_of, self._counted(batch)
        sums = [int(n) for n in run.ranks.sums(own)]
        samples, tokens, images, patches, latents, of_tokens, of_patches = sums
        seconds, waited = run.ranks.most([time.perf_counter() - asked, waited])
        through = {
            "patches": patches,
            "latents": latents,
            "tokens": tokens,
            "supervised": found.supervised,
        }
        pairs = {"vision": of_patches, "language": of_tokens}
        done = flops.step_flops(self._weights, through, self._heads, pairs)
        losses = {
            name: float(total / count)
            for name, (total, count) in zip(self._names, found.by_source, strict=True)
            if count
        }
        entry = {
            "stage": self.stage.name, "step": self.step, "learning_rate": rate,
            "loss": found.loss, "gradient_norm": norm, "by_source": losses,
            "samples": samples, "tokens": tokens, "supervised": found.supervised,
            "images": images, "patches": patches, "notes": dict(sorted((+batch.notes).items())),
            "step_s": seconds, "waited_s": waited, "wait_share": waited / seconds,
            "tokens_per_s": tokens / seconds, "images_per_s": images / seconds,
            "tflops": done / seconds / 1e12,
            "mfu": done / seconds / run.ranks.world_size / self._peak if self._peak else None,
        }  # fmt: skip
        if run.journal.odd(found.loss):
            run.journal.note_spike(run.ranks.rank, self._spike(batch, found))
        if run.ranks.first:
            run.journal.add(entry)
            self._say(entry)

    def _counted(self, batch: PackedBatch) -> torch.Tensor:
        """Return samples, tokens, pictures, patches, latents and pairs in attention."""
        patch = self.model.config.vision_config.patch_size
        patches = [
            group.pixels[0, 0].numel() // patch**2
            for group in batch.pictures
            for _ in range(len(group.pixels))
        ]
        shown = flops.pictures_through(self.model, patches)
        lengths = torch.bincount(batch.sample[batch.sample >= 0]).tolist()
        return torch.tensor(
            [
                len(batch.sample_ids), sum(lengths), len(patches), shown["patches"],
                shown["latents"], flops.squares(lengths), flops.squares(patches),
            ],
            dtype=torch.int64,
        )  # fmt: skip

    def _spike(self, batch: PackedBatch, found: Losses) -> dict[str, Any]:
        worst = np.argsort(-np.nan_to_num(found.by_sample, nan=np.inf))[:_WORST]
        samples = [
            {"id": batch.sample_ids[n], "loss": str(round(float(found.by_sample[n]), 4))}
            for n in worst.tolist()
        ]
        told = {"stage": self.stage.name, "step": self.step, "loss": str(found.loss)}
        self.run_of.say(f"train: step {self.step} has an odd loss of {found.loss:.3f}")
        return {**told, "samples": samples}

    def _say(self, entry: Mapping[str, Any]) -> None:
        if self.step % SAY_EVERY == 0 or self.step == self.steps:
            recent = [e["loss"] for e in self.run_of.journal.entries[-20:]]
            self.run_of.say(
                f"{self.stage.name}: step {self.step} of {self.steps}, "
                f"loss {np.mean(recent):.3f}, {entry['tokens_per_s']:,.0f} tokens/s, "
                f"waited {entry['wait_share']:.0%}"
            )

    def _after(self, batch: PackedBatch) -> None:
        """Validate, save and stop where it is time."""
        run, settings = self.run_of, self.run_of.settings
        every = settings.validate_every
        if self._validation and every and self.step % every == 0:
            self._validate(batch)
        if self._score and self.step % self._score_every == 0:
            self._ask(self._score)
        over = self._signalled or time.monotonic() > run.ends_at
        over = run.ranks.most([float(over)])[0] > 0
        if over and self.step < self.steps:
            self._states.save(self.step, self._state(batch), wait=True)
            run.ranks.wait()
            raise Stopped(
                f"stopped at step {self.step} of {self.steps} of stage {self.stage.name}",
                hint="the same command goes on from there",
            )
        every = settings.checkpoint_every
        if every and self.step % every == 0 and self.step < self.steps:
            self._states.save(self.step, self._state(batch))

    def _validate(self, batch: PackedBatch) -> None:
        assert self._validation
        found = self._validation.losses(self._module, self.run_of.ranks, self._bf16)
        loss = found["loss"]
        if self.run_of.ranks.first:
            self.run_of.journal.validated({"stage": self.stage.name, "step": self.step, **found})
            self.run_of.say(f"{self.stage.name}: step {self.step}, held-out loss {loss:.3f}")
        if loss < self.best:
            self.best = loss
            if self.run_of.settings.result == "best":
                self._best.save(self.step, self._state(batch))

    def _ask(self, score: Score) -> None:
        """Run the benchmarks and write down what came out."""
        run, stage = self.run_of, self.stage.name
        scores = score(stage, self.step)
        run.ranks.wait()
        if run.ranks.first:
            run.journal.scored({"stage": stage, "step": self.step, "scores": dict(scores)})
            told = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
            run.say(f"{stage}: step {self.step}, {told}")

    def _state(self, batch: PackedBatch) -> dict[str, Any]:
        return {
            "key": self.run_of.key,
            "step": self.step,
            "data": batch.state,
            "best": self.best,
            **captured(self._packed, self._optimizer),
        }

    def _restore(self) -> None:
        newest = self._states.newest()
        if self.step or newest is None:
            return
        states = self._states.read(newest)
        if states[0]["key"] != self.run_of.key:
            return
        restore(self._packed, self._optimizer, states)
        self.step, self.best = states[0]["step"], states[0]["best"]
        self._data.load_state_dict(states[0]["data"])
        if self.run_of.ranks.first:
            self.run_of.journal.resume(self.stage.name, self.step)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Let SIGTERM end the run after the step, where signals can be heard."""

        def heard(number: int, frame: Any) -> None:
            self._signalled = True

        try:
            before = signal.signal(signal.SIGTERM, heard)
        except ValueError:  # not the main thread
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
