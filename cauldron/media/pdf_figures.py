"""Figures of a PDF page: pictures as stored where that is possible, drawn regions rendered.

A figure is a cluster of pictures and drawings that lie close together. Rules of tables, boxes
around text and lines under words are not figures: what they hold is text.
"""

# mypy: disallow-untyped-calls=False
from __future__ import annotations

from collections import Counter

import numpy as np
import pymupdf

from cauldron.media.headers import plainly_sound
from cauldron.media.images import ImageError, inspect
from cauldron.media.limits import LIMITS
from cauldron.media.pdf_page import RENDER_DPI, SCAN_COVER, Painted, render, scale_of
from cauldron.media.pdf_parts import Box, Figure, TextLine, bounds, holds

MIN_FIGURE_PIXELS = 150  # OBELICS floor, at 150 dpi
MIN_FIGURE_SHARE = 0.02
_CELL = 4.0  # points; things closer than this belong together
_MAX_CELLS = 400
MIN_FRAME_SHARE = 0.15
_PARAGRAPH_LINES, _PARAGRAPH_WORDS = 3, 5
_THIN = 2.0
_MIN_DRAWINGS = 5
MAX_WRITTEN = 0.15
"""A drawing over this share of whose area text stands is a box around that text."""
_MAX_TEXT_COVER = 0.5
_MAX_BACKED = 0.35
"""A picture over this share of whose area paragraphs stand is their background."""
_MIN_LIGHT, _LIGHT = 0.7, 225
"""So is one that is light, of grey from 0 to 255, over this share of its area."""
_LOOK_DPI = 36
_MAX_WORDS = 120
_MIN_SIDE = 24.0
_NATIVE_COLORS = (1, 3)


def figures_of(
    page: pymupdf.Page,
    lines: list[TextLine],
    pictures: list[Painted],
    ink: list[tuple[str, Box]],
) -> list[Figure]:
    """Return the figures of a page; none that holds a picture too large to be decoded."""
    whole = page.rect
    drawn = _drawn(ink, lines, whole)
    figures = []
    boxes = [box for _, box in drawn]
    for cluster, box in _apart(_clusters(boxes, whole), boxes, lines, whole):
        if not _is_large_enough(box, whole):
            continue
        inside = [p for p in pictures if _overlaps(p.box, box)]
        if any(not p.allowed for p in inside):
            continue
        kinds = [drawn[n] for n in cluster]
        if _is_figure(kinds, box, lines) and not _is_backdrop(page, box, lines):
            figures += _taken(page, pymupdf.Rect(box), inside, kinds, lines)
    return figures


def _drawn(
    ink: list[tuple[str, Box]], lines: list[TextLine], whole: pymupdf.Rect
) -> list[tuple[str, Box]]:
    """Leave out the page's background, boxes around text and lines under words."""
    if not ink:
        return []
    boxes = np.array([box for _, box in ink]).reshape(-1, 4)
    page = np.array(_box(whole))
    seen = np.clip(boxes, page[[0, 1, 0, 1]], page[[2, 3, 2, 3]])
    area = (seen[:, 2] - seen[:, 0]) * (seen[:, 3] - seen[:, 1])
    outside = (boxes[:, :2] > page[2:]).any(axis=1) | (boxes[:, 2:] < page[:2]).any(axis=1)
    kept = ~outside & (area < SCAN_COVER * abs(whole))
    is_path = np.array([kind == "path" for kind, _ in ink])
    written = np.zeros(len(boxes))
    underline = np.zeros(len(boxes), dtype=bool)
    for line in lines:
        x0, y0, x1, y1 = line.box
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        holding = (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])
        written += holding * _area(line.box)
        low = (boxes[:, 3] - boxes[:, 1] < _THIN) & (boxes[:, 1] > y0) & (boxes[:, 3] < y1 + _THIN)
        underline |= low & (boxes[:, 0] > x0 - _THIN) & (boxes[:, 2] < x1 + _THIN)
    kept &= ~(is_path & (underline | (written > MAX_WRITTEN * np.maximum(area, 1.0))))
    return [ink[n] for n in np.flatnonzero(kept)]


