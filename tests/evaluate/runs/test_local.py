"""Benchmarks on a small model of transformers: batches, shots, splitting, resume, a suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from cauldron.demo.benchmarks import draw_benchmark
from cauldron.errors import StorageError, UsageError
from cauldron.evaluate.runs.local import open_model, plain
from cauldron.evaluate.runs.run import run_benchmark
from cauldron.evaluate.runs.suite import run_suite
from cauldron.evaluate.settings import SuiteSettings
from cauldron.loader.tokens import train_tokenizer
from cauldron.model.build import build
from cauldron.model.folder import save
from cauldron.model.settings import ModelSettings
from tests.evaluate.runs.test_endpoint import run_of, same

WORDS = "What color are the discs? red blue green yellow Give a very brief answer. How many?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved model whose answers differ from question to question."""
    settings = ModelSettings(
        width=32, heads=2, vision_layers=1, perceiver_layers=1, text_layers=2, latents=3,
        patch=8, min_side=16, max_side=48,
    )  # fmt: skip
    tokenizer = train_tokenizer([WORDS] * 3, 320)
    model = build(settings, tokenizer.get_vocab_size(), seed=0).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name and weight.dim() > 1:
                weight.normal_(0, 2.5 / weight.shape[-1] ** 0.5)
    place = str(tmp_path_factory.mktemp("model"))
    save(place, model, tokenizer, settings, {})
    return place


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small benchmarks."""
    place = tmp_path_factory.mktemp("data")
    for name in ("vqav2", "mmmu"):
        draw_benchmark(name, place / name, many=7)
    return place


def answers(out: Path, name: str = "vqav2", protocol: str = "paper") -> list[Any]:
    rows = pq.read_table(out / name / protocol / "results.parquet").to_pylist()
    return [(row["answer"], row["blind_answer"]) for row in rows]


def test_results_do_not_depend_on_the_batch(folder: str, data: Path, tmp_path: Path) -> None:
    for batch in (1, 3, 7):
        run = run_of("vqav2", data / "vqav2", tmp_path / str(batch))
        run_benchmark(run, open_model(folder, batch=batch, device="cpu"))
    same(tmp_path / "1", tmp_path / "3")
    same(tmp_path / "1", tmp_path / "7")
    found = answers(tmp_path / "1")
    assert len({answer for answer, _ in found}) > 1
    assert any(answer != blind for answer, blind in found)


def test_marked_pictures_and_examples_reach_the_model(
    folder: str, data: Path, tmp_path: Path
) -> None:
    backend = open_model(folder, batch=4, device="cpu")
    summary = run_benchmark(run_of("mmmu", data / "mmmu", tmp_path), backend)
    assert summary["n"] == 7 and set(summary["parts"]) == {"mmmu_open", "mmmu_parse_multi_choice"}
    run = run_of("vqav2", data / "vqav2", tmp_path, protocol="ablation", shots=2)
    assert run_benchmark(run, backend)["settings"]["shots"] == 2
    plainly = run_of("vqav2", data / "vqav2", tmp_path / "none", protocol="ablation", shots=0)
    run_benchmark(plainly, backend)
    assert answers(tmp_path, protocol="ablation") != answers(tmp_path / "none", protocol="ablation")


def test_splitting_pictures_is_another_result(folder: str, data: Path, tmp_path: Path) -> None:
    run = run_of("vqav2", data / "vqav2", tmp_path, limit=4, blind=False)
    whole = run_benchmark(run, open_model(folder, split=False, device="cpu"))
    parted = run_benchmark(run, open_model(folder, split=True, device="cpu"))
    assert whole["backend"]["image_splitting"] is False
    assert parted["backend"]["image_splitting"] is True
    assert whole["key"] != parted["key"]


def test_a_suite_scores_a_model_under_training(folder: str, data: Path, tmp_path: Path) -> None:
    known = open_model(folder, device="cpu")
    model = known._model.train()
    settings = SuiteSettings(every_steps=10, data=str(data), tasks=("vqav2",), limit=3, shots=1)
    means = run_suite(model, known._reader, settings, str(tmp_path), "step-20")
    assert means["average"] == means["vqav2"]
    assert model.training
    assert (tmp_path / "step-20/vqav2/ablation/summary.json").exists()


def test_a_prompt_without_a_template_is_questions_and_answers() -> None:
    def said(role: str, *parts: str) -> dict[str, Any]:
        marks = [{"type": "image"} if p == "*" else {"type": "text", "text": p} for p in parts]
        return {"role": role, "content": marks}

    messages = [said("user", "*", "Q: a? A:"), said("assistant", "b"), said("user", "*", "Q: c?")]
    assert plain(messages, "<image>") == "<image>Q: a? A: b\n\n<image>Q: c?"


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot open the model"):
        open_model(str(tmp_path), device="cpu")
    with pytest.raises(UsageError, match="no dtype 'x'"):
        open_model(str(tmp_path), dtype="x", device="cpu")
