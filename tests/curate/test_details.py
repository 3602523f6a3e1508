"""Details of pictures: what numba compiles gives what numpy gives."""

from __future__ import annotations

import numpy as np
import pytest

from cauldron.curate import details


@pytest.fixture
def pair() -> tuple[details.U8, details.U8]:
    rng = np.random.default_rng(5)
    one = np.kron(rng.integers(0, 256, (12, 16)), np.ones((20, 15))).astype(np.uint8)
    two = np.clip(one * 0.9 + rng.normal(0, 6, one.shape), 0, 255).astype(np.uint8)
    return one, two


def test_compiled_passes_agree_with_plain_ones(
    pair: tuple[details.U8, details.U8], monkeypatch: pytest.MonkeyPatch
) -> None:
    if details._compiled() is None:
        pytest.skip("numba is not installed")
    place = np.array([0.01, -0.02, 0.0, 0.015])

    def passes() -> tuple[details.U8, details.U8, details.Difference]:
        warped = details._warped(pair[0], place)[8:-8, 8:-8]
        return details._soft(pair[0]), warped, details._rest(*pair, np.zeros(4))

    soft, warped, rest = passes()
    monkeypatch.setattr(details, "_compiled", lambda: None)
    plain_soft, plain_warped, plain_rest = passes()
    assert np.array_equal(soft, plain_soft)
    assert np.abs(warped.astype(int) - plain_warped).max() <= 1
    assert rest == pytest.approx(plain_rest, abs=1e-2)
