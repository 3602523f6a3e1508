"""One training from a manifest: tokenizer, model, stages, checkpoint and a summary."""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from cauldron.loader.augment import Augment
from cauldron.loader.dataset import PackedBatches, Packing
from cauldron.loader.pictures import Fit
from cauldron.loader.samples import Samples
from cauldron.loader.tokens import OURS, Encoder, train_tokenizer, training_texts
from cauldron.mixture.manifest import folder_of
from cauldron.model import folder
from cauldron.model.backbones import read_tokenizer
from cauldron.model.build import empty, quiet
from cauldron.model.folder import Checkpoint
from cauldron.model.norms import fuse_norms
from cauldron.model.packed_pictures import packs_pictures, recompute_connector
from cauldron.model.settings import ModelSettings
from cauldron.storage import files
from cauldron.train import parts
from cauldron.train.journal import Journal
from cauldron.train.loop import Run, Trainer
from cauldron.train.parallel import join, sharded, whole_weights
from cauldron.train.settings import StageSettings, TrainSettings
from cauldron.train.validate import Validation

CHECKPOINT = "checkpoint"
_ENDS = 20
_MEASURED = 256
State = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Benchmarks on the way.

    Args:
        score: of a model and its processor, called with a name of where the training stands.
    """

    every_steps: int
    score: Callable[[Any, Any, str], Mapping[str, float]]


def train(
    manifest: str,
    settings: TrainSettings,
    seed: int,
    place: str,
    key: str,
    about: Mapping[str, Any],
    say: Callable[[str], None] = lambda text: None,
    suite: Suite | None = None,
) -> dict[str, Any]:
    """Train a model on a mixture and save it in `place`/checkpoint.

    Under `torchrun` every process calls this; the first one writes.

    Args:
        seed: of the initial weights and of the texts that the tokenizer is trained on.
        place: folder of log.jsonl, the states to go on from, finished stages and the checkpoint.
        key: what the run depends on; a state of another key is not used.
        about: kept beside the weights.
        suite: run on the way.

    Returns:
        Sizes, losses at both ends, losses by source at the end, counted remarks, time.

    Raises:
        Stopped: on SIGTERM or at the time limit, with a state saved.
    """
    ranks = join()
    run = Run(
        settings=settings,
        ranks=ranks,
        journal=Journal(
            place, settings.loggers if ranks.first else (), settings.spike, live=ranks.first
        ),
        key=key,
        place=place,
        seed=seed,
        say=say if ranks.first else lambda text: None,
        ends_at=time.monotonic() + (settings.time_limit_s or math.inf),
    )
    with quiet(), contextlib.closing(run.journal):
        model, data = _beginning(manifest, settings, seed), State()
        for stage in settings.all_stages:
            model, data = _stage(model, stage, manifest, run, about, data, suite)
    parameters = sum(weight.numel() for weight in model.model.parameters())
    url = files.join(place, CHECKPOINT)
    sizes = {"parameters": parameters, "vocab_size": model.encoder.vocab_size}
    return {**sizes, **summary(run.journal.entries), "checkpoint": url}


def _beginning(manifest: str, settings: TrainSettings, seed: int) -> Checkpoint:
    """Return the model to begin with: read, built on named backbones, or new."""
    if settings.model.start:
        return folder.start(settings.model.start)
    if isinstance(settings.model.text, str):
        tokenizer, marks = read_tokenizer(settings.model.text)
    else:
        with Samples(manifest) as samples:
            texts = training_texts(samples, seed)
        tokenizer, marks = train_tokenizer(texts, settings.vocab_size), OURS
    return folder.new(settings.model, tokenizer, marks, seed)


def _stage(
    model: Checkpoint,
    stage: StageSettings,
    manifest: str,
    run: Run,
    about: Mapping[str, Any],
    data: State,
    suite: Suite | None,
) -> tuple[Checkpoint, State]:
    """Train one stage and save what it ends in, unless that was done before.

    Args:
        data: where the stream of the recipe's mixture stands.
    """
    last = stage.name == run.settings.all_stages[-1].name
    url = files.join(run.place, CHECKPOINT if last else f"stages/{stage.name}")
    if not last and files.exists(files.join(url, folder.ABOUT)):
        done = folder.load(url)
        if done.about["key"] == run.key:
            run.journal.resume(stage.name, done.about["step"])
            return done, done.about["data"]
    begun = {} if stage.mixture else data
    trainer, batches = _trainer(model, stage, manifest, run, begun, suite)
    trainer.run()
    if run.settings.result == "best":
        trainer.take_best()
    plain = _plain(model, stage, run)
    behind = data if stage.mixture else {**batches.state_dict(), "step": 0}
    note = {**about, "key": run.key, "step": trainer.step, "data": behind}
    if run.ranks.first:
        folder.save(url, plain.model, plain.tokenizer, plain.settings, note, plain.encoder.marks)
    trainer.remove_states()
    if run.ranks.world_size > 1 and not last:
        plain = folder.load(url)
    return plain, behind


def _trainer(
    model: Checkpoint,
    stage: StageSettings,
    manifest: str,
    run: Run,
    data: State,
    suite: Suite | None = None,
) -> tuple[Trainer, PackedBatches]:
    settings, ranks = run.settings, run.ranks
    own = mixture_of(stage, manifest)
    with Samples(own) as samples:
        names = samples.names
        packing = packing_of(model.settings, stage, settings.threads, run.seed)
        rows = stage.rows or rows_of(samples, model.encoder, packing, stage.batch, ranks.world_size)
        packing = replace(packing, rows=rows)
        validation = None
        if settings.validate_every:
            validation = Validation(
                samples, model.encoder, packing.fit, most=settings.validate_samples,
                length=stage.row_tokens, split=model.settings.split,
            )  # fmt: skip
    steps = math.ceil(stage.tokens / (rows * stage.row_tokens)) if stage.tokens else stage.steps
    batches = PackedBatches(
        own, model.encoder, packing, rank=ranks.rank, world_size=ranks.world_size
    )
    if data:
        batches.load_state_dict(data)
    parts.apply(model.model, stage.train, model.encoder.marks, run.seed)
    prepare(model.model, settings)
    asked: dict[str, Any] = {}
    if suite:
        reader = folder.processor(model.tokenizer, model.settings, model.encoder.marks)
        asked = {
            "score": lambda name, step: suite.score(
                _whole(model, stage, run, keep=True), reader, f"{name}-step-{step:08d}"
            ),
            "score_every": suite.every_steps,
        }
    trainer = Trainer(
        model.model, model.encoder, batches, stage, names, steps, run, validation, **asked
    )
    return trainer, batches


def prepare(model: Any, settings: TrainSettings) -> None:
    """Choose attention, recomputation, norms and the precision of weights that are not trained."""
    model.set_attn_implementation(settings.attention)
    if settings.recompute:
        model.activation_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
        if packs_pictures(model):
            recompute_connector(model)
    if settings.precision == "bf16":
        fuse_norms(model)
        for weight in model.parameters():
            if not weight.requires_grad:
                weight.data = weight.data.to(torch.bfloat16)


def packing_of(model: ModelSettings, stage: StageSettings, threads: int, seed: int = 0) -> Packing:
    """Return how a stage's samples become rows of tokens and pixels; how many is not told yet."""
    images = stage.images
    longest = images.max_side or model.max_side
    fit = Fit(
        longest=longest,
        shortest=min(images.min_side or model.min_side, longest),
        multiple=model.multiple,
        bilinear=True,
    )
    augment = None
    if images.scale_share or images.noise_share:
        augment = Augment(
            seed=seed,
            scale_share=images.scale_share,
            scale_max=images.scale_max,
            noise_share=images.noise_share,
            noise_sources=images.noise_sources,
        )
    return Packing(
        length=stage.row_tokens,
        images=stage.row_images,
        split_share=images.split_share,
        split_sources=images.split_sources,
        augment=augment,
        fit=fit,
        how=images.decode,
        threads=threads,
    )


