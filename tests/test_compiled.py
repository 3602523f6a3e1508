"""What is compiled is used where it can be; else the plain passes measure the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cauldron.compiled import compiled

_WITHOUT_A_PLACE = """
import numba.core.caching as caching
for kind in vars(caching).values():
    if hasattr(kind, "_locator_classes"):
        kind._locator_classes = []
from cauldron.compiled import compiled
assert compiled("cauldron.signals.text_compiled") is None
from cauldron.signals.thumbs import look_of
import io
from PIL import Image
out = io.BytesIO()
Image.new("RGB", (800, 600), (9, 9, 9)).save(out, "JPEG")
assert set(look_of(out.getvalue())[:4096]) == {9}
"""


def test_plain_passes_are_taken_where_nothing_can_be_kept() -> None:
    pytest.importorskip("numba")
    subprocess.run([sys.executable, "-c", _WITHOUT_A_PLACE], check=True)


def test_a_module_that_is_not_there_is_none_and_one_that_is_wrong_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert compiled("cauldron.signals.absent_compiled") is None

    def failing(name: str) -> None:
        raise RuntimeError(name)

    monkeypatch.setattr("importlib.import_module", failing)
    with pytest.raises(RuntimeError, match="of_another_cause"):
        compiled("of_another_cause")
