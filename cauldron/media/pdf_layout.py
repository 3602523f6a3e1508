"""Reading order of a PDF page from the places of its lines and figures.

Lines become blocks, blocks are ordered by cutting the page at white gaps (recursive XY cut):
columns first where there are any, else from top to bottom. Nothing here knows a PDF library.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from itertools import pairwise
from statistics import median

from cauldron.media.pdf_parts import (
    CELL,
    SOLID_LINES,
    Block,
    Box,
    Figure,
    TextLine,
    bounds,
    holds,
    is_caption,
    is_right_to_left,
)

MIN_GUTTER = 5.0  # points
MIN_COLUMN_SHARE = 0.08
CELL_GAP_EM = 2.0
_FULL_SHARE = 0.8  # of the width of its column, for a line of running text
_PROSE_EM = 12.0
_HANG_EM = 3.0
_LEADING_EM = 0.9  # white between the lines of one paragraph
_ITEM = re.compile(
    r"\s*(?:[-•◦▪‣*※\ue000-\uf8ff]|\(?\d{1,3}[.)]|\[\w{1,12}\]|\(?[a-z][.)])\s", re.I
)
_MAX_CUTS = 40
_TOUCHING = 2.0
_OVERLAP = 3.0
_MAX_BLOCKS = 1_500
_CAPTION_REACH = 40.0
_OVERHANG_EM, _TIGHT_EM = -0.6, 0.35
_LABEL_INSIDE = 0.75


def blocks_in_order(lines: list[TextLine], figures: list[Figure], width: float) -> list[Block]:
    """Return the blocks of a page as a person reads them.

    Args:
        width: of the page in points.
    """
    regions = [f.box for f in figures if f.kind == "rendered"]
    lines = [line for line in lines if not any(_is_label(box, line) for box in regions)]
    lines = _rows_whole(lines)
    blocks = _with_drop_caps(_text_blocks(_captions_parted(_columns_parted(lines))))
    blocks = _without_overlaps(blocks, [f.box for f in figures])
    blocks += [Block(box=f.box, figure=f) for f in figures]
    if len(blocks) > _MAX_BLOCKS:
        return sorted(blocks, key=lambda b: (b.box[1], b.box[0]))
    right_to_left = is_right_to_left("".join(line.text for line in lines))
    ordered = _made_whole(_ordered(blocks, width, right_to_left, 0))
    return _captions_moved(_paragraphs_joined(ordered))


def _is_label(region: Box, line: TextLine) -> bool:
    """Say whether a line is part of a rendered figure: it lies inside, and is no caption."""
    x0, _, x1, _ = line.box
    inside = min(x1, region[2]) - max(x0, region[0])
    whole = inside >= _LABEL_INSIDE * (x1 - x0)
    return whole and holds(region, line.box) and not is_caption(line.text)


def _rows_whole(lines: list[TextLine]) -> list[TextLine]:
    """Give lines that go on where the one before them stops, on its baseline, its block.

    A prime over an index makes MuPDF begin a block in the middle of a line.
    """
    out: list[TextLine] = []
    same: dict[int, int] = {}
    for line in lines:
        last = out[-1] if out else None
        block = same.get(line.block, line.block)
        if last and last.block != block and _same_row(last.box, line.box):
            gap = line.box[0] - last.box[2]
            if (
                last.size < 2 * line.size < 4 * last.size
                and _OVERHANG_EM * line.size < gap < _TIGHT_EM * line.size
            ):
                same[line.block] = block = last.block
        out.append(replace(line, block=block))
    return out


def _columns_parted(lines: list[TextLine]) -> list[TextLine]:
    """Give columns of running text that the file holds in one block blocks of their own.

    Where one block tells of columns, the others that have the same gutter are parted too.
    """
    grouped: dict[int, list[TextLine]] = {}
    for line in lines:
        grouped.setdefault(line.block, []).append(line)
    cut = [parts for parts in map(_sides, grouped.values()) if len(parts) > 1]
    sure = [parts for parts in cut if all(map(_is_prose, parts))]
    gutters = [gap for parts in sure for gap in _gaps(parts)]
    if not gutters:
        return lines
    free = itertools.count(max(grouped) + 1)
    own: dict[int, int] = {}
    for parts in cut:
        if all(any(_share_width(gap, gutter) for gutter in gutters) for gap in _gaps(parts)):
            for part in parts:
                number = next(free)
                own.update((id(line), number) for block in part for line in block.lines)
    return [replace(line, block=own.get(id(line), line.block)) for line in lines]


def _sides(group: list[TextLine]) -> list[list[Block]]:
    """Return what stands side by side in one block of the file, a gutter between."""
    gutter = max(MIN_GUTTER, 0.5 * median(line.size for line in group))
    return _cut([Block(box=line.box, lines=(line,)) for line in group], 0, gutter)


def _gaps(parts: list[list[Block]]) -> list[Box]:
    """Return the gutters between parts that stand side by side."""
    boxes = [bounds([block.box for block in part]) for part in parts]
    return [(one[2], one[1], other[0], one[3]) for one, other in pairwise(boxes)]


def _captions_parted(lines: list[TextLine]) -> list[TextLine]:
    """Give captions that stand beside each other in one block blocks of their own."""
    captions: dict[int, list[TextLine]] = {}
    for line in lines:
        if is_caption(line.text):
            captions.setdefault(line.block, []).append(line)
    parted = {block for block, found in captions.items() if len(found) > 1}
    free = itertools.count(max((line.block for line in lines), default=0) + 1)
    own = {id(line): next(free) for block in sorted(parted) for line in captions[block]}
    return [
        replace(line, block=own[id(_nearest(line, captions[line.block]))])
        if line.block in parted
        else line
        for line in lines
    ]


def _nearest(line: TextLine, captions: list[TextLine]) -> TextLine:
    """Return the last caption that begins above a line and shares its width, else the first."""
    above = [c for c in captions if c.box[1] <= line.box[3] and _share_width(c.box, line.box)]
    return above[-1] if above else captions[0]


def _share_width(one: Box, other: Box) -> bool:
    return min(one[2], other[2]) > max(one[0], other[0])


def _text_blocks(lines: list[TextLine]) -> list[Block]:
    grouped: dict[int, list[TextLine]] = {}
    for line in lines:
        grouped.setdefault(line.block, []).append(line)
    blocks = []
    for group in grouped.values():
        joined = _baselines(group)
        blocks.append(Block(box=bounds([j.box for j in joined]), lines=tuple(joined)))
    return blocks


def _baselines(lines: list[TextLine]) -> list[TextLine]:
    """Join the parts of a block that stand on one baseline."""
    rows: list[list[TextLine]] = []
    for line in lines:
        if rows and _same_row(rows[-1][-1].box, line.box):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [_row(row) for row in rows]


def _same_row(one: Box, other: Box) -> bool:
    shared = min(one[3], other[3]) - max(one[1], other[1])
    apart = max(other[0] - one[2], one[0] - other[2])
    return shared > 0.6 * min(one[3] - one[1], other[3] - other[1]) and apart > -_OVERLAP


def _row(parts: list[TextLine]) -> TextLine:
    if len(parts) == 1:
        return parts[0]
    backwards = is_right_to_left("".join(part.text for part in parts))
    parts = sorted(parts, key=lambda part: part.box[0], reverse=backwards)
    text, cells = parts[0].text, False
    for last, part in pairwise(parts):
        gap = max(part.box[0] - last.box[2], last.box[0] - part.box[2])
        far = gap > CELL_GAP_EM * part.size
        cells = cells or far
        text = f"{text.rstrip()}{CELL if far else ' '}{part.text.lstrip()}"
    return replace(parts[0], box=bounds([p.box for p in parts]), text=text, cells=cells)


def _with_drop_caps(blocks: list[Block]) -> list[Block]:
    """Put a large first letter that stands as a block of its own before the text at its right."""
    out = list(blocks)
    for cap in blocks:
        text = "".join(line.text for line in cap.lines).strip()
        if len(text) != 1 or not text.isalpha():
            continue
        for number, block in enumerate(out):
            if block is cap or not block.lines:
                continue
            first = block.lines[0]
            near = -2.0 <= first.box[0] - cap.box[2] <= 2 * first.size
            beside = cap.box[1] - first.size <= first.box[1] <= cap.box[3]
            if near and beside and cap.lines[0].size > 1.5 * first.size:
                lines = (replace(first, text=text + first.text.lstrip()), *block.lines[1:])
                out[number] = replace(block, box=bounds([cap.box, block.box]), lines=lines)
                out.remove(cap)
                break
    return out


def _without_overlaps(blocks: list[Block], figures: list[Box]) -> list[Block]:
    """Split a block whose box runs into others although its lines do not."""
    out: list[Block] = []
    for block in blocks:
        others = [b.box for b in blocks if b is not block] + figures
        others = [box for box in others if _overlap(box, block.box)]
        if not others or len(block.lines) < 2:
            out.append(block)
            continue
        groups: list[list[TextLine]] = []
        for line in block.lines:
            if groups and not any(_overlap(_around(groups[-1], line), box) for box in others):
                groups[-1].append(line)
            else:
                groups.append([line])
        out += [Block(box=bounds([x.box for x in g]), lines=tuple(g)) for g in groups]
    return out


def _around(group: list[TextLine], line: TextLine) -> Box:
    return bounds([*(x.box for x in group), line.box])


def _overlap(one: Box, other: Box) -> bool:
    """Say whether boxes share more than the touch of neighbouring lines."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > 1.0 and down > 1.0