def _apart(
    clusters: list[list[int]], boxes: list[Box], lines: list[TextLine], whole: pymupdf.Rect
) -> list[tuple[list[int], Box]]:
    """Return clusters with their boxes; one with running text in its midst is taken apart.

    Figures beside each other are joined by shadows and pictures that are clipped in painting. They
    are told by their frames: boxes that are large and hold no paragraph.
    """
    out: list[tuple[list[int], Box]] = []
    for cluster in clusters:
        around = _bounds([boxes[n] for n in cluster], whole)
        frames = _frames([boxes[n] for n in cluster], around, lines)
        if not frames or not _holds_paragraphs(around, lines):
            out.append((cluster, around))
            continue
        for frame in frames:
            inside = [n for n in cluster if holds(frame, boxes[n])]
            out.append((inside, _bounds([frame], whole)))
    return out


def _frames(boxes: list[Box], around: Box, lines: list[TextLine]) -> list[Box]:
    """Return the large boxes that lie in no other one and hold no paragraph."""
    large = [box for box in boxes if _area(box) >= MIN_FRAME_SHARE * _area(around)]
    found: list[Box] = []
    for box in sorted(large, key=_area, reverse=True):
        if not _holds_paragraphs(box, lines) and not any(_overlaps(box, frame) for frame in found):
            found.append(box)
    return sorted(found, key=lambda box: (box[1], box[0]))


def _holds_paragraphs(box: Box, lines: list[TextLine]) -> bool:
    """Say whether a block of text inside is no label: three lines of several words, or more.

    The last one may be short.
    """
    inside = Counter(line.block for line in lines if holds(box, line.box))
    long = Counter(
        line.block
        for line in lines
        if holds(box, line.box) and len(line.text.split()) >= _PARAGRAPH_WORDS
    )
    return any(
        number >= _PARAGRAPH_LINES and long[block] >= max(number - 1, _PARAGRAPH_LINES - 1)
        for block, number in inside.items()
    ) or any(number >= _PARAGRAPH_LINES for number in long.values())


def _clusters(boxes: list[Box], whole: pymupdf.Rect) -> list[list[int]]:
    """Group boxes that touch or nearly touch, on a grid of 4-point cells; in order of place."""
    columns = min(int(whole.width / _CELL) + 2, _MAX_CELLS)
    rows = min(int(whole.height / _CELL) + 2, _MAX_CELLS)
    across, down = columns / max(whole.width, 1.0), rows / max(whole.height, 1.0)
    grid = np.zeros((rows, columns), dtype=bool)
    spans = []
    for x0, y0, x1, y1 in boxes:
        left, right = np.clip([x0 * across - 0.5, x1 * across + 0.5], 0, columns - 1).astype(int)
        top, bottom = np.clip([y0 * down - 0.5, y1 * down + 0.5], 0, rows - 1).astype(int)
        grid[top : bottom + 1, left : right + 1] = True
        spans.append((top, left))
    labels = _labelled(grid)
    groups: dict[int, list[int]] = {}
    for number, (top, left) in enumerate(spans):
        groups.setdefault(int(labels[top, left]), []).append(number)
    return [groups[label] for label in sorted(groups)]


def _labelled(grid: np.ndarray) -> np.ndarray:
    """Number the connected parts of a grid (8 neighbours), from the top."""
    labels = np.zeros(grid.shape, dtype=np.int32)
    rows, columns = grid.shape
    label = 0
    for start in zip(*np.nonzero(grid), strict=True):
        if labels[start]:
            continue
        label += 1
        labels[start] = label
        todo = [start]
        while todo:
            row, column = todo.pop()
            for y in range(max(row - 1, 0), min(row + 2, rows)):
                for x in range(max(column - 1, 0), min(column + 2, columns)):
                    if grid[y, x] and not labels[y, x]:
                        labels[y, x] = label
                        todo.append((y, x))
    return labels


def _bounds(boxes: list[Box], whole: pymupdf.Rect) -> Box:
    return _box(pymupdf.Rect(bounds(boxes)) & whole)


def _is_large_enough(box: Box, whole: pymupdf.Rect) -> bool:
    width, height = box[2] - box[0], box[3] - box[1]
    floor = MIN_FIGURE_PIXELS * 72 / RENDER_DPI
    if min(width, height) >= floor:
        return True
    return min(width, height) >= _MIN_SIDE and width * height >= MIN_FIGURE_SHARE * abs(whole)


