"""CIDEr-D, BLEU and ROUGE-L against the official program's values and their own bounds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauldron.evaluate.captions.scores import bleu, bleu_counts, cider, rouge_l

CAPTION = st.lists(st.sampled_from("a cat dog sits on the red mat".split()), max_size=9).map(
    " ".join
)
IMAGES = st.lists(
    st.tuples(CAPTION, st.lists(CAPTION, min_size=1, max_size=4)), min_size=1, max_size=5
)


def test_corpora_score_as_by_the_official_program(slices: Path) -> None:
    told = json.loads((slices / "metrics" / "caption_corpora.json").read_text())
    for corpus in told["corpora"]:
        items = corpus["items"]
        predictions = [item["tokenized_prediction"] for item in items]
        references = [item["tokenized_references"] for item in items]
        each = cider(predictions, references)
        assert each == pytest.approx([item["cider"] for item in items], abs=1e-9)
        assert each.mean() == pytest.approx(corpus["cider"], abs=1e-9)
        counts = bleu_counts(predictions, references)
        assert np.allclose(bleu(counts), [item["bleu"] for item in items], rtol=0, atol=1e-9)
        assert bleu(counts.sum(axis=0)) == pytest.approx(corpus["bleu"], abs=1e-9)
        rouge = [rouge_l(p, r) for p, r in zip(predictions, references, strict=True)]
        assert rouge == pytest.approx([item["rouge_l"] for item in items], abs=1e-9)


def test_one_image_scores_no_cider() -> None:
    assert cider(["a cat"], [["a cat"]]).tolist() == [0.0]


def test_the_same_caption_as_all_references_scores_ten() -> None:
    captions = ["a cat sits on the mat", "two dogs run in tall grass"]
    assert cider(captions, [[c] * 3 for c in captions]) == pytest.approx([10, 10])


def test_an_empty_caption_scores_nothing() -> None:
    references = [["a cat sits"], ["a dog runs"]]
    assert cider(["", "a dog runs"], references)[0] == 0
    assert rouge_l("", references[0]) == 0
    assert bleu(bleu_counts([""], [["a cat"]]))[0, 0] == pytest.approx(0, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(IMAGES)
def test_scores_keep_their_bounds_and_do_not_depend_on_the_order_of_images(
    images: list[tuple[str, list[str]]],
) -> None:
    predictions, references = [p for p, _ in images], [r for _, r in images]
    each = cider(predictions, references)
    assert (each >= 0).all() and (each <= 10 + 1e-9).all()
    assert cider(predictions[::-1], references[::-1]) == pytest.approx(each[::-1])
    assert all(0 <= rouge_l(p, r) <= 1 + 1e-9 for p, r in images)