def _ordered(blocks: list[Block], width: float, backwards: bool, cuts: int) -> list[Block]:
    if len(blocks) < 2 or cuts > _MAX_CUTS:
        return sorted(blocks, key=lambda b: (b.box[1], b.box[0]))
    columns = _columns(blocks, width)
    if len(columns) == 1:
        columns = _columns_around_floats(blocks, width)
    if len(columns) > 1:
        sides = columns[::-1] if backwards else columns
        return [b for side in sides for b in _ordered(side, width, backwards, cuts + 1)]
    bands = _bands(blocks)
    if len(bands) == 1:
        return sorted(blocks, key=lambda b: (b.box[1], -b.box[0] if backwards else b.box[0]))
    out: list[Block] = []
    start = 0
    while start < len(bands):
        end = start + 1
        for stop in range(len(bands), start + 1, -1):
            if len(_columns([b for band in bands[start:stop] for b in band], width)) > 1:
                end = stop
                break
        region = [block for band in bands[start:end] for block in band]
        out += _ordered(region, width, backwards, cuts + 1)
        start = end
    return out


def _columns_around_floats(blocks: list[Block], width: float) -> list[list[Block]]:
    """Cut at gutters into which figures and captions reach, from one column far into another.

    One over all columns parts what is above it from what is below. Text runs around a narrower one;
    it stands in the column that holds its middle.
    """
    left, _, right, _ = bounds([b.box for b in blocks])
    floats = [
        b for b in blocks if b.is_float and b.box[2] - b.box[0] < _FULL_SHARE * (right - left)
    ]
    text = [b for b in blocks if not any(b is one for one in floats)]
    if not floats or len(text) < 2:
        return [blocks]
    columns = _columns(text, width)
    if len(columns) == 1 or not all(any(b.is_solid for b in column) for column in columns):
        return [blocks]
    starts = [min(b.box[0] for b in column) for column in columns]
    for one in floats:
        middle = (one.box[0] + one.box[2]) / 2
        place = max((n for n, start in enumerate(starts) if start <= middle), default=0)
        columns[place] = [*columns[place], one]
    return columns


