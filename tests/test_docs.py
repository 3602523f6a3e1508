"""Every command of the documentation is run as it stands; the reference is that of the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def blocks(path: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", path.read_text(), re.S | re.M)


@pytest.mark.parametrize("name", ["tutorial.md", "how-to.md"])
def test_the_commands_of_a_page_run_one_after_the_other(name: str, tmp_path: Path) -> None:
    script = "set -eu\n" + "\n".join(blocks(DOCS / name))
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    env |= {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr[-3000:]
    if name == "tutorial.md":
        quarantine = (tmp_path / "work/quarantine/shop/part-00000.jsonl").read_text()
        assert "image_missing" in quarantine and "json" in quarantine
        assert '"read": 62' not in done.stderr and "60" in done.stdout


def test_the_reference_is_that_of_the_code() -> None:
    command = [sys.executable, "-m", "typer", "cauldron.cli.main", "utils", "docs"]
    found = subprocess.run(
        [*command, "--name", "cauldron"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert (DOCS / "reference.md").read_text() == found.stdout, "make reference writes it"


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_links_lead_to_files(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / link).exists(), link
