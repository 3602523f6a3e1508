"""The loop: equal runs are equal bit for bit, also when one was cut off; losses by source."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from cauldron.errors import Stopped, StorageError
from cauldron.train.loop import deterministic, rate_at
from cauldron.train.settings import StageSettings, TrainSettings
from cauldron.train.step import micro_batches
from tests.train.runs import changed, trainer, weights


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
    parts = {"vision": "full", "connector": "full", "language": "dora", "head": "frozen"}
    saving = changed(settings, checkpoint_every=2, neftune=5.0, train=parts)
    whole = trainer(manifest, saving, tmp_path / "whole")
    whole.run()
    trainer(manifest, saving, tmp_path / "cut").run(stop=5)
    resumed = trainer(manifest, saving, tmp_path / "cut")
    resumed.run()
    assert torch.equal(weights(whole), weights(resumed))
    lines = (tmp_path / "cut" / "log.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert losses == [e["loss"] for e in whole.run_of.journal.entries]


KILLED = """
import sys
from pathlib import Path
from cauldron.train.settings import TrainSettings
from tests.train.runs import trainer
settings = TrainSettings.model_validate_json(sys.argv[2])
trainer(sys.argv[1], settings, Path(sys.argv[3])).run()
"""


def started(manifest: str, settings: TrainSettings, place: Path) -> subprocess.Popen[bytes]:
    """Start a run in a process of its own."""
    command = [sys.executable, "-c", KILLED, manifest, settings.model_dump_json(), str(place)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE)


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a file is there or the process has ended."""
    while not path.exists() and process.poll() is None:
        time.sleep(0.01)


