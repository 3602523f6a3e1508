"""Languages are named by the compiled pass as by the library, to the last bit of the score."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from cauldron.signals.fasttext_file import NotReadable, read_model
from cauldron.signals.language import _path, _tables, told_by_library, told_compiled

TEXTS = [
    "",
    " \t",
    "what is shown in the picture, and where does the line begin?",
    "quelle est la valeur la plus élevée de la deuxième colonne du tableau",
    "das ist kein bild von einem haus, sondern von einem garten mit vielen blumen",
    "この図は何を示していますか" * 30,
    "на картинке изображён красный автомобиль перед зданием " * 9,
    "x </s> y",
    "__label__fr __label__no such",
    "a\0b \v\f\r c",
    "🙂é" * 200,
]
ALPHABET = "ab <>/s_é文🙂\t\0א"


def test_names_and_scores_are_those_of_the_library() -> None:
    if not _tables():
        pytest.skip("numba is not installed")
    rng = np.random.default_rng(3)
    drawn = ["".join(rng.choice(list(ALPHABET), n)) for n in rng.integers(0, 500, 200)]
    texts = pa.array([*TEXTS, *drawn]).slice(1)  # a slice: offsets do not begin at 0
    (names, scores), (own, certain) = told_by_library(texts), told_compiled(texts)
    assert list(own) == names
    assert (certain == scores).all()


def test_what_is_no_such_model_is_refused() -> None:
    held = _path().read_bytes()
    for broken in (b"", held[:100], held[:5000], b"\0" * 200, held[:8] + b"\xff" * 200):
        with pytest.raises(NotReadable):
            read_model(broken)
