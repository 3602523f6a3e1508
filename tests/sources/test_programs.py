"""Programs of FinQA and MultiHiertt: both notations, constants, text arguments, hostile ones."""

from __future__ import annotations

import pytest

from cauldron.sources._programs import infix


@pytest.mark.parametrize(
    ("program", "written"),
    [
        ("subtract(5829, 5735)", "5829 - 5735"),
        ("divide(subtract(12, 10), 10)", "(12 - 10) / 10"),
        ("subtract(12, 10), divide(#0, 10)", "(12 - 10) / 10"),
        ("add(1, 2), add(3, 4), multiply(#0, #1)", "(1 + 2) * (3 + 4)"),
        ("greater(286.61, 198.09)", "286.61 > 198.09"),
        ("exp(2, const_3)", "2 ** 3"),
        ("multiply(5, const_m1)", "5 * (-1)"),
        ("add(-5, const_1000000)", "(-5) + 1000000"),
        ("add(1,2)", "1 + 2"),
        ("divide(1,234, 5.5%)", "1,234 / 5.5%"),
        ("table_max(net income, none)", "largest value of net income"),
        ("table_sum(sales, net (a), none)", "sum of sales, net (a)"),
        ("divide(table_average(rent, none), 2)", "(average of rent) / 2"),
        ("add(1, 2), add(3, 4)", "1 + 2; 3 + 4"),
    ],
)
def test_a_program_is_written_as_a_sum(program: str, written: str) -> None:
    assert infix(program) == written


@pytest.mark.parametrize(
    "program",
    [
        "root(4)",
        "add(1)",
        "add(1, 2, 3)",
        "divide(#1, 2)",
        "add(1, 2",
        "just words",
        "",
        "add(1, 2), " * 2_000,
        "add(" * 50 + "1" + ", 2)" * 50,
        ", ".join(["add(1, 2)", *(f"add(#{n}, #{n})" for n in range(30))]),
    ],
    ids=["unknown", "one", "three", "ahead", "cut", "words", "empty", "long", "deep", "doubling"],
)
def test_what_is_no_program_is_refused(program: str) -> None:
    with pytest.raises(ValueError, match=r"operation|program|step"):
        infix(program)
