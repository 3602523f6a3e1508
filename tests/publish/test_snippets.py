"""The snippets of a card are run as they stand, against a hub on the loopback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mixtures import mixture
from tests.publish.hub_server import Hub, running
from tests.publish.test_publish import cauldron, python

pytest.importorskip("datasets", reason="needs cauldron[hub]")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixture(tmp_path_factory.mktemp("snippets"), 12, 0).parent


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


def code_of(hub: Hub, made: Path, home: Path, form: str) -> list[str]:
    repo = f"me/{form}"
    arguments = ("publish", str(made), repo, "--form", form, "--stage", str(home / "stage"))
    done = cauldron(hub, home, *arguments)
    assert done.returncode == 0, done.stderr
    card = hub.repos[repo].files("main")["README.md"].payload.decode()
    return re.findall(r"```python\n(.*?)```", card, re.S)


def test_datasets_torch_and_trl_read_samples(hub: Hub, made: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs cauldron[train]")
    pytest.importorskip("trl", reason="needs trl")
    datasets, torch, trl = code_of(hub, made, tmp_path, "samples")
    size = python(hub, tmp_path, f"{datasets}\nprint([*sample['images'][0].size])")
    assert size == [96, 64]
    count = python(hub, tmp_path, f"{torch}\nprint(len(batch.drawn))")
    assert count == 32
    check = """
from trl.data_utils import is_conversational, prepare_multimodal_messages
told = prepare_multimodal_messages(data[0]["messages"], images=data[0]["images"])
print(int(is_conversational(data[0]) and told[0]["content"][0]["image"].size == (96, 64)))
"""
    assert python(hub, tmp_path, trl + check) == 1


def test_readers_of_the_cauldron_read_its_form(hub: Hub, made: Path, tmp_path: Path) -> None:
    datasets, nanovlm = code_of(hub, made, tmp_path, "hub")
    assert python(hub, tmp_path, f"{nanovlm}\nprint(len(turns))") == 1
    assert python(hub, tmp_path, f"{datasets}\nprint(len(sample['images']))") == 1
