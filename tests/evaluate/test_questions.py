"""Questions of held-out samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from cauldron.errors import RecipeError
from cauldron.evaluate.questions import _asked, questions
from cauldron.evaluate.settings import Task
from cauldron.loader.samples import Samples
from cauldron.sample import Turn, chat_messages
from tests.mixtures import mixture


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """A mixture of both sources."""
    return Samples(str(mixture(tmp_path_factory.mktemp("mixture"), counting=60, colours=60)))


def sample(extra: dict[str, Any], turns: int = 2) -> dict[str, Any]:
    """Return a chat of several turns on two pictures."""
    asked = tuple(Turn(user=f"q{n}", assistant=f"a{n}") for n in range(turns))
    images = [{"bytes": b"x", "path": None}, {"bytes": b"y", "path": None}]
    return {
        "id": "s",
        "messages": chat_messages(2, asked),
        "images": images,
        "extra": orjson.dumps(extra).decode(),
    }


def test_each_question_is_asked_by_itself_with_all_pictures() -> None:
    first, second = _asked(sample({}))
    assert (first.text, second.text) == ("q0", "q1")
    assert [len(q.messages) for q in (first, second)] == [1, 1]
    assert [part["type"] for part in second.messages[0]["content"]] == ["image", "image", "text"]
    assert second.images == (b"x", b"y")


def test_the_answer_is_the_assistants_when_there_are_no_votes() -> None:
    assert [q.answers for q in _asked(sample({}))] == [("a0",), ("a1",)]


def test_votes_of_each_turn_are_its_answers() -> None:
    found = _asked(sample({"turns": [{"answers": ["x", "y"]}, {}]}))
    assert [q.answers for q in found] == [("x", "y"), ("a1",)]


def test_held_out_questions_are_those_of_the_manifest(samples: Samples) -> None:
    asked = questions(samples, Task(source="docvqa"))
    held_out = [s["id"] for s in samples.validation("docvqa")]
    assert list(dict.fromkeys(q.id for q in asked)) == held_out
    assert len(asked) == 2 * len(held_out)


def test_a_limit_counts_samples(samples: Samples) -> None:
    assert len({q.id for q in questions(samples, Task(source="docvqa", limit=3))}) == 3


@pytest.mark.parametrize("source", ["docvq", "vqav2"])
def test_a_source_outside_the_mixture_is_a_recipe_error(samples: Samples, source: str) -> None:
    with pytest.raises(RecipeError, match="no sample of it out of training"):
        questions(samples, Task(source=source))


def test_a_source_that_holds_nothing_out_is_a_recipe_error(tmp_path: Path) -> None:
    own = str(mixture(tmp_path, counting=12, colours=0, share=0.0))
    with Samples(own) as found, pytest.raises(RecipeError, match=r"mix\.validation\.share"):
        questions(found, Task(source="vqarad"))


def test_vqa_accuracy_needs_several_answers(samples: Samples) -> None:
    with pytest.raises(RecipeError, match="compares several answers"):
        questions(samples, Task(source="vqarad", metric="vqa_accuracy"))