def test_a_killed_run_goes_on_to_bit_equal_weights(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    saving = changed(settings, checkpoint_every=1, steps=400)
    process = started(manifest, saving, tmp_path / "cut")
    wait_for(tmp_path / "cut/states/train/step-00000003", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    resumed = trainer(manifest, saving, tmp_path / "cut")
    resumed._restore()
    begun = resumed.step
    assert 2 <= begun < 400
    resumed.run(stop=begun + 3)
    whole = trainer(manifest, saving, tmp_path / "whole")
    whole.run(stop=begun + 3)
    assert torch.equal(weights(whole), weights(resumed))


def test_a_run_that_is_told_to_end_saves_where_it_is(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    run = trainer(manifest, settings, tmp_path)

    def tell(step: int, numbers: object) -> None:
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    run.run_of.journal._sinks.append(tell)
    with pytest.raises(Stopped, match="stopped at step 3 of 6"):
        run.run()
    resumed = trainer(manifest, settings, tmp_path)
    resumed.run()
    whole = trainer(manifest, settings, tmp_path / "whole")
    whole.run()
    assert torch.equal(weights(whole), weights(resumed))


def test_a_run_stops_at_its_time_limit(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    with pytest.raises(Stopped, match="stopped at step 1 of 6"):
        trainer(manifest, settings, tmp_path, ends_at=time.monotonic()).run()
    resumed = trainer(manifest, settings, tmp_path)
    resumed.run()
    whole = trainer(manifest, settings, tmp_path / "whole")
    whole.run()
    assert torch.equal(weights(whole), weights(resumed))


def test_only_the_newest_states_are_kept(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    trainer(manifest, changed(settings, checkpoint_every=1, keep=2), tmp_path).run()
    kept = sorted(p.name for p in (tmp_path / "states/train").iterdir())
    assert kept == ["step-00000004", "step-00000005"]


def test_a_state_of_other_settings_is_not_used(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    saving = changed(settings, checkpoint_every=2)
    trainer(manifest, saving, tmp_path).run(stop=4)
    other = trainer(manifest, saving, tmp_path, key="other")
    other.run(stop=1)
    assert other.step == 1


def test_a_damaged_state_says_what_to_do(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    state = tmp_path / "states/train/step-00000002/rank-0-of-1.pt"
    state.parent.mkdir(parents=True)
    state.write_bytes(b"PK\x03\x04 not a state")
    with pytest.raises(StorageError, match="remove it to start anew"):
        trainer(manifest, settings, tmp_path).run()


def test_a_state_that_lacks_a_process_is_not_used(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    run = trainer(manifest, changed(settings, checkpoint_every=2), tmp_path)
    run.run(stop=4)
    (newest,) = (tmp_path / "states/train/step-00000004").iterdir()
    newest.rename(newest.with_name("rank-0-of-2.pt"))
    again = trainer(manifest, changed(settings, checkpoint_every=2), tmp_path)
    again._restore()
    assert again.step == 2


def test_micro_batches_add_up_to_the_step(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    rows = changed(settings, rows=4, steps=3)
    whole = trainer(manifest, rows, tmp_path / "whole")
    parts = trainer(manifest, changed(rows, micro_rows=1), tmp_path / "parts")
    for run in (whole, parts):
        run.run()
    for one, other in zip(whole.run_of.journal.entries, parts.run_of.journal.entries, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)
        assert one["gradient_norm"] == pytest.approx(other["gradient_norm"], rel=1e-4)


def test_recomputing_activations_changes_nothing(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    plain = trainer(manifest, settings, tmp_path / "plain")
    saving = trainer(manifest, changed(settings, recompute=True), tmp_path / "saving")
    for run in (plain, saving):
        run.run(stop=3)
    assert torch.allclose(weights(plain), weights(saving), atol=1e-6)


def test_bfloat16_learns_with_weights_in_float32(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    parts = {"vision": "frozen", "language": "lora"}
    half = changed(settings, precision="bf16", train=parts, steps=20, learning_rate=3e-3)
    run = trainer(manifest, half, tmp_path)
    run.run()
    kinds = {name: w.dtype for name, w in run.model.named_parameters()}
    assert {kinds[n] for n, w in run.model.named_parameters() if w.requires_grad} == {torch.float32}
    assert kinds["model.vision_model.post_layernorm.weight"] == torch.bfloat16
    losses = [e["loss"] for e in run.run_of.journal.entries]
    assert losses[-1] < losses[0] - 0.5


def test_losses_by_source_average_to_the_loss(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    run = trainer(manifest, settings, tmp_path)
    run.run(stop=1)
    (entry,) = run.run_of.journal.entries
    run._data.load_state_dict({})
    batch = next(iter(trainer(manifest, settings, tmp_path / "x")._data))
    counts = {name: c["supervised"] for name, c in batch.counts.items()}
    assert sum(counts.values()) == entry["supervised"]
    mean = sum(entry["by_source"][n] * c for n, c in counts.items()) / sum(counts.values())
    assert entry["loss"] == pytest.approx(mean, rel=1e-5)


def test_micro_batches_hold_their_own_pictures(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    run = trainer(manifest, changed(settings, rows=4), tmp_path)
    batch = next(iter(run._data))
    parts = micro_batches(batch, 1, 4, settings.model.latents)
    assert len(parts) == 4
    for part in parts:
        assert int((part.ids == 4).sum()) == settings.model.latents * len(part.pictures)
    assert sum(len(part.pictures) for part in parts) == len(batch.pictures_in_order())


def test_the_log_has_a_line_a_step(manifest: str, settings: TrainSettings, tmp_path: Path) -> None:
    trainer(manifest, settings, tmp_path).run()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert all(line["samples"] == line["images"] > 0 for line in lines)
    assert all(0 <= line["wait_share"] <= 1 and line["tflops"] > 0 for line in lines)
    assert all(line["mfu"] is None for line in lines)


def test_utilisation_is_told_where_the_peak_is_known(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    run = trainer(manifest, changed(settings, peak_tflops=0.1), tmp_path)
    run.run(stop=1)
    (entry,) = run.run_of.journal.entries
    assert entry["mfu"] == pytest.approx(entry["tflops"] / 0.1)


def test_an_odd_loss_names_its_samples(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    run = trainer(manifest, changed(settings, spike=1e-6), tmp_path)
    run.run_of.journal._recent.extend([0.001] * 20)
    run.run(stop=1)
    told = json.loads((tmp_path / "spikes/train-00000001-rank-0.json").read_text())
    assert {s["id"].split("/")[0] for s in told["samples"]} == {"vqarad", "docvqa"}
    losses = [float(s["loss"]) for s in told["samples"]]
    assert losses == sorted(losses, reverse=True)


def test_held_out_losses_choose_the_best_weights(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    wild = changed(
        settings, validate_every=1, result="best", steps=8, learning_rate=0.1, warmup_steps=8
    )
    run = trainer(manifest, wild, tmp_path)
    run.run()
    lines = [json.loads(t) for t in (tmp_path / "validation.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 9))
    assert set(lines[0]["by_source"]) == {"vqarad", "docvqa"}
    best = min(lines, key=lambda line: line["loss"])
    assert best["step"] < 8
    run.take_best()
    assert run._validation
    with deterministic(wild.threads):  # sums depend on the number of threads
        again = run._validation.losses(run._module, run.run_of.ranks, False)
    assert again == {name: best[name] for name in ("loss", "by_source")}


def test_a_step_of_split_pictures_has_as_many_samples(
    manifest: str, settings: TrainSettings, tmp_path: Path
) -> None:
    split = changed(
        settings, model={**settings.model.model_dump(), "split": True}, images={"split_share": 1.0},
        batch=32, validate_every=1, validate_samples=4,
    )  # fmt: skip
    run = trainer(manifest, split, tmp_path)
    run.run(stop=1)
    (entry,) = run.run_of.journal.entries
    assert entry["samples"] == pytest.approx(32, rel=0.2)
    assert entry["images"] == 5 * entry["samples"]
    assert run._validation and run._validation._batch
    held_out = run._validation._batch
    assert len(held_out.pictures_in_order()) == 5 * len(held_out.sample_ids) > 0


@pytest.mark.parametrize(("schedule", "middle"), [("linear", 0.55), ("constant", 1.0)])
def test_the_rate_rises_and_falls_to_a_tenth(schedule: str, middle: float) -> None:
    stage = StageSettings.model_validate({"warmup_steps": 10, "schedule": schedule})
    rates = [rate_at(step, 110, stage) for step in range(111)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == rates[10] == 1.0
    assert rates[60] == pytest.approx(middle)
    assert rates[110] == pytest.approx(1.0 if schedule == "constant" else 0.1)


def test_the_callers_threads_come_back() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with deterministic(1):
        assert torch.get_num_threads() == 1 and torch.are_deterministic_algorithms_enabled()
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
