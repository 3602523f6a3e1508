"""Tables written in HTML: spans, entities, numbers as text, hostile spans."""

from __future__ import annotations

import time

import pytest

from cauldron.media.html_tables import html_grid
from cauldron.media.images import ImageError


def test_spans_cover_empty_places() -> None:
    rows, areas = html_grid(
        "<table><tr><td rowspan='2'>a</td><td colspan='2'>b</td></tr>"
        "<tr><td>c</td><td>d</td></tr></table>"
    )
    assert rows == [["a", "b", ""], ["", "c", "d"]]
    assert areas == [(0, 0, 2, 1), (0, 1, 1, 2)]


def test_cells_stay_text_and_entities_are_decoded_once() -> None:
    rows, _ = html_grid(
        "<table><tr><td>1,234</td><td>(5.6)</td><td>R&amp;D &amp;lt;</td><td>financing<br>nan</td>"
        "</tr></table>"
    )
    assert rows == [["1,234", "(5.6)", "R&D &lt;", "financing nan"]]


def test_short_rows_are_filled_up() -> None:
    assert html_grid("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>")[0] == [
        ["a", "b"],
        ["c", ""],
    ]


def test_head_and_body_and_th_count_as_rows_and_cells() -> None:
    markup = "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table>"
    assert html_grid(markup) == ([["a"], ["b"]], [])


def test_a_table_inside_a_cell_gives_its_text_only() -> None:
    markup = (
        "<table><tr><td>a <table><tr><td>in</td><td>side</td></tr></table></td><td>b</td></tr>"
        "</table>"
    )
    assert html_grid(markup)[0] == [["a inside", "b"]]


@pytest.mark.parametrize("markup", ["", "no table", "<table></table>", "<table><tr></tr></table>"])
def test_no_cells_give_no_columns(markup: str) -> None:
    assert all(row == [] for row in html_grid(markup)[0])


@pytest.mark.parametrize("span", ["0", "-3", "x", "", "1.5"])
def test_a_span_that_is_none_counts_as_one(span: str) -> None:
    rows, areas = html_grid(f"<table><tr><td colspan='{span}'>a</td><td>b</td></tr></table>")
    assert (rows, areas) == ([["a", "b"]], [])


def test_a_rowspan_past_the_last_row_ends_there() -> None:
    rows, areas = html_grid("<table><tr><td rowspan='9'>a</td></tr><tr><td>b</td></tr></table>")
    assert rows == [["a", ""], ["", "b"]]
    assert areas == [(0, 0, 2, 1)]


def test_a_bomb_of_spans_is_refused_in_short_time() -> None:
    cells = "<td rowspan='9999' colspan='9999'>x</td>" * 2_000
    started = time.perf_counter()
    with pytest.raises(ImageError) as refused:
        html_grid(f"<table><tr>{cells}</tr></table>")
    assert refused.value.reason == "table_too_large"
    assert time.perf_counter() - started < 2
