"""The loop: equal runs are equal bit for bit, also when one was cut off; losses by source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from cauldron.errors import StorageError
from cauldron.loader.samples import Samples
from cauldron.loader.tokens import Encoder, train_tokenizer, training_texts
from cauldron.model.build import build, quiet
from cauldron.model.forward import token_losses
from cauldron.train.batches import Batches
from cauldron.train.loop import Trainer, deterministic, rate_at
from cauldron.train.settings import TrainSettings


def trainer(manifest: str, settings: TrainSettings, place: Path, key: str = "k") -> Trainer:
    """Return a trainer with new weights."""
    samples = Samples(manifest)
    tokenizer = train_tokenizer(training_texts(samples, 0), settings.vocab_size)
    encoder = Encoder(tokenizer, settings.model.latents)
    with quiet():
        model = build(settings.model, encoder.vocab_size, seed=0)
    batches = Batches(samples, encoder, settings)
    return Trainer(model, batches, settings, samples.names, str(place), key)


def weights(run: Trainer) -> torch.Tensor:
    """Return all weights in one line."""
    return torch.cat([weight.detach().flatten() for weight in run.model.parameters()])


def test_two_runs_end_in_the_same_weights(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    runs = [trainer(manifest, settings, tmp_path / str(n)) for n in range(2)]
    before = weights(runs[0])
    for run in runs:
        run.run()
    assert torch.equal(weights(runs[0]), weights(runs[1]))
    assert not torch.equal(weights(runs[0]), before)


def test_a_run_that_was_cut_off_ends_in_the_same_weights(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    saving = settings.model_copy(update={"checkpoint_every": 2})
    whole = trainer(manifest, saving, tmp_path / "whole")
    whole.run()
    trainer(manifest, saving, tmp_path / "cut").run(stop=5)
    resumed = trainer(manifest, saving, tmp_path / "cut")
    resumed.run()
    assert torch.equal(weights(whole), weights(resumed))
    assert [e["loss"] for e in whole.log] == [e["loss"] for e in resumed.log]


def test_a_state_of_other_settings_is_not_used(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    saving = settings.model_copy(update={"checkpoint_every": 2})
    trainer(manifest, saving, tmp_path).run(stop=4)
    other = trainer(manifest, saving, tmp_path, key="other")
    other.run(stop=1)
    assert other.step == 1


def test_a_damaged_state_says_what_to_do(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    (tmp_path / "state.pt").write_bytes(b"PK\x03\x04 not a state")
    with pytest.raises(StorageError, match="remove it to start anew"):
        trainer(manifest, settings, tmp_path).run()


def test_losses_by_source_average_to_the_loss(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    run = trainer(manifest, settings, tmp_path)
    batch = run.batches.at(0)
    assert batch is not None
    share = (batch.source == run.names.index("docvqa")).mean()
    run.run(stop=1)
    (entry,) = run.log
    by_source = entry["by_source"]
    mean = share * by_source["docvqa"] + (1 - share) * by_source["vqarad"]
    assert entry["loss"] == pytest.approx(mean, rel=1e-5)


def test_each_loss_belongs_to_the_source_of_its_token(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    run = trainer(manifest, settings, tmp_path)
    batch = run.batches.at(0)
    assert batch is not None
    packed = batch.packed
    with torch.no_grad():
        losses = token_losses(
            run.model,
            *(torch.from_numpy(p) for p in (packed.ids, packed.positions, packed.targets)),
            batch.pictures,
        )
    assert len(losses) == len(batch.source)
    sources = [i.partition("/")[0] for i in batch.ids]
    named = [sources[n] for n in packed.sample[packed.targets >= 0]]
    assert [run.names[n] for n in batch.source] == named


def test_the_log_has_a_line_a_step(manifest: str, settings: TrainSettings, tmp_path: Path) -> None:
    trainer(manifest, settings, tmp_path).run()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert all(line["samples"] == 8 and line["images"] == 8 for line in lines)


def test_the_rate_rises_and_falls_to_a_tenth() -> None:
    settings = TrainSettings(steps=100, warmup_steps=10, learning_rate=1.0)
    rates = [rate_at(step, settings) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == rates[10] == 1.0
    assert rates[100] == pytest.approx(0.1) and rates[10:] == sorted(rates[10:], reverse=True)


def test_the_callers_threads_come_back() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with deterministic(1):
        assert torch.get_num_threads() == 1 and torch.are_deterministic_algorithms_enabled()
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
