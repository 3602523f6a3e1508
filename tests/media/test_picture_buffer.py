"""Pictures are read one behind the other; what is not all that was read is copied instead."""

from __future__ import annotations

import os
from pathlib import Path

from cauldron.media.picture_buffer import PictureBuffer
from cauldron.readers.raw import Raw


def read(buffer: PictureBuffer, path: Path, payload: bytes) -> bytes | memoryview:
    path.write_bytes(payload)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return buffer.read(descriptor, len(payload))
    finally:
        os.close(descriptor)


def test_pictures_lie_one_behind_the_other(tmp_path: Path) -> None:
    buffer = PictureBuffer(10)
    payloads = [read(buffer, tmp_path / "a", b"abc"), read(buffer, tmp_path / "a", b"defg")]
    whole = buffer.whole(payloads)
    assert whole is not None
    assert whole.to_pybytes() == b"abcdefg"


def test_a_picture_that_does_not_fit_is_read_elsewhere(tmp_path: Path) -> None:
    buffer = PictureBuffer(4)
    payloads = [read(buffer, tmp_path / "a", b"abc"), read(buffer, tmp_path / "a", b"defg")]
    assert payloads[1] == b"defg"
    assert buffer.whole(payloads) is None


def test_pictures_left_out_or_from_elsewhere_leave_no_whole(tmp_path: Path) -> None:
    buffer = PictureBuffer(10)
    kept, left_out = (read(buffer, tmp_path / "a", payload) for payload in (b"abc", b"de"))
    assert buffer.whole([kept]) is None
    assert buffer.whole([kept, bytes(left_out)]) is None


def test_a_file_that_has_shrunk_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    descriptor = os.open(tmp_path / "a", os.O_RDONLY)
    try:
        assert PictureBuffer(10).read(descriptor, 5) == b"abc"
    finally:
        os.close(descriptor)


def test_a_raw_root_reads_plain_files_into_the_buffer(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"abc")
    buffer = PictureBuffer(10)
    found = Raw([str(tmp_path)]).picture_in(buffer, ["b.jpg", "a.jpg"], 10)
    assert isinstance(found, memoryview)
    assert found == b"abc"