def _is_figure(kinds: list[tuple[str, Box]], box: Box, lines: list[TextLine]) -> bool:
    """Say whether a cluster shows something: a picture, a shading, or drawings without text."""
    inside = [line for line in lines if holds(box, line.box)]
    area = max((box[2] - box[0]) * (box[3] - box[1]), 1.0)
    covered = sum(_area(line.box) for line in inside) / area
    words = sum(len(line.text.split()) for line in inside)
    shown = [b for kind, b in kinds if kind != "path" and _area(b) > 0.1 * area]
    if shown:
        return True
    if covered > _MAX_TEXT_COVER or words > _MAX_WORDS:
        return False
    solid = [b for _, b in kinds if min(b[2] - b[0], b[3] - b[1]) >= _THIN]
    return len(solid) >= _MIN_DRAWINGS


def _is_backdrop(page: pymupdf.Page, box: Box, lines: list[TextLine]) -> bool:
    """Say whether a cluster stands behind paragraphs: the ground or the shadow of a box of text."""
    if not _holds_paragraphs(box, lines):
        return False
    written = sum(_area(line.box) for line in lines if holds(box, line.box))
    if written > _MAX_BACKED * _area(box):
        return True
    pixels = page.get_pixmap(
        dpi=_LOOK_DPI, clip=pymupdf.Rect(box), colorspace=pymupdf.csGRAY, alpha=False, annots=False
    )
    light = np.frombuffer(pixels.samples_mv, np.uint8) > _LIGHT
    return bool(light.size) and float(light.mean()) > _MIN_LIGHT


def _taken(
    page: pymupdf.Page,
    box: pymupdf.Rect,
    inside: list[Painted],
    kinds: list[tuple[str, Box]],
    lines: list[TextLine],
) -> list[Figure]:
    """Return a cluster as one figure; its pictures one by one where it holds a lot of text."""
    texts = [line for line in lines if holds(_box(box), line.box)]
    if sum(len(line.text.split()) for line in texts) > _MAX_WORDS:
        apart = [p for p in inside if _is_large_enough(p.box, page.rect)]
        return [f for p in apart if (f := _stored(page, p) or _rendered(page, p.box, [p]))]
    alone = len(inside) == 1 and not texts and all(holds(inside[0].box, b) for _, b in kinds)
    if alone and (stored := _stored(page, inside[0])):
        return [stored]
    found = _rendered(page, _box(box), inside)
    return [found] if found else []


def _rendered(page: pymupdf.Page, box: Box, inside: list[Painted]) -> Figure | None:
    region = pymupdf.Rect(box) & page.rect
    if region.is_empty:
        return None
    data, width, height = render(page, scale_of(page, inside, region), region)
    return Figure(box=box, data=data, width=width, height=height, kind="rendered")


def _stored(page: pymupdf.Page, picture: Painted) -> Figure | None:
    """Return a picture as it is stored: JPEG bytes, or its exact pixels as PNG."""
    if not picture.xref or picture.masked or not picture.upright:
        return None
    if page.parent.xref_get_key(picture.xref, "Decode")[0] != "null":
        return None  # its colours are changed as it is painted
    if _is_jpeg(page, picture.xref):
        found = page.parent.extract_image(picture.xref)
        fits = len(found["image"]) <= LIMITS.max_image_bytes
        native = found["ext"] == "jpeg" and found["colorspace"] in _NATIVE_COLORS
        if native and fits and _opens(found["image"]):
            return _figure(picture, found["image"], "original")
    pixels = pymupdf.Pixmap(page.parent, picture.xref)
    if pixels.colorspace is None or pixels.colorspace.n not in _NATIVE_COLORS or pixels.alpha:
        return None
    return _figure(picture, pixels.tobytes("png"), "pixels")


def _opens(data: bytes) -> bool:
    """Say whether stored bytes are a picture; MuPDF paints much that others do not open."""
    try:
        return plainly_sound(data) or bool(inspect(data))
    except ImageError:
        return False


def _figure(picture: Painted, data: bytes, kind: str) -> Figure:
    return Figure(box=picture.box, data=data, width=picture.width, height=picture.height, kind=kind)


def _is_jpeg(page: pymupdf.Page, xref: int) -> bool:
    kind, value = page.parent.xref_get_key(xref, "Filter")
    return "DCTDecode" in value if kind in ("name", "array") else False


def _box(rect: pymupdf.Rect) -> Box:
    return (rect.x0, rect.y0, rect.x1, rect.y1)


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _overlaps(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
