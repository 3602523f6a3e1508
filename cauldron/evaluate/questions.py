"""Questions of held-out samples: each question of a chat asked by itself, with its answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from cauldron.errors import RecipeError
from cauldron.evaluate.metrics import SEVERAL_ANSWERS
from cauldron.evaluate.settings import Task
from cauldron.loader.samples import Sample, Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question.

    Args:
        id: id of the sample.
        turn: number of the question in it, from 0 on.
        messages: the prompt, ending with the user's message.
        images: encoded pictures in the order of the prompt.
        answers: reference answers; several where the source has votes.
    """

    id: str
    turn: int
    messages: tuple[Mapping[str, Any], ...]
    images: tuple[bytes, ...]
    answers: tuple[str, ...]

    @property
    def text(self) -> str:
        """The user's words."""
        return _text(self.messages[-1])


def questions(samples: Samples, task: Task, place: str = "") -> list[Question]:
    """Return the questions of a task.

    Raises:
        RecipeError: if the source is not in the mixture, holds no question out of training, or
            has no votes for a metric that needs them.
    """
    if task.source not in samples.names or not samples.held_out(task.source):
        raise RecipeError(
            f"task on '{task.source}': the mixture holds no sample of it out of training",
            place=place,
            hint="set mix.validation.share, and name the source there",
        )
    held_out = samples.validation(task.source, task.limit)
    found = [question for sample in held_out for question in _asked(sample)]
    if not found:
        raise RecipeError(f"task on '{task.source}': its samples ask no question", place=place)
    if task.metric in SEVERAL_ANSWERS and all(len(q.answers) < 2 for q in found):
        raise RecipeError(
            f"task on '{task.source}': VQA accuracy compares several answers to a question",
            place=place,
            hint="use exact_match_vqa",
        )
    return found


def _asked(sample: Sample) -> Iterator[Question]:
    """Yield the questions of a chat; a later one gets all the pictures and no earlier turn."""
    messages = sample["messages"]
    systems = [message for message in messages if message["role"] == "system"]
    pairs = [
        (user, answer)
        for user, answer in itertools.pairwise(messages)
        if (user["role"], answer["role"]) == ("user", "assistant")
    ]
    pictures = [{"type": "image", "text": None}] * len(sample["images"])
    votes = _votes(sample["extra"], len(pairs))
    for turn, (user, answer) in enumerate(pairs):
        texts = [part for part in user["content"] if part["type"] == "text"]
        content = user["content"] if len(pairs) == 1 else [*pictures, *texts]
        yield Question(
            id=sample["id"],
            turn=turn,
            messages=(*systems, {"role": "user", "content": content}),
            images=tuple(image["bytes"] for image in sample["images"]),
            answers=votes[turn] or (_text(answer),),
        )


def _votes(extra: str, turns: int) -> list[tuple[str, ...]]:
    """Return the annotators' answers of each turn, empty where there are none."""
    noted = orjson.loads(extra or "{}")
    told = noted.get("turns")
    if told == "dialogue":
        return [()] * turns
    each: Sequence[Mapping[str, Any]] = told or ([noted] if turns == 1 else [])
    votes = [turn.get("answers") for turn in each]
    texts = [
        tuple(vote) if isinstance(vote, list) and all(isinstance(v, str) for v in vote) else ()
        for vote in votes
    ]
    return texts if len(texts) == turns else [()] * turns


def _text(message: Mapping[str, Any]) -> str:
    return "".join(part["text"] for part in message["content"] if part["type"] == "text")
