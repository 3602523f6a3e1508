"""Opening pictures safely: header first, limits before pixels, truncated is an error."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import struct
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from cauldron.media.gif import gif_frames
from cauldron.media.headers import plain_facts, too_many_scans
from cauldron.media.limits import LIMITS, Limits

_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
_ORIENTATION, _FIRST_TURNED = 0x0112, 5  # EXIF tag; from 5 on width and height change places


class ImageError(Exception):
    """A picture that must not or cannot be opened; `reason` is a reject reason."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What a picture's header says: format, sides in pixels, Pillow mode, frames."""

    format: str
    width: int
    height: int
    mode: str
    frames: int


def inspect(data: bytes, limits: Limits = LIMITS) -> ImageFacts:
    """Check a picture by its header and its end, without decoding where the format allows it.

    Raises:
        ImageError: image_empty, image_not_identified, image_too_large, image_too_many_frames,
            image_too_many_scans or image_truncated.
    """
    with _open(data, limits) as image:
        facts = _facts(image, data, limits)
        if not _ends_well(data, facts.format):
            _decode(image)
    return facts


@dataclass(frozen=True, slots=True, kw_only=True)
class UprightFacts:
    """What is known of a picture without its pixels; sides as it is shown, EXIF applied.

    Args:
        orientation: the EXIF orientation, 1 to 8; 1 is upright as stored.
    """

    format: str
    width: int
    height: int
    alpha: bool = False
    frames: int = 1
    orientation: int = 1


def upright_facts(data: bytes | memoryview, limits: Limits = LIMITS) -> UprightFacts:
    """Return the facts of a picture's header; pixels are decoded only where the end looks wrong.

    Raises:
        ImageError: as `inspect`.
    """
    plain = plain_facts(data, limits)
    if plain is not None and not plain.exif:
        return UprightFacts(
            format=plain.format, width=plain.width, height=plain.height, alpha=plain.alpha
        )
    data = bytes(data)
    with _open(data, limits) as image:
        facts = _facts(image, data, limits)
        alpha = facts.mode in _ALPHA or "transparency" in image.info
        with damage("image_truncated"):
            orientation = _orientation(image)
        if not _ends_well(data, facts.format):
            _decode(image)
    turned = orientation >= _FIRST_TURNED
    return UprightFacts(
        format=facts.format,
        width=facts.height if turned else facts.width,
        height=facts.width if turned else facts.height,
        alpha=alpha,
        frames=facts.frames,
        orientation=orientation,
    )


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError, struct.error, KeyError, TypeError):
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def open_rgb(data: bytes, limits: Limits = LIMITS) -> Image.Image:
    """Decode the first frame to upright RGB.

    EXIF orientation is applied; alpha and palette transparency are laid on white; CMYK and grey
    become RGB; 16-bit grey is scaled to 8 bits. Nothing but pixels comes along: no EXIF (place,
    camera), XMP, comment or profile, so that none of them is written when they are encoded again.

    Raises:
        ImageError: as `inspect`, and image_truncated for damaged pixels.
    """
    with _open(data, limits) as image:
        _facts(image, data, limits)
        _decode(image)
        with damage("image_truncated"):
            ImageOps.exif_transpose(image, in_place=True)
            upright = _on_white(image)
            upright.info = {}
            return upright


def frames_of(data: bytes, most: int, limits: Limits = LIMITS) -> Iterator[Image.Image]:
    """Yield the first frames of a picture in order, each decoded, no more than `most`.

    Black and white and grey stay so; all else becomes RGB as `open_rgb` makes it.

    Raises:
        ImageError: as `open_rgb`, at the first frame that cannot be read.
    """
    with _open(data, limits) as image:
        for number in range(most):
            with damage("image_truncated"):
                try:
                    image.seek(number)
                except EOFError:
                    return
            width, height = image.size
            if width * height > limits.max_pixels or max(width, height) > limits.max_side:
                raise ImageError("image_too_large", f"{width} x {height} pixels")
            _decode(image)
            with damage("image_truncated"):
                frame = image.copy() if image.mode in ("1", "L") else _on_white(image).copy()
                frame.info = {}
            yield frame


