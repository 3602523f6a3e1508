"""A site for the tests of fetching."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.sites import Site


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as made:
        yield made
