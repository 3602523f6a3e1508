"""Tasks on a model beside two floors: the untrained model, and the trained one that sees grey."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from cauldron.evaluate.generate import answers
from cauldron.evaluate.metrics import answer_metric
from cauldron.evaluate.questions import Question, questions
from cauldron.evaluate.settings import Task
from cauldron.loader.samples import Samples
from cauldron.model.build import build, quiet
from cauldron.model.folder import load
from cauldron.storage import files
from cauldron.train.loop import deterministic

ROWS = ("trained", "untrained", "blind")


def evaluate(
    checkpoint: str,
    manifest: str,
    tasks: Mapping[str, Task],
    *,
    batch: int,
    threads: int,
    seed: int,
    out: str = "",
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Score a model on tasks.

    Args:
        seed: of the initial weights, for the untrained row.
        out: folder of one JSON line a question for each task; none is written when empty.

    Returns:
        For each task the metric, the mean score of each row, the half width of the 95 % interval
        of the trained row, and n, the number of questions.
    """
    trained = load(checkpoint)
    untrained = build(
        trained.settings, trained.encoder.vocab_size, seed, trained.encoder.marks
    ).eval()
    results = {}
    with Samples(manifest) as samples, deterministic(threads), quiet():
        for name, task in tasks.items():
            asked = questions(samples, task, place=name)
            told = {
                row: answers(
                    untrained if row == "untrained" else trained.model,
                    trained.encoder,
                    trained.settings,
                    asked,
                    batch=batch,
                    max_new_tokens=task.max_new_tokens,
                    blind=row == "blind",
                )
                for row in ROWS
            }
            scores = {row: _scores(task, asked, told[row]) for row in ROWS}
            results[name] = _result(task, scores)
            say(f"evaluate: {name} {results[name]['trained']:.3f}")
            if out:
                lines = _lines(asked, told, scores)
                files.write_bytes(files.join(out, f"{name}.jsonl"), b"".join(lines))
    return results


def _scores(task: Task, asked: Sequence[Question], told: Sequence[str]) -> list[float]:
    score = answer_metric(task.metric)
    return [score(text, q.answers) for q, text in zip(asked, told, strict=True)]


def _result(task: Task, scores: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    trained = scores["trained"]
    deviation = statistics.stdev(trained) if len(trained) > 1 else 0.0
    return {
        "metric": task.metric,
        **{row: statistics.fmean(scores[row]) for row in ROWS},
        "interval": 1.96 * deviation / len(trained) ** 0.5,
        "n": len(trained),
    }


def _lines(
    asked: Sequence[Question],
    told: Mapping[str, Sequence[str]],
    scores: Mapping[str, Sequence[float]],
) -> list[bytes]:
    return [
        orjson.dumps(
            {
                "id": question.id,
                "turn": question.turn,
                "question": question.text,
                "answers": question.answers,
                "predictions": {row: told[row][number] for row in ROWS},
                "scores": {row: scores[row][number] for row in ROWS},
            },
            option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SORT_KEYS,
        )
        for number, question in enumerate(asked)
    ]
