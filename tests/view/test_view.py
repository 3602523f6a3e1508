"""The viewer in a real browser: it filters, marks, and runs nothing that samples say."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from cauldron.curate.lists import read_ids
from cauldron.errors import UsageError
from cauldron.view.marks import mark, marks_url
from cauldron.view.table import Query, SampleTable
from tests.view.conftest import Served


def page(browser: Any, served: Served, path: str, width: int = 1280) -> tuple[Any, list[str]]:
    """Open a page; return it and what went wrong or asked for another place."""
    context = browser.new_context(viewport={"width": width, "height": 800})
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "request",
        lambda asked: None if asked.url.startswith(served.url) else wrong.append(asked.url),
    )
    opened.goto(served.url + path)
    opened.wait_for_load_state("networkidle")
    return opened, wrong


@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_of_samples_loads_without_errors(browser: Any, served: Served, width: int) -> None:
    opened, wrong = page(browser, served, "/", width)
    assert wrong == []
    assert opened.locator(".card").count() == 30
    loaded = "Array.from(document.images).slice(0, 3).every(i => i.naturalWidth > 0)"
    assert opened.evaluate(loaded)
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_samples_say_is_shown_and_not_run(browser: Any, served: Served) -> None:
    opened, wrong = page(browser, served, "/?text=owned")
    assert opened.locator(".card").count() == 1
    assert "<script>" in opened.locator(".said").inner_text()
    opened.locator("a.look").click()
    opened.wait_for_load_state("networkidle")
    assert "owned" not in opened.title()
    assert opened.locator("h1").inner_text() == "discs/train/n3<b>"
    assert "<script>" in opened.locator(".message.user .text").inner_text()
    assert wrong == []


def test_filters_narrow_the_page(browser: Any, served: Served) -> None:
    opened, wrong = page(browser, served, "/")
    opened.select_option("select[name=reason]", "answer_short")
    opened.click("button.go")
    opened.wait_for_load_state("networkidle")
    assert opened.locator(".card.dropped").count() == 3
    assert "reason=answer_short" in opened.url and "signal1" not in opened.url
    assert wrong == []


def test_a_marked_sample_stands_on_the_list(browser: Any, served: Served) -> None:
    opened, wrong = page(browser, served, "/")
    opened.keyboard.press("j")
    opened.keyboard.press("b")
    opened.wait_for_selector(".card.marked-block")
    first = opened.locator(".card .id").first.inner_text()
    url = marks_url(str(served.work), "block")
    assert read_ids(url) == {first}
    opened.locator(".mark.allow").first.click()
    opened.wait_for_selector(".card.marked-allow")
    assert read_ids(url) == frozenset()
    assert wrong == []


def status(url: str, **more: Any) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, **more)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_only_this_machine_and_its_own_pages_are_answered(served: Served) -> None:
    assert status(f"{served.url}/", headers={"Host": "evil.example"}) == 403
    assert status(f"{served.url}/", headers={"Host": "evil.example:80"}) == 403
    body = urllib.parse.urlencode({"list": "block", "id": "discs/train/n1"}).encode()
    assert status(f"{served.url}/mark", data=body) == 403
    assert status(f"{served.url}/../../etc/passwd") == 404
    assert status(f"{served.url}/picture/256/..%2F..%2Fx/part-00000/0/0") in (400, 404)
    assert status(f"{served.url}/picture/256/discs/part-00000/0/0") == 200


def test_a_query_by_signal_text_and_list(work: Any) -> None:
    table = SampleTable(str(work))
    assert len(table) == 30
    assert table.reasons() == {"kept": 27, "answer_short": 3}
    short = table.find(Query(ranges={"answer_chars": (None, 1)}))
    assert {row["reason"] for row in short.rows} == {"answer_short"} and short.total == 3
    wide = table.find(Query(ranges={"image_width": (97, None)}))
    assert wide.total == 0
    assert table.find(Query(text="(17)")).rows[0]["id"] == "discs/train/n17"
    longest = table.find(Query(sort="-answer_chars")).rows[0]
    assert longest["reason"] == "kept"
    assert table.find(Query(among=frozenset({"discs/train/n2"}))).total == 1
    with pytest.raises(UsageError, match="did you mean 'answer_chars'"):
        table.find(Query(ranges={"answer_char": (1, 2)}))


def test_a_sample_is_on_one_list_at_most(tmp_path: Any) -> None:
    place = str(tmp_path)
    mark(place, "block", ["a/1", "a/2"], True)
    assert mark(place, "allow", ["a/2"], True) == {"a/2"}
    assert read_ids(marks_url(place, "block")) == {"a/1"}
    (tmp_path / "marks" / "block.txt").write_text("# mine\na/1  # bad scan\n\n")
    assert read_ids(marks_url(place, "block")) == {"a/1"}
    with pytest.raises(UsageError, match="not the id"):
        mark(place, "block", ["a b"], True)
