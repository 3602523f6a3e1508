"""What tests share: real slices when they are there, and small pictures."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads of torch sleep

SLICES = Path(__file__).parents[2] / "shared" / "samples"


@pytest.fixture(scope="session")
def slices() -> Path:
    """The folder of real slices; tests that need it are skipped where it is absent."""
    if not SLICES.is_dir():
        pytest.skip("the folder of real slices is not there")
    return SLICES


def picture(color: tuple[int, int, int] = (200, 30, 30), format_: str = "PNG") -> bytes:
    """Return an encoded 64 x 48 picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(out, format_)
    return out.getvalue()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium, one for the whole run."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as api:
        running = api.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()
