"""The report in a real browser: opened from disk, filtered without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cauldron.report import write_report
from tests.view.conftest import work

__all__ = ["work"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_report_opens_from_disk_without_errors(
    browser: Any, work: Path, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 800}
    opened = browser.new_context(viewport=size, color_scheme=scheme).new_page()
    wrong: list[str] = []
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    url = Path(write_report(str(work))).resolve().as_uri()
    own = url.rpartition("/")[0]
    opened.on("request", lambda r: None if r.url.startswith(own) else wrong.append(r.url))
    opened.goto(url)
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "owned" not in opened.title()
    shown = opened.locator("#gallery .sample:visible")
    assert shown.count() > 3
    opened.select_option("#gallery select[name=reason]", "answer_short")
    assert opened.locator("output").inner_text() == "3 samples"
    assert {r.inner_text() for r in shown.locator(".reason").all()} == {"filter: answer short"}
    opened.fill("#gallery input[name=text]", "n19")
    assert opened.locator("output").inner_text() == "1 sample"
    assert wrong == []
