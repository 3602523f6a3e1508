"""Paragraphs of a site, who is merged into whom, and who stays for whom: each rule alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from cauldron.curate.dropping import Verdicts
from cauldron.curate.merging import _simple, _sizes
from cauldron.curate.paragraphs import _domain, _hashes, _without
from cauldron.sample import Turn, chat_messages, document_messages


def page(*texts: str, extra: Any = None, file: str = "crawl/a.warc", **more: Any) -> dict[str, Any]:
    told = orjson.dumps(extra).decode() if extra is not None else ""
    sizes = {"n_turns": 1, "chars": sum(map(len, texts)), "answer_tokens": 40, "text_tokens": 80}
    return {
        "source": "html", "messages": document_messages(texts), "extra": told,
        "origin": {"file": file}, **sizes, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("extra", "domain"),
    [
        ({"url": "https://A.org/x"}, "a.org"),
        ({"page_url": "https://b.org/x", "note": "https://c.org"}, "b.org"),
        ({"url": 5, "document_url": "no address", "source_url": "http://d.org:80/"}, "d.org"),
        ({"url": "https://[odd/x"}, "html:crawl"),
        ({"url": "https://[odd/x", "page_url": "https://b.org"}, "html:crawl"),
        ([1], "html:crawl"),
        (None, "html:crawl"),
    ],
)
def test_a_site_is_the_host_of_a_page_or_its_folder(extra: Any, domain: str) -> None:
    assert _domain(page("a", extra=extra)) == domain
    assert _domain(page("a", origin=None)) == "html:"


def test_paragraphs_are_equal_by_site_and_words() -> None:
    here = {"url": "https://a.org"}
    one, two = (
        _hashes(page("Same words.\n\n \n\nOther", extra=here)),
        _hashes(page("same  WORDS.", extra=here)),
    )
    assert len(one) == 2 and one[0] == two[0]
    assert _hashes(page("Same words."))[0] != one[0]


def test_a_page_is_told_without_its_repeated_paragraphs_and_with_the_sizes_it_has_then() -> None:
    whole = page("keep\n\nnotice!", "notice!\n\nkept too")
    many = np.sort(_hashes(page("notice!")))
    edit, sizes = _without(whole, many)
    assert edit.paragraphs == (1, 2)
    chars = len("keep") + len("kept too")
    share = chars / whole["chars"]
    assert sizes == {
        "n_turns": 1, "chars": chars, "answer_tokens": round(40 * share),
        "text_tokens": round(80 * share),
    }  # fmt: skip
    _, none = _without(page("notice!"), many)
    assert none["chars"] == none["text_tokens"] == 0
    _, unknown = _without({**whole, "chars": None, "text_tokens": None}, many)
    assert (unknown["chars"], unknown["text_tokens"], unknown["answer_tokens"]) == (chars, 0, 40)


def chat(
    *said: tuple[str, str], pictures: int = 1, parts: tuple[Any, ...] = ()
) -> list[dict[str, Any]]:
    turns = [Turn(user=user, assistant=answer) for user, answer in said]
    if parts:
        turns[-1].parts = parts
    return chat_messages(pictures, tuple(turns))


def test_only_plain_chats_with_their_pictures_in_front_are_merged() -> None:
    assert _simple(chat(("a", "b"), ("c", "d"))) and _simple(chat(("a", "b"), pictures=3))
    assert _simple(chat(("a", "b"), pictures=0))
    assert not _simple(chat(("a", "b"), parts=("see ", 0, "a")))
    assert not _simple(chat(("a", "b"), ("c", "d"), parts=(0, "c")))
    assert not _simple(document_messages(("a", 0)))
    assert not _simple(chat_messages(1, (Turn(user="a", assistant="b"),), "be brief"))


def test_the_sizes_of_merged_samples_are_summed_but_turns_told_twice() -> None:
    sizes = {"chars": 5, "answer_tokens": 2, "text_tokens": None, "n_turns": 9}
    first = {"id": "a", "extra": "", "messages": chat(("q", "a"), ("r", "b")), **sizes}
    second = {"id": "b", "extra": "", "messages": chat(("q", "a"), ("s", "c")), **sizes}
    assert _sizes([first, second]) == {
        "chars": 10, "answer_tokens": 4, "text_tokens": 0, "n_turns": 3
    }  # fmt: skip


def test_who_stays_is_followed_over_later_searches() -> None:
    def of(*nodes: int) -> np.ndarray:
        return np.array(nodes, np.int64)

    assert len(Verdicts.none().last_keepers()) == 0
    first = Verdicts.none().with_more(of(5, 9), of(3, 5), 0, np.array([0.5, 0.25]))
    both = first.with_more(of(3, 7), of(1, 7), 2)
    assert both.gone.tolist() == [3, 5, 7, 9] and both.keeper.tolist() == [1, 3, 7, 5]
    assert both.reason.tolist() == [2, 0, 2, 0]
    assert np.isnan(both.value[[0, 2]]).all() and both.value[[1, 3]].tolist() == [0.5, 0.25]
    assert both.last_keepers().tolist() == [1, 1, 7, 1]
