"""What a recipe may ask of a mixture, and which stage may go without a budget."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cauldron.mixture.settings import MixSettings


@pytest.mark.parametrize("share", [0, -0.1, 1.01, 2])
def test_a_share_is_over_0_and_at_most_1(share: float) -> None:
    with pytest.raises(ValidationError, match="max_share"):
        MixSettings(max_share=share)
    assert MixSettings(max_share=1).max_share == 1
