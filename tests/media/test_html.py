"""Web pages: reading order, furniture, pictures, encodings, and pages made to break readers."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import orjson
import pytest

from cauldron.media.charset import decode
from cauldron.media.html import PageError, read_page, read_page_as_obelics
from cauldron.media.html_pictures import Base, PagePicture, formula
from cauldron.media.html_tree import read_tree
from cauldron.media.limits import Limits
from tests.conftest import picture

ARTICLE = "<p>" + "Enough words stand here to be the content of the page. " * 6 + "</p>"


def read(body: str, **options: str) -> tuple[list[str], dict[str, int]]:
    """Return texts and `img:NAME` of a page in order, and its notes."""
    page = read_page(body.encode(), path=options.pop("path", "page.html"), **options)
    return [_shown(part) for part in page.parts], page.notes


def _shown(part: str | PagePicture) -> str:
    if isinstance(part, str):
        return part
    return f"img:{part.addresses[0].rpartition('/')[2] if part.addresses else 'inline'}"


def first_picture(body: str) -> PagePicture:
    parts = read_page(body.encode(), path="page.html").parts
    return next(part for part in parts if isinstance(part, PagePicture))


def test_texts_and_pictures_stand_in_reading_order() -> None:
    parts, _ = read("<p>One</p><img src=a.png><p>Two <b>bold</b>\n  words</p><img src=b.png>")
    assert parts == ["One", "img:a.png", "Two bold words", "img:b.png"]


def test_blocks_stand_apart_and_line_breaks_stay() -> None:
    assert read("<h1>Head</h1><div>one<br>two</div>three")[0] == ["Head\n\none\ntwo\n\nthree"]


def test_lists_have_marks_and_numbers() -> None:
    body = "<ol start=3><li>a<li><p>b</p><ul><li>deep</li></ul></ol><ul><li>c</ul>"
    assert read(body)[0] == ["3. a\n4. b\n  - deep\n\n- c"]


def test_the_mark_of_an_item_stays_with_its_text_when_a_picture_comes_first() -> None:
    body = "<ul><li><img src=i.png> Diamonds<img src=big.png><p>Shear</p></li></ul>"
    assert read(body)[0] == ["img:i.png", "- Diamonds", "img:big.png", "Shear"]


def test_table_rows_stand_on_one_line() -> None:
    body = "<table><caption>Cap</caption><tr><th>a<th>b<tr><td>1<td></table>after"
    assert read(body)[0] == ["Cap\n\na | b\n1\n\nafter"]


def test_a_table_used_for_layout_gives_blocks() -> None:
    body = "<table role=presentation><tr><td>left text<td>right text</table>"
    assert read(body)[0] == ["left text\n\nright text"]


def test_preformatted_text_keeps_lines_and_indentation() -> None:
    assert read("<pre>\n  def f():\n\treturn  1\n</pre>")[0] == ["  def f():\n\treturn  1"]


def test_zero_width_and_control_characters_go_and_text_is_composed() -> None:
    assert read("<p>a\u200bb\ufeffc\u00add\x01 e\u0301 x\u200dy</p>")[0] == ["abcd \u00e9 xy"]
    assert read("<p>a \u200b b</p><p>“c” \u2028\xa0d\u200b</p>")[0] == ["a b\n\n“c” d"]


def test_blocks_of_links_are_short_by_words_with_any_white_space_between_them() -> None:
    for n_links, is_content in ((16, False), (17, True)):  # 48 and 51 words
        links = "".join(f"<a href={n}>a\u2003b\u3000c</a> " for n in range(n_links))
        assert (
            "c" in read(f"{ARTICLE}<ul><li>{links}</ul>")[0][0].split("page.")[-1]
        ) is is_content


def test_joiners_of_scripts_and_emoji_stay() -> None:
    assert read("<p>می\u200cخواهم 👩\u200d🔬</p>")[0] == ["می\u200cخواهم 👩\u200d🔬"]


def test_a_caption_in_front_of_its_picture_comes_behind_it() -> None:
    body = "<figure><figcaption>Cap</figcaption><img src=a.png></figure>"
    assert read(body)[0] == ["img:a.png", "Cap"]
    assert first_picture(body).caption == "Cap"


@pytest.mark.parametrize(
    "furniture",
    [
        "<nav>{}</nav>",
        "<header>{}</header>",
        "<footer>{}</footer>",
        "<aside>{}</aside>",
        "<dialog open>{}</dialog>",
        "<div role=navigation>{}</div>",
        "<div class='Foo NavHeader'>{}</div>",
        "<div id=cookie-banner>{}</div>",
        "<div class='c-Related-articles__list'>{}</div>",
        "<div class=entry-footer>{}</div>",
        "<div class='textwidget side'>{}</div>",
        "<div hidden>{}</div>",
        "<p style='display: none'>{}</p>",
        "<form><label>{}</label><button>{}</button></form>",
        "<script>{}</script>",
        "<style>{}</style>",
        "<template>{}</template>",
        "<noscript>{}</noscript>",
    ],
)
def test_furniture_is_taken_out(furniture: str) -> None:
    parts, _ = read(ARTICLE + furniture.replace("{}", "unwanted") + "<img src=a.png>")
    assert len(parts) == 2
    assert "unwanted" not in parts[0]


def test_a_block_of_links_is_taken_out_and_a_sentence_with_a_link_stays() -> None:
    links = "<ul><li><a href=1>Home</a><li><a href=2>News</a><li><a href=3>More</a></ul>"
    parts, _ = read(f"{ARTICLE}{links}<p>See <a href=x>the manual</a>.</p>")
    assert "Home" not in parts[0]
    assert parts[0].endswith("See the manual.")


def test_a_line_of_links_between_bars_is_taken_out_with_its_icons() -> None:
    line = "<hr>[ <a href=c>Contents</a> | <img src=flag.png> Here | <a href=x>Credits</a> ]"
    parts, notes = read(ARTICLE + line)
    assert (len(parts), notes) == (1, {"navigation_line": 1})


def test_furniture_words_never_take_most_of_a_page() -> None:
    assert "Enough words" in read(f"<div class='sidebar nav'>{ARTICLE}</div><p>x</p>")[0][0]


@pytest.mark.parametrize("named", ["widget Blog", "entry themeform share", "hentry related"])
def test_what_is_named_for_the_written_stays_whatever_else_it_is_named(named: str) -> None:
    page = f"<div class=x>{'Other words. ' * 40}</div><div class='{named}'>{ARTICLE}</div>"
    assert "Enough words" in read(page)[0][0]


@pytest.mark.parametrize("about", ["related", "tags", "sharing-with-others", "navigation"])
def test_a_section_named_after_its_heading_is_no_furniture(about: str) -> None:
    filler = "<p>Other words, many of them.</p>" * 20
    for page in (
        f"<div class=section id={about}><h3>The heading</h3>{ARTICLE}</div>",
        f"<section id={about}><h3>The heading</h3>{ARTICLE}</section>",
        f"<h3 id={about}>The heading</h3><div id=x-{about}>{ARTICLE}</div>",
        f"<h3><span id={about}>The heading</span></h3>{ARTICLE}",
    ):
        assert "The heading\n\nEnough words" in read(filler + page)[0][0]


def test_no_word_is_taken_out_of_a_sentence() -> None:
    page = "<p>I am a <a class=popup href=x>rather</a> <span class='tags'>elderly</span> man.</p>"
    assert read(ARTICLE + page)[0][0].endswith("I am a rather elderly man.")


def test_a_page_saved_as_utf8_may_declare_what_it_was() -> None:
    text = "这款产品具有极其重要的意义，因为这意味着未来。"
    page = f"<meta charset=gb2312><p>{text}</p>"
    assert decode(page.encode()).text == page
    assert decode(page.encode("gb18030")).encoding == "gb18030"
    assert decode(page.encode(), "gb2312").by == "http"
    assert decode("<meta charset=gb2312>é".encode()).encoding == "gb18030"


def test_a_noscript_that_holds_most_of_a_page_is_the_page() -> None:
    page = f"<p>Labels</p><noscript>{ARTICLE}<img src=a.png></noscript>"
    parts, _ = read(page + "<script type='text/template'><p>Enough words</p></script>")
    assert parts[0].startswith("Labels\n\nEnough") and parts[1:] == ["img:a.png"]


def test_main_wins_when_it_holds_most_of_the_text() -> None:
    assert read(f"<div>outside</div><main>{ARTICLE}</main>")[0][0].startswith("Enough")


def test_the_head_of_an_article_stays() -> None:
    assert read(f"<article><header>Title</header>{ARTICLE}</article>")[0][0].startswith("Title")


def test_the_widest_picture_of_a_set_comes_first() -> None:
    found = first_picture("<img src=s.png srcset='m.png 640w, l.png 1280w'>")
    assert found.addresses == ("l.png", "m.png", "s.png")


def test_a_picture_element_offers_its_sources_but_no_format_that_cannot_be_read() -> None:
    body = (
        "<picture><source type=image/avif srcset='x.avif 900w'>"
        "<source srcset='w.webp 800w'><img src=f.jpg></picture>"
    )
    assert first_picture(body).addresses == ("w.webp", "f.jpg")


def test_a_lazy_picture_is_found_in_its_data_attribute() -> None:
    assert first_picture("<img src=blank.gif data-src=real.jpg>").addresses[0] == "real.jpg"


def test_a_picture_that_only_stands_in_noscript_is_taken_once() -> None:
    body = "x<img data-src=a.jpg><noscript><img src=a.jpg></noscript>"
    assert read(body)[0] == ["x", "img:a.jpg"]
    assert read("x<noscript><img src=b.jpg></noscript>")[0] == ["x", "img:b.jpg"]


def test_a_picture_keeps_what_the_page_says_about_it() -> None:
    found = first_picture("<a href=big.jpg><img src=t.jpg alt=' A cat ' width=90px height=60></a>")
    assert (found.alt, found.width, found.height, found.link) == ("A cat", "90", "60", "big.jpg")


def test_vector_pictures_pixels_and_bullets_are_counted_and_left_out() -> None:
    body = "text<img src=a.svg><img src=t.gif width=1 height=1>" + "<img src=dot.png>" * 3
    assert read(body) == (["text"], {"image_pixel": 1, "image_repeated": 3, "image_svg": 1})


def test_a_small_inline_picture_is_decoded_and_a_broken_one_counted() -> None:
    inline = "data:image/png;base64," + base64.b64encode(picture()).decode()
    assert first_picture(f"<img src='{inline}'>").inline == picture()
    assert read("x<img src='data:image/png;base64,A'>")[1] == {"image_inline_unreadable": 1}


def test_a_formula_picture_becomes_latex_once() -> None:
    body = (
        "<p>Let <span class=mwe-math-element><span style='display:none'><math>"
        "<mi>x</mi></math></span><img class=mwe-math-fallback-image-inline src=f.svg "
        "alt='{\\displaystyle x^{2}}'></span> be.</p>"
    )
    assert read(body) == (["Let $x^{2}$ be."], {"formula_as_text": 1})


def test_mathml_gives_its_tex_annotation() -> None:
    body = "<math><mi>y</mi><annotation encoding='application/x-tex'>y_1</annotation></math>"
    assert read(body)[0] == ["$y_1$"]


def test_a_windows_path_is_no_formula() -> None:
    assert formula({"alt": r"C:\Users\me\shot.png"}) == ""


@pytest.mark.parametrize(
    ("base", "address", "resolved"),
    [
        (Base(path="a/b/p.html"), "x.png", "a/b/x.png"),
        (Base(path="a/b/p.html"), "../x.png?v=2#f", "a/x.png?v=2"),
        (Base(path="a/p.html"), "../../etc/passwd", "../etc/passwd"),
        (Base(path="a/p.html"), "/img/x.png", "/img/x.png"),
        (Base(path="a/p.html"), "img\\x.png", "a/img/x.png"),
        (Base(path="a/p.html"), "//host/x.png", "https://host/x.png"),
        (Base(path="a/p.html"), "file:///etc/passwd", ""),
        (Base(path="a/p.html"), "javascript:alert(1)", ""),
        (Base(path="a/p.html"), "http://[bad/x.png", ""),
        (Base(path="a/p.html").moved("pics/"), "../y.png", "a/y.png"),
        (Base(path="a/p.html").moved("pics/"), "y.png", "a/pics/y.png"),
        (Base(url="https://h.org/blog/post/"), "img/a.png", "https://h.org/blog/post/img/a.png"),
        (Base(path="p.html").moved("https://h.org/d/"), "../a.png", "https://h.org/a.png"),
    ],
)
def test_addresses_are_resolved(base: Base, address: str, resolved: str) -> None:
    assert base.resolve(address) == resolved


JAPANESE = "これは日本語のページです。画像があります。"


@pytest.mark.parametrize(
    ("data", "encoding", "by"),
    [
        ("\ufeffä".encode(), "utf-8", "bom"),
        ("\ufeffä".encode("utf-16-le"), "utf-16-le", "bom"),
        (b"<meta charset=iso-8859-1>\x93\xe4", "cp1252", "meta"),
        (b"<meta charset='gb2312'>" + "中".encode("gb18030"), "gb18030", "meta"),
        (b'<?xml version="1.0" encoding="x-sjis"?>', "cp932", "meta"),
        (b"<meta charset=utf-16>plain", "utf-8", "meta"),
        (b"<meta charset=rot13>plain", "utf-8", "guess"),
        (b"<meta charset=utf-8>" + JAPANESE.encode("cp932"), "cp932", "guess"),
        (JAPANESE.encode("euc_jp"), "euc_jp", "guess"),
        ("Größe und Höhe".encode("cp1252"), "cp1252", "fallback"),
    ],
)
def test_the_encoding_is_found_and_who_said_so(data: bytes, encoding: str, by: str) -> None:
    found = decode(data)
    assert (found.encoding, found.by) == (encoding, by)
    assert "\ufffd" not in found.text


def test_the_http_header_goes_before_the_page() -> None:
    assert decode(b"<meta charset=utf-8>x", "Shift_JIS").encoding == "cp932"


def test_self_closed_tags_of_xhtml_do_not_swallow_the_page() -> None:
    page = '<?xml version="1.0"?><html><head><title/><script src="x"/></head><body>seen</body>'
    assert read(page)[0] == ["seen"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b" \n", "html_empty"), (b"x" * 101, "html_too_large"), (b"%PDF-1.4 x", "not_html")],
)
def test_what_is_no_page_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(PageError) as caught:
        read_page(data, limits=Limits(max_html_bytes=100))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ("<p>a</p><xmp><b>x</b>&amp;</script></xmp><p>c", ["a\n\n<b>x</b>&amp;</script>\n\nc"]),
        ("<!-- <b><!--><p>a<!-- > -->b<!---->c", ["abc"]),
        ("<div><math><link></link><mi>x</mi></math><p>a</div><p>b", ["x\n\na\n\nb"]),
        ("<template><iframe><b></iframe>no</template><p>a<svg><image></image></svg>b", ["ab"]),
        ("<p>1 &lt; 2 &amp;lt; 3 &gt;</p><p title='<p>'>b", ["1 < 2 &lt; 3 >\n\nb"]),
    ],
)
def test_what_looks_like_a_tag_and_is_none_changes_no_nesting(body: str, parts: list[str]) -> None:
    assert read(body)[0] == parts


def test_brackets_in_names_lose_no_text() -> None:
    assert "inside" in read("<p>before</p><a<b c<d=1>inside</a<b><p>after")[0][0]


def test_elements_nested_too_deeply_are_flattened_and_their_text_stays() -> None:
    body = "<div>" * 5_000 + "deep<img src=a.png>" + "</div>" * 5_000 + "after"
    assert len(read_tree(body).kinds) < 1_100
    assert read(body)[0] == ["deep", "img:a.png", "after"]


def test_a_page_of_too_many_nodes_is_cut_and_counted() -> None:
    page = read_page(b"<p>a" * 200, limits=Limits(max_html_nodes=100))
    assert page.notes == {"html_nodes_over_limit": 1}


SLOW = ("<div>", "<ul><li>", "<a><b><i></a>", "<figure><img src=x.png>", "<table><tr><td>a", "<!--")
SLOWER = ('<a "', "<", "<noscript><img src=a>", f"<p {'a=1 ' * 300}>", "<img srcset=' , , '>")


UNENDED = ("<div></x>", "<div><!--</div>-->", "<div><table><td></div></table>", "<rt><div></div>")


@pytest.mark.parametrize("unit", (*SLOW, *SLOWER, *UNENDED, "<div title='</div>'>", "<a ='="))
def test_a_page_made_to_be_slow_is_read_in_bounded_time(unit: str) -> None:
    started = time.process_time()
    read_page((unit * (1_000_000 // len(unit))).encode(), path="p.html")
    assert time.process_time() - started < 10


def payloads(slices: Path) -> list[str]:
    """Return the inputs of the hostile pages."""
    found: list[str] = orjson.loads((slices / "bad_inputs/html/xss_payloads.json").read_bytes())
    for path in sorted((slices / "bad_inputs/html").glob("*.test")):
        for tests in orjson.loads(path.read_bytes()).values():
            found += [test["input"] for test in tests if isinstance(test, dict)]
    return found


def test_a_hostile_page_names_only_files_and_web_addresses(slices: Path) -> None:
    for body in payloads(slices):
        page = read_page(f"<p>before</p>{body}".encode("utf-8", "replace"), path="p.html")
        for part in page.parts:
            for address in part.addresses if isinstance(part, PagePicture) else ():
                scheme, mark, _ = address.partition(":")
                assert not mark or scheme in ("http", "https")


@pytest.mark.parametrize(
    "folder", ["gimp_recursive_transform", "panotools_projections", "xfig_introduction"]
)
def test_a_real_page_reads_as_a_person_would(slices: Path, folder: str) -> None:
    wanted = orjson.loads((slices / "html" / folder / "expected.json").read_bytes())
    page = read_page((slices / "html" / folder / wanted["page"]).read_bytes(), path=wanted["page"])
    shown = " ".join(" ".join(_shown(part).split()) + " " for part in page.parts)
    at = 0
    for phrase in wanted["sequence"]:
        at = shown.find(phrase, at)
        assert at >= 0, phrase
        at += len(phrase)
    assert [phrase for phrase in wanted["absent"] if phrase in shown] == []
    assert [name for name in wanted["images_content"] if shown.count(f"img:{name} ") != 1] == []


@pytest.mark.parametrize(
    "name", ["gimp_recursive_transform", "panotools_projections", "xfig_introduction"]
)
def test_obelics_is_reproduced_on_real_pages(slices: Path, name: str) -> None:
    folder = slices / "html" / name
    told = orjson.loads((folder / "obelics_reference.json").read_bytes())
    (page,) = read_page_as_obelics(next(folder.glob("*.html")).read_bytes(), url=told["url"])
    texts = [part if isinstance(part, str) else None for part in page.parts]
    images = [part.addresses[0] if isinstance(part, PagePicture) else None for part in page.parts]
    assert (texts, images) == (told["texts"], told["images"])


def test_obelics_loses_lists_figures_and_feet_and_parts_articles() -> None:
    body = (
        "<p>One <b>bold</b></p><ul><li>item</ul><figure><img src=f.png></figure><img src=../a.png>"
        "<div class='footer x'>foot</div><a class=more-link>more</a><p>Two</p><img data-src=b.png>"
    )
    first, second = read_page_as_obelics(body.encode(), url="https://h.org/deep/page.html")
    assert [_shown(part) for part in first.parts] == ["One bold", "img:a.png"]
    assert [_shown(part) for part in second.parts] == ["Two", "img:b.png"]
    assert first.parts[1].addresses == ("https://h.org/a.png",)  # type: ignore[union-attr]


def test_addresses_that_name_no_place_are_ignored_by_both_readings() -> None:
    body = b"<base href='https://[x/'><p>One</p><img src='https://[y/a.png'><img src=b.png>"
    found = PagePicture(addresses=("https://h.org/b.png",))
    assert read_page(body, url="https://h.org/a.html").parts == ("One", found)
    (page,) = read_page_as_obelics(body, url="https://h.org/a.html")
    assert page.parts == ("One", found)
    assert read_page(body, url="https://[h/").parts == ("One",)


def test_raw_text_whose_tag_holds_brackets_is_read_by_both_readings() -> None:
    body = b"<p>One</p><noembed title='a<b'><i>raw</i></noembed><p>Two</p><img src=a.png>"
    for page in (read_page(body, path="p.html"), *read_page_as_obelics(body)):
        texts = " ".join(part for part in page.parts if isinstance(part, str))
        assert texts.startswith("One")
        assert texts.endswith("Two")


def test_a_bracket_among_attributes_costs_neither_a_picture_nor_words() -> None:
    body = "<p>One <b>two</b><img src=a.png <</p><div class=x <span>three</div><p>four</p>"
    assert read(body)[0] == ["One two", "img:a.png", "three\n\nfour"]


def test_pictures_without_an_img_that_are_written_alike_keep_their_own_addresses() -> None:
    body = "".join(f"<p>x</p><picture class=c><source srcset={n}.png></picture>" for n in "ab")
    assert read(body)[0] == ["x", "img:a.png", "x", "img:b.png"]


def test_a_picture_without_an_img_is_taken_from_its_largest_source() -> None:
    body = "<picture><source type=image/avif srcset=a.avif><source srcset='b.webp 1x, c.webp 2x'>"
    assert first_picture(f"<p>x</p>{body}</picture>").addresses == ("c.webp", "b.webp")


def test_sets_whose_addresses_hold_commas_are_read() -> None:
    body = "<img srcset='https://c.org/w_1,h_2/a.jpg 1x, https://c.org/w_2,h_4/a.jpg 2x'>"
    assert first_picture(f"<p>x</p>{body}").addresses[0] == "https://c.org/w_2,h_4/a.jpg"