def _bands(blocks: list[Block]) -> list[list[Block]]:
    """Cut at every gap that runs across; boxes of tight lines may touch."""
    return _cut(blocks, 1, -_TOUCHING)


def _cut(blocks: list[Block], axis: int, gap: float) -> list[list[Block]]:
    parts: list[list[Block]] = []
    reached = float("-inf")
    for block in sorted(blocks, key=lambda b: (b.box[axis], b.box[1 - axis])):
        if not parts or block.box[axis] - reached > gap:
            parts.append([])
        parts[-1].append(block)
        reached = max(reached, block.box[axis + 2])
    return parts


def _columns(blocks: list[Block], width: float) -> list[list[Block]]:
    """Cut at gutters from top to bottom; one part where there are no columns."""
    sizes = [line.size for block in blocks for line in block.lines]
    gutter = max(MIN_GUTTER, 0.5 * median(sizes) if sizes else 0.0)
    parts = _cut(blocks, 0, gutter)
    boxes = [bounds([b.box for b in part]) for part in parts]
    if len(parts) < 2:
        return [blocks]
    if not any(block.is_solid for block in blocks) and sum(map(_is_prose, parts)) < 2:
        return [blocks]
    if min(box[2] - box[0] for box in boxes) < MIN_COLUMN_SHARE * width:
        return [blocks]
    for one, other in pairwise(boxes):
        shared = min(one[3], other[3]) - max(one[1], other[1])
        if shared < 0.3 * min(one[3] - one[1], other[3] - other[1]):
            return [blocks]
    return parts


