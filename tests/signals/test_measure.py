"""Signals of whole samples: pictures opened once, questions compared without their phrasing."""

from __future__ import annotations

import io
from typing import Any

import orjson
from PIL import Image, ImageDraw

from cauldron.signals.measure import measured
from cauldron.signals.pictures import picture_signals
from tests.conftest import picture
from tests.trees import noise


def sample(question: str, answer: str, extra: Any = None, image: bytes = b"") -> dict[str, Any]:
    part = {"type": "text", "text": question}
    return {
        "id": "x/train/1",
        "messages": [
            {"role": "user", "content": [{"type": "image", "text": None}, part]},
            {"role": "assistant", "content": [{"type": "text", "text": answer}]},
        ],
        "images": [{"bytes": image or picture(), "path": ""}],
        "extra": orjson.dumps(extra).decode() if extra else "",
    }


def test_a_hint_below_a_question_changes_no_hash() -> None:
    one = measured(sample("How many?\nBe concise.", "Two."))
    two = measured(sample("How many?\nAnswer briefly.", "Two."))
    assert one["question_hashes"] == two["question_hashes"]
    assert one["text_hash"] == two["text_hash"]


def test_a_question_in_other_words_is_compared_in_the_words_of_its_source() -> None:
    kept = {"turns": [{"question": "The cat sits."}]}
    one = measured(sample('Is "The cat sits." true?', "Yes.", kept))
    two = measured(sample('Would you say "The cat sits."?', "Yes.", kept))
    assert one["text_hash"] == two["text_hash"]


def test_another_answer_is_another_text() -> None:
    assert measured(sample("q", "Yes."))["text_hash"] != measured(sample("q", "No."))["text_hash"]


def test_a_broken_picture_is_a_signal_and_no_error() -> None:
    found = measured(sample("q", "a", image=picture()[:60]))
    assert found["image_error"] == ["image_truncated"]
    assert found["image_width"] == [0]


def test_the_same_pixels_in_another_format_have_the_same_pixel_hash() -> None:
    png = noise(3)
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).save(out, "BMP")
    assert picture_signals(png).pixel_hash == picture_signals(out.getvalue()).pixel_hash


def test_a_copy_of_lower_quality_is_near_and_another_scene_is_far() -> None:
    def scene(shift: int, quality: int) -> bytes:
        image = Image.new("RGB", (200, 150), (90, 120, 200))
        draw = ImageDraw.Draw(image)
        draw.ellipse((20 + shift, 20, 90 + shift, 90), fill=(220, 40, 30))
        draw.rectangle((110 - shift, 60, 180 - shift, 140), fill=(240, 220, 60))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        return out.getvalue()

    def bits(a: bytes, b: bytes) -> int:
        one, two = (int.from_bytes(picture_signals(x).phash256, "big") for x in (a, b))
        return (one ^ two).bit_count()

    assert bits(scene(0, 95), scene(0, 40)) <= 20
    assert bits(scene(0, 95), scene(70, 95)) > 40


def test_a_blank_picture_has_no_entropy() -> None:
    assert picture_signals(picture()).entropy == 0