def rows_of(
    samples: Samples, encoder: Encoder, packing: Packing, batch: int, world_size: int
) -> int:
    """Return how many rows hold about `batch` samples, shared evenly by all processes.

    Pictures that are split take their tokens several times.
    """
    drawn = [(name, row) for name, row, _ in samples.drawn(range(_MEASURED))]
    read = samples.read(drawn, pictures=False)
    lengths = [
        min(len(encoder.encode(sample, packing.pieces(samples, *place)).ids), packing.length)
        for place, sample in zip(drawn, read, strict=True)
    ]
    rows = batch * sum(lengths) / len(lengths) / packing.length
    return max(round(rows / world_size), 1) * world_size


def mixture_of(stage: StageSettings, manifest: str) -> str:
    """Return the manifest of a stage: another mixture of the same work folder, or the recipe's."""
    if not stage.mixture:
        return manifest
    mixtures = folder_of(manifest).rpartition("/")[0]
    return files.join(mixtures, stage.mixture, "manifest.json")


def _plain(before: Checkpoint, stage: StageSettings, run: Run) -> Checkpoint:
    """Return the trained model with plain weights; meaningful on the first process alone."""
    model = _whole(before, stage, run, keep=run.ranks.first)
    if model is None:
        return before
    parts.merge(model.to("cpu", torch.float32))
    return replace(before, model=model.eval())


def _whole(before: Checkpoint, stage: StageSettings, run: Run, keep: bool) -> Any:
    """Return the model under training with whole weights: a copy of it where they are sharded.

    All processes have to call it; those that do not `keep` it get none where weights are sharded.
    """
    if not sharded(before.model):
        return before.model
    weights = whole_weights(before.model, keep=keep)
    if not keep:
        return None
    model = empty(before.settings, before.encoder.vocab_size, before.encoder.marks)
    parts.apply(model, stage.train, before.encoder.marks, run.seed)
    model.load_state_dict(weights, strict=False)
    return model.to(run.ranks.device)


def summary(log: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return totals of a training's log; losses are means over 20 steps."""
    steps = [entry for entry in log if "loss" in entry]
    notes = Counter[str]()
    for entry in steps:
        notes.update(entry["notes"])
    last: dict[str, list[float]] = {}
    for entry in steps[-_ENDS:]:
        for source, loss in entry["by_source"].items():
            last.setdefault(source, []).append(loss)
    totals = {name: sum(e[name] for e in steps) for name in ("samples", "tokens", "images")}
    return {
        "steps": len(log),
        **totals,
        "loss_first": _mean([entry["loss"] for entry in steps[:_ENDS]]),
        "loss_last": _mean([entry["loss"] for entry in steps[-_ENDS:]]),
        "loss_by_source": {source: _mean(found) for source, found in sorted(last.items())},
        "notes": dict(sorted(notes.items())),
        "seconds": sum(entry["step_s"] for entry in steps),
        "waited_seconds": sum(entry["waited_s"] for entry in steps),
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