def encode_png(image: Image.Image) -> bytes:
    """Encode as PNG without metadata; equal pixels give equal bytes."""
    out = io.BytesIO()
    image.save(out, format="PNG", compress_level=6)
    return out.getvalue()


def _open(data: bytes, limits: Limits) -> Image.Image:
    if not data:
        raise ImageError("image_empty")
    if len(data) > limits.max_image_bytes:
        raise ImageError("image_too_large", f"{len(data)} bytes")
    with damage("image_not_identified"):
        try:
            return Image.open(io.BytesIO(data), formats=limits.formats)
        except UnidentifiedImageError as error:
            raise ImageError("image_not_identified", _looks_like(data)) from error


@contextlib.contextmanager
def damage(reason: str) -> Iterator[None]:
    """Turn what Pillow raises on hostile bytes into an `ImageError`.

    Decoders raise what their parsers happen to meet, from `struct.error` to `KeyError`, so every
    exception counts; a warning of a bomb is an error, other warnings are not shown.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            yield
        except ImageError:
            raise
        except (MemoryError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise ImageError("image_too_large", str(error)[:200]) from error
        except Exception as error:
            detail = str(error)[:200] or type(error).__name__
            raise ImageError(reason, detail) from error


def _facts(image: Image.Image, data: bytes, limits: Limits) -> ImageFacts:
    width, height = image.size
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise ImageError("image_too_large", f"{width} x {height} pixels")
    if width < 1 or height < 1:
        raise ImageError("image_empty", f"{width} x {height} pixels")
    plain = image.format == "JPEG" and plain_facts(data, limits)  # counts scans where there are any
    if image.format == "JPEG" and not plain and too_many_scans(data, limits):
        raise ImageError("image_too_many_scans", f"more than {limits.max_scans}")
    return ImageFacts(
        format=str(image.format),
        width=width,
        height=height,
        mode=image.mode,
        frames=_frames(image, data, limits),
    )


def _frames(image: Image.Image, data: bytes, limits: Limits) -> int:
    """Count frames no further than the limit, so that a long animation costs little."""
    with damage("image_truncated"):
        if image.format == "GIF":  # Pillow paints each frame on its way to the next
            frames = max(gif_frames(data, limits.max_frames), 1)
        elif image.format == "TIFF" and getattr(image, "is_animated", False):
            frames = _counted(image, limits.max_frames)
        else:
            frames = int(getattr(image, "n_frames", 1))
    if frames > limits.max_frames:
        raise ImageError("image_too_many_frames", f"more than {limits.max_frames}")
    return frames


def _counted(image: Image.Image, most: int) -> int:
    frames = 1
    try:
        while frames <= most:
            image.seek(frames)
            frames += 1
    except (EOFError, OSError, ValueError, SyntaxError, struct.error):
        pass
    image.seek(0)
    return frames


def _ends_well(data: bytes, format_: str) -> bool:
    """Say whether the last bytes prove the file complete; False means decode to find out."""
    if format_ == "JPEG":
        return data.endswith(b"\xff\xd9")
    if format_ == "PNG":
        return data.endswith(b"IEND\xaeB`\x82")
    if format_ == "WEBP":
        return len(data) >= 12 and len(data) >= int.from_bytes(data[4:8], "little") + 8
    return False


def _decode(image: Image.Image) -> None:
    with damage("image_truncated"), _libtiff_quiet if image.format == "TIFF" else _NOTHING:
        image.load()


class _Quiet:
    """Closes the process's standard error, to which libtiff writes by itself, for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._kept = -1

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._kept = os.dup(2)
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 2)
                os.close(nowhere)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                os.dup2(self._kept, 2)
                os.close(self._kept)


_libtiff_quiet = _Quiet()
_NOTHING = contextlib.nullcontext()
logging.getLogger("PIL").addHandler(logging.NullHandler())  # else Python prints its warnings


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        return image.point(lambda value: value / 257).convert("L").convert("RGB")
    if image.mode in _ALPHA or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _looks_like(data: bytes) -> str:
    head = data[:256].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "an HTML page, not a picture"
    if head.startswith((b"<svg", b"<?xml")):
        return "SVG or XML, not a bitmap"
    return f"begins with {data[:8].hex(' ')}"
