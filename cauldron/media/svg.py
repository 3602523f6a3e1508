"""Drawings in SVG to pictures, on request: no file, no address and no entity is followed.

A drawing is looked through first: it may refer to itself (`#name`) and to pictures that it holds
(`data:`), nothing else. Then resvg, which runs no scripts and knows no network, paints it in a
process of its own with limits on time and memory.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import tempfile
from xml.parsers import expat

from cauldron.media.images import ImageError, inspect
from cauldron.media.limits import LIMITS, Limits

_OWN = re.compile(r"\s*(#|data:image/(png|jpe?g|gif|webp)[;,])", re.I)
_URLS = re.compile(r"url\(\s*['\"]?\s*([^)'\"]*)", re.I)
_PAINT = """
import sys
import resvg_py
svg = sys.stdin.buffer.read().decode("utf-8")
sys.stdout.buffer.write(bytes(resvg_py.svg_to_bytes(
    svg_string=svg, background="#ffffff", resources_dir=sys.argv[1])))
"""


def looks_like_svg(data: bytes) -> bool:
    """Say whether a file begins as a drawing in SVG does."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith((b"<svg", b"<?xml", b"<!DOCTYPE", b"<!--")) and b"<svg" in data[:8192]


def painted(data: bytes, limits: Limits = LIMITS) -> bytes:
    """Paint a drawing on white; return a PNG.

    Raises:
        ImageError: image_too_large, svg_unsafe for references to anything outside or entities,
            svg_unreadable for what is no SVG or takes too much time or memory.
    """
    if len(data) > limits.max_svg_bytes:
        raise ImageError("image_too_large", f"{len(data)} bytes")
    _require_closed(data, limits)
    try:
        with tempfile.TemporaryDirectory(prefix="cauldron-svg-") as empty:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _PATHS + _PAINT, empty],
                input=data,
                capture_output=True,
                timeout=limits.max_svg_s,
                preexec_fn=lambda: _confine(limits),
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise ImageError("svg_unreadable", f"not painted in {limits.max_svg_s} s") from error
    if done.returncode or not done.stdout:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ImageError("svg_unreadable", told[-1][:200] if told else "nothing was painted")
    inspect(done.stdout, limits)
    return done.stdout


_PATHS = f"import sys; sys.path[:] = {sys.path!r}\n"


def _confine(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limits.max_svg_memory, limits.max_svg_memory))
    resource.setrlimit(resource.RLIMIT_CPU, (int(limits.max_svg_s) + 1,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _require_closed(data: bytes, limits: Limits) -> None:
    """Check that a drawing refers to nothing but itself."""
    parser = expat.ParserCreate()
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    depth = 0
    styles: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > limits.max_html_depth:
            raise ImageError("svg_unsafe", f"nested deeper than {limits.max_html_depth}")
        for name, value in attributes.items():
            followed = name.rpartition(":")[2] in ("href", "src") and tag.rpartition(":")[2] != "a"
            if followed and value.strip() and not _OWN.match(value):
                raise ImageError("svg_unsafe", f"{tag} refers to {value[:100]!r}")
            styles.append(value)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1

    def entity(*declared: object) -> None:
        raise ImageError("svg_unsafe", f"declares an entity: {declared[0]!r}")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.EntityDeclHandler = entity
    parser.CharacterDataHandler = styles.append
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # also odd encodings
        raise ImageError("svg_unreadable", str(error)) from error
    text = "".join(styles)
    outside = next((u for u in _URLS.findall(text) if u.strip() and not _OWN.match(u)), None)
    if outside is not None or re.search(r"@\s*import", text, re.I):
        raise ImageError("svg_unsafe", f"a style refers to {outside or '@import'!r}")
