"""The longest match of all rules wins, of equal ones the first."""

from __future__ import annotations

from cauldron.evaluate.captions.lexer import Lexer, Rule


def cut(text: str, *rules: tuple[str, str]) -> list[str]:
    made = [Rule(pattern, then, lambda found: (found, 0)) for pattern, then in rules]
    sets = {"vowel": "aeiou".__contains__}
    return list(Lexer(made, {"word": "[a-z]+"}, sets).tokens(text))


def test_the_longest_match_wins_over_the_first_alternative() -> None:
    assert cut("abcd", ("ab|abcd|abc", "")) == ["abcd"]


def test_the_first_of_equally_long_rules_wins() -> None:
    named = [
        Rule("if", "", lambda found: ("keyword", 0)),
        Rule("<word>", "", lambda found: ("word", 0)),
    ]
    assert [*Lexer(named, {"word": "[a-z]+"}, {}).tokens("if")] == ["keyword"]


def test_what_must_follow_counts_for_the_length_and_is_read_again() -> None:
    assert cut("foobar", ("foo", "bar"), ("foob", ""), ("bar", "")) == ["foo", "bar"]


def test_the_head_is_as_long_as_its_tail_allows() -> None:
    assert cut("aaab", ("a+", "a*b"), ("b", "")) == ["aaa", "b"]


def test_what_no_rule_matches_is_left_out() -> None:
    assert cut("a!!b", ("[a-z]", "")) == ["a", "b"]


def test_counts_classes_and_named_sets() -> None:
    assert cut("aabbb", ("a{2}", ""), ("b{1,2}", "")) == ["aa", "bb", "b"]
    assert cut("xaeiy", ("<vowel>+", ""), ("[^<vowel>]", "")) == ["x", "aei", "y"]


def test_letters_match_in_either_case_outside_classes_only() -> None:
    assert cut("AbAB", ("ab", "")) == ["Ab", "AB"]
    assert cut("Aa", ("[a]", "")) == ["a"]


def test_characters_read_again_start_the_next_token() -> None:
    rules = [
        Rule("cannot", "", lambda found: (found[:3], 3)),
        Rule("[a-z]+", "", lambda f: (f, 0)),
    ]
    assert [*Lexer(rules, {}, {}).tokens("cannot")] == ["can", "not"]
