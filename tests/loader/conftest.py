"""A mixture of two sources, made once."""

from __future__ import annotations

import pytest

from tests.mixtures import mixture


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A materialised mixture of counting and colour questions."""
    return str(mixture(tmp_path_factory.mktemp("mixture"), counting=60, colours=150))


@pytest.fixture(scope="session")
def selection(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same mixture, not materialised."""
    place = tmp_path_factory.mktemp("selection")
    return str(mixture(place, counting=60, colours=150, materialize=False))
