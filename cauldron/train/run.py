"""One training from a manifest: tokenizer, model, loop, checkpoint and a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cauldron.loader.samples import Samples
from cauldron.loader.tokens import Encoder, train_tokenizer, training_texts
from cauldron.model import folder
from cauldron.model.build import build, quiet
from cauldron.storage import files
from cauldron.train.batches import Batches
from cauldron.train.loop import Trainer
from cauldron.train.settings import TrainSettings

CHECKPOINT = "checkpoint"
_ENDS = 20


def train(
    manifest: str,
    settings: TrainSettings,
    seed: int,
    place: str,
    key: str,
    about: Mapping[str, Any],
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Train a model on a mixture and save it in `place`/checkpoint.

    Args:
        seed: of the initial weights and of the texts that the tokenizer is trained on.
        place: folder of log.jsonl, the state to go on from and the checkpoint.
        key: what the run depends on; a state of another key is not used.
        about: kept beside the weights.

    Returns:
        Sizes, losses at both ends, losses by source at the end, counted remarks, time.
    """
    with Samples(manifest) as samples, quiet():
        tokenizer = train_tokenizer(training_texts(samples, seed), settings.vocab_size)
        encoder = Encoder(tokenizer, settings.model.latents)
        model = build(settings.model, encoder.vocab_size, seed)
        batches = Batches(samples, encoder, settings)
        trainer = Trainer(model, batches, settings, samples.names, place, key)
        trainer.run(say)
    url = files.join(place, CHECKPOINT)
    folder.save(url, model, tokenizer, settings.model, about)
    files.remove(trainer.state_url)
    parameters = sum(weight.numel() for weight in model.parameters())
    sizes = {"parameters": parameters, "vocab_size": encoder.vocab_size}
    return {**sizes, **summary(trainer.log), "checkpoint": url}


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
