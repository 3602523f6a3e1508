"""The report: one static page that shows what a work folder holds."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cauldron.errors import StorageError
from cauldron.report import write_report
from cauldron.report.charts import histogram, thresholds
from cauldron.report.facts import licences, mixtures, quarantine, results
from cauldron.report.gallery import gallery
from cauldron.storage.files import write_json


def page_of(work: Path) -> str:
    return Path(write_report(str(work))).read_text(encoding="utf-8")


def test_page_lies_in_the_report_folder(work: Path) -> None:
    assert write_report(str(work)) == f"{work}/report/index.html"


def test_page_has_one_script_of_its_own_and_no_outside_address(work: Path) -> None:
    page = page_of(work)
    assert not re.search(r"https?://|@import|url\(|\son\w+=", page)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert page.count("<script") == 1 and f"script-src 'sha256-{digest}'" in page


def test_page_forbids_all_but_its_own_pictures_and_styles(work: Path) -> None:
    assert "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'" in page_of(work)


def test_text_of_samples_is_escaped(work: Path) -> None:
    assert "&lt;b&gt;tallest&lt;/b&gt;" in page_of(work)


def test_password_in_a_root_is_not_shown(work: Path) -> None:
    page = page_of(work)
    assert "s3://bucket/chartqa" in page and "secret" not in page


def test_every_picture_has_words_and_is_there(work: Path) -> None:
    pictures = re.findall(r'<img src="([^"]+)"[^>]* alt="([^"]+)"', page_of(work))
    assert pictures and all((work / "report" / name).is_file() and alt for name, alt in pictures)


def test_thumbnails_are_small_jpegs(work: Path) -> None:
    write_report(str(work))
    names = sorted((work / "report" / "thumbs").iterdir())
    with Image.open(names[0]) as image:
        assert (image.format, max(image.size)) == ("JPEG", 256)


def test_second_report_has_the_same_bytes(work: Path) -> None:
    assert page_of(work) == page_of(work)


def test_thumbnail_of_an_earlier_report_is_removed(work: Path) -> None:
    stale = work / "report" / "thumbs" / "stale.jpg"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"old")
    write_report(str(work))
    assert not stale.exists()


def test_page_says_that_counts_add_up(work: Path) -> None:
    assert "every record accounted for" in page_of(work)


def test_page_says_that_counts_do_not_add_up(work: Path) -> None:
    (work / "samples" / "chartqa" / "part-00001.parquet").unlink()
    assert "counts do not add up" in page_of(work)


def test_folder_without_signals_and_decisions_has_a_report(work: Path) -> None:
    for path in [*work.glob("signals/*/*"), *work.glob("decisions/*/*/*")]:
        path.unlink()
    assert "nothing dropped" in page_of(work)


def test_folder_without_samples_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no samples"):
        write_report(str(tmp_path))


def test_kept_samples_show_their_picture(work: Path) -> None:
    shelf = gallery(str(work), str(work / "report"))[0]
    assert all(card.thumbnail for card in shelf.kept)


def test_gallery_shows_each_reason_first_once(work: Path) -> None:
    shelf = gallery(str(work), str(work / "report"))[0]
    reasons = {card.reason for card in shelf.dropped}
    assert reasons == {"too_few_words", "aspect_too_wide", "near_duplicate"}


def test_asked_and_realised_shares_are_those_of_the_manifest(work: Path) -> None:
    rows = mixtures(str(work))[0]["rows"]
    assert [row["of"]["tokens"] for row in rows] == [0.75, 0.25]
    assert [row["of"]["samples"] for row in rows] == [0.5, 0.5]
    assert [(r["asked"], r["realised"]) for r in rows] == [(0.75, 0.5), (0.25, 0.5)]


def test_licences_count_kept_samples(work: Path) -> None:
    assert [(r["name"], r["samples"], r["kept"]) for r in licences(str(work))] == [
        ("GPL-3.0-only", 14, 10),
        ("", 6, 5),
    ]


def test_quarantine_names_the_record(work: Path) -> None:
    assert quarantine(str(work))["records"][0]["record"] == "99"


def test_results_are_absent_without_training(work: Path) -> None:
    assert results(str(work)) == []


def test_results_stand_on_the_page(work: Path) -> None:
    scores = {"chartqa": {"trained": 0.812, "untrained": 0.01, "blind": None, "n": 500}}
    write_json(f"{work}/train/results.json", scores)
    assert "0.812" in page_of(work)


@pytest.mark.parametrize(
    "rules",
    [
        {"words": {"min": 5}},
        {"min": {"words": 5}},
        {"rules": [{"signal": "words", "min": 5}]},
        {"min_words": 5},
    ],
)
def test_threshold_is_found_in_rules(rules: dict[str, object]) -> None:
    assert thresholds([rules]) == {"words": [("min", 5.0)]}


def test_histogram_counts_every_value() -> None:
    kept, dropped = np.array([1, 2, 2, 900], np.float32), np.array([1], np.float32)
    chart = histogram("words", kept, dropped, [("max", 100.0)])
    said = [re.findall(r"(\d+) kept, (\d+) dropped", bar.title)[0] for bar in chart.bars]
    assert (sum(int(k) for k, _ in said), sum(int(d) for _, d in said)) == (4, 1)


def test_histogram_of_one_value_has_one_bar() -> None:
    chart = histogram("words", np.array([3, 3], np.float32), np.array([], np.float32), [])
    assert len(chart.bars) == 1