def _is_prose(part: list[Block]) -> bool:
    """Say whether single lines are a column of running text, not cells: wide, and mostly full."""
    every = [line for block in part for line in block.lines if not line.cells]
    lines = _baselines(sorted(every, key=lambda line: (line.box[1], line.box[0])))
    if len(lines) < SOLID_LINES:
        return False
    left, _, right, _ = bounds([line.box for line in lines])
    full = sum(line.box[2] - line.box[0] >= _FULL_SHARE * (right - left) for line in lines)
    return 2 * full >= len(lines) and right - left >= _PROSE_EM * median(x.size for x in lines)


def _paragraphs_joined(blocks: list[Block]) -> list[Block]:
    """Join blocks of a column that are one paragraph whose lines stand far apart."""
    out: list[Block] = []
    for block in blocks:
        if out and block.lines and out[-1].lines and _goes_on(out[-1], block, blocks):
            box = bounds([out[-1].box, block.box])
            out[-1] = replace(out[-1], box=box, lines=out[-1].lines + block.lines)
        else:
            out.append(block)
    return out


def _goes_on(above: Block, below: Block, blocks: list[Block]) -> bool:
    """Say whether a block goes on with the sentence of the one above it.

    The line above is full and ends no sentence, the one below begins at the edge of the column, or
    hangs under an item of a list, and both stand as close as lines of one paragraph may. A capital
    begins the line below only in the font of the one above.
    """
    last, first = above.lines[-1], below.lines[0]
    size = max(last.size, first.size)
    gap = first.box[1] - last.box[3]
    if last.cells or first.cells or abs(last.size - first.size) > 0.05 * size:
        return False
    alike = last.font == first.font and last.font
    if last.text.rstrip()[-1:] in ".?!:;" or (first.text.lstrip()[:1].isupper() and not alike):
        return False
    if not -0.5 * size < gap < _LEADING_EM * size or is_caption(first.text):
        return False
    column = [b.box for b in blocks if b.lines and _share_width(b.box, first.box)]
    column = [box for box in column if box[2] - box[0] < 1.2 * (above.box[2] - above.box[0])]
    left, _, right, _ = bounds([above.box, below.box, *column])
    is_full = last.box[2] > right - 1.5 * size and last.box[2] - last.box[0] > _PROSE_EM * size
    hangs = _ITEM.match(above.lines[0].text) and first.box[0] < left + _HANG_EM * size
    at_edge = hangs or first.box[0] < left + 0.6 * size
    return is_full and at_edge and not _ITEM.match(first.text)


def _made_whole(blocks: list[Block]) -> list[Block]:
    """Put the parts of a block that was split for the order together, where the first stands."""
    out: list[Block] = []
    places: dict[int, int] = {}
    for block in blocks:
        number = block.lines[0].block if block.lines else None
        if number is not None and number in places:
            first = out[places[number]]
            box = bounds([first.box, block.box])
            out[places[number]] = replace(first, box=box, lines=first.lines + block.lines)
            continue
        if number is not None:
            places[number] = len(out)
        out.append(block)
    return out


def _captions_moved(blocks: list[Block]) -> list[Block]:
    """Put a caption behind the figure that it stands close to."""
    out = list(blocks)
    for caption in blocks:
        if not caption.lines or not is_caption(caption.lines[0].text):
            continue
        near = [b for b in out if b.figure and _distance(b.box, caption.box) < _CAPTION_REACH]
        if not near:
            continue
        place, own = (
            out.index(min(near, key=lambda b: _distance(b.box, caption.box))),
            out.index(caption),
        )
        if abs(place - own) != 1:
            out.remove(caption)
            out.insert(place + (own > place), caption)
    return out


def _distance(figure: Box, caption: Box) -> float:
    """Return the gap above or below a figure; far away when the caption stands beside it."""
    if min(figure[2], caption[2]) - max(figure[0], caption[0]) <= 0:
        return float("inf")
    return max(caption[1] - figure[3], figure[1] - caption[3], 0.0)
