"""Progressive matrices: RAVEN in its official layout, seven folders of panels drawn by rules.

Each part of a panel has a type, a size and a colour; along a row each is constant, goes up or down,
or takes three values in turn. A wrong choice differs from the right one in one of them.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from cauldron.demo.drawing import cut_off
from cauldron.demo.tree import Rng, Tree, one_of, some_of

SIDE = 160
Slots = tuple[tuple[float, float, float, float], ...]
_CENTER: Slots = ((0.5, 0.5, 1, 1),)
_FOUR: Slots = tuple((y, x, 0.5, 0.5) for y in (0.25, 0.75) for x in (0.25, 0.75))
_NINE: Slots = tuple((y, x, 0.33, 0.33) for y in (0.16, 0.5, 0.83) for x in (0.16, 0.5, 0.83))
_INNER: Slots = tuple((y, x, 0.15, 0.15) for y in (0.42, 0.58) for x in (0.42, 0.58))
_SYMBOLS = 21
_NAMES = {"Type": 6, "Size": 7, "Color": 8}  # columns of meta_matrix
_RANGES = {"Type": (1, 6), "Size": (0, 6), "Color": (0, 10)}
_RULES = {"Constant": 0, "Progression": 1, "Distribute_Three": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One of the seven folders: its structure words and, for each component, name and slots.

    Args:
        symbols: positions of ones in `meta_structure`.
    """

    structure: str
    symbols: tuple[int, ...]
    components: tuple[tuple[str, str, Slots], ...]


LAYOUTS = {
    "center_single": Layout(
        structure="Singleton",
        symbols=(0, 10, 11),
        components=(("Grid", "Center_Single", _CENTER),),
    ),
    "distribute_four": Layout(
        structure="Singleton",
        symbols=(0, 10, 12),
        components=(("Grid", "Distribute_Four", _FOUR),),
    ),
    "distribute_nine": Layout(
        structure="Singleton",
        symbols=(0, 10, 13),
        components=(("Grid", "Distribute_Nine", _NINE),),
    ),
    "in_center_single_out_center_single": Layout(
        structure="Out_In",
        symbols=(3, 8, 9, 18, 19),
        components=(
            ("Out", "Out_Center_Single", _CENTER),
            ("In", "In_Center_Single", ((0.5, 0.5, 0.33, 0.33),)),
        ),
    ),
    "in_distribute_four_out_center_single": Layout(
        structure="Out_In",
        symbols=(3, 8, 9, 18, 20),
        components=(("Out", "Out_Center_Single", _CENTER), ("In", "In_Distribute_Four", _INNER)),
    ),
    "left_center_single_right_center_single": Layout(
        structure="Left_Right",
        symbols=(1, 4, 5, 14, 15),
        components=(
            ("Left", "Left_Center_Single", ((0.5, 0.25, 0.5, 0.5),)),
            ("Right", "Right_Center_Single", ((0.5, 0.75, 0.5, 0.5),)),
        ),
    ),
    "up_center_single_down_center_single": Layout(
        structure="Up_Down",
        symbols=(2, 6, 7, 16, 17),
        components=(
            ("Up", "Up_Center_Single", ((0.25, 0.5, 0.5, 0.5),)),
            ("Down", "Down_Center_Single", ((0.75, 0.5, 0.5, 0.5),)),
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One component of a panel: the slots it fills and how every entity in them looks."""

    slots: tuple[int, ...]
    Type: int
    Size: int
    Color: int


Panel = tuple[Part, ...]


def _row_values(rng: Rng, rule: str, low: int, high: int) -> list[list[int]]:
    """Return three rows of three values that follow a rule."""
    if rule == "Constant":
        return [[int(v)] * 3 for v in rng.integers(low, high, 3)]
    if rule == "Progression":
        step = int(one_of(rng, (-1, 1)))
        starts = rng.integers(low + 2 * (step < 0), high - 2 * (step > 0), 3)
        return [[int(s) + step * k for k in range(3)] for s in starts]
    three = [int(v) for v in rng.permutation(np.arange(low, high))[:3]]
    return [three[k:] + three[:k] for k in range(3)]


def _component(rng: Rng, name: str, slots: Slots) -> tuple[list[Part], dict[str, str]]:
    """Return one component of the nine panels and its rules by attribute."""
    rules = {attribute: str(one_of(rng, list(_RULES))) for attribute in _NAMES}
    values = {a: _row_values(rng, rules[a], *_RANGES[a]) for a in _NAMES}
    if name == "Out":  # an outer shape is large and clear, so that the inner ones are seen
        rules |= {"Size": "Constant", "Color": "Constant"}
        values |= {"Size": [[5] * 3] * 3, "Color": [[0] * 3] * 3}
    filled = [
        tuple(sorted(some_of(rng, range(len(slots)), int(rng.integers(1, len(slots) + 1)))))
        for _ in range(3)
    ]
    parts = [
        Part(slots=filled[row], **{a: values[a][row][column] for a in _NAMES})
        for row in range(3)
        for column in range(3)
    ]
    return parts, rules


def _wrong(rng: Rng, right: Panel, layout: Layout) -> list[Panel]:
    """Return seven panels that differ from the right one and from each other."""
    out: list[Panel] = []
    while len(out) < 7:
        at = int(rng.integers(len(right)))
        outer = layout.components[at][0] == "Out"
        attribute = "Type" if outer else str(one_of(rng, list(_NAMES)))
        looks = {a: getattr(right[at], a) for a in _NAMES}
        looks[attribute] = int(rng.integers(*_RANGES[attribute]))
        changed = Part(slots=right[at].slots, **looks)
        panel = (*right[:at], changed, *right[at + 1 :])
        if panel != right and panel not in out:
            out.append(panel)
    return out


def draw_panel(panel: Panel, layout: Layout) -> npt.NDArray[np.uint8]:
    """Draw a panel: [160, 160] uint8, black outlines on white."""
    image = Image.new("L", (SIDE, SIDE), 255)
    draw = ImageDraw.Draw(image)
    for part, (_, _, slots) in zip(panel, layout.components, strict=True):
        for slot in part.slots:
            y, x, height, _ = slots[slot]
            radius = SIDE * height / 2 * (0.4 + 0.1 * part.Size)
            fill = 255 - 28 * part.Color
            _shape(draw, part.Type, x * SIDE, y * SIDE, radius, fill)
    return np.asarray(image)


def _shape(
    draw: ImageDraw.ImageDraw, kind: int, x: float, y: float, radius: float, fill: int
) -> None:
    """Draw a triangle, square, pentagon, hexagon (1-4) or circle (5)."""
    if kind == 5:
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, fill=fill, outline=0, width=2)
        return
    corners = kind + 2
    turn = -math.pi / 2 + (math.pi / 4 if corners == 4 else 0)
    angles = [turn + math.tau * k / corners for k in range(corners)]
    points = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]
    draw.polygon(points, fill=fill, outline=0, width=2)


def raven(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write RAVEN: in each folder problems as npz and xml, 6 of 10 for training."""
    for folder, layout in LAYOUTS.items():
        for number in range(max(records // 4, 10)):
            split = "train" if number % 10 < 6 else "val" if number % 10 < 8 else "test"
            name = f"raven/RAVEN-10000/{folder}/RAVEN_{number}_{split}"
            arrays, xml = _problem(rng, layout)
            if number == 1:  # as the published files of Python 2 have it
                arrays["structure"] = arrays["structure"].astype("S")
            tree.write(f"{name}.npz", _npz(arrays))
            tree.write(f"{name}.xml", xml)
    _oddities(tree, rng)
    return ["raven"]


def _problem(rng: Rng, layout: Layout) -> tuple[dict[str, npt.NDArray[np.generic]], bytes]:
    """Return the arrays and the xml of one problem."""
    drawn = [_component(rng, name, slots) for name, _, slots in layout.components]
    panels: list[Panel] = list(zip(*(parts for parts, _ in drawn), strict=True))
    choices = _wrong(rng, panels[8], layout)
    target = int(rng.integers(8))
    choices.insert(target, panels[8])
    shown = panels[:8] + choices
    rules = [told for _, told in drawn]
    matrix = np.zeros((8, 9), np.uint8)
    for component, told in enumerate(rules):
        matrix[4 * component, [0, 4, 5]] = 1  # number and position are constant
        for row, (attribute, rule) in enumerate(told.items(), start=1):
            matrix[4 * component + row, [_RULES[rule], _NAMES[attribute]]] = 1
    symbols = np.zeros(_SYMBOLS, np.uint8)
    symbols[list(layout.symbols)] = 1
    words = [word for name, kind, _ in layout.components for word in (name, kind, "/", "/")]
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "image": np.stack([draw_panel(panel, layout) for panel in shown]),
        "target": np.array(target),
        "predict": np.array(target),
        "meta_matrix": matrix,
        "meta_target": matrix.max(axis=0),
        "structure": np.array(["Scene", layout.structure, *words, "/", "/"]),
        "meta_structure": symbols,
    }
    return arrays, _xml(shown, layout, rules)


def _npz(arrays: dict[str, npt.NDArray[np.generic]]) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def _xml(shown: list[Panel], layout: Layout, rules: list[dict[str, str]]) -> bytes:
    whole = ElementTree.Element("Data")
    panels = ElementTree.SubElement(whole, "Panels")
    for panel in shown:
        struct = ElementTree.SubElement(ElementTree.SubElement(panels, "Panel"), "Struct")
        struct.set("name", layout.structure)
        for number, part in enumerate(panel):
            _component_xml(struct, number, part, *layout.components[number])
    groups = ElementTree.SubElement(whole, "Rules")
    for number, told in enumerate(rules):
        group = ElementTree.SubElement(groups, "Rule_Group", id=str(number))
        for attribute, rule in {"Number/Position": "Constant", **told}.items():
            ElementTree.SubElement(group, "Rule", name=rule, attr=attribute)
    return ElementTree.tostring(whole)


def _component_xml(
    struct: ElementTree.Element, number: int, part: Part, name: str, kind: str, slots: Slots
) -> None:
    component = ElementTree.SubElement(struct, "Component", id=str(number), name=name)
    told = {"name": kind, "Number": str(len(part.slots) - 1), "Uniformity": "1"}
    told["Position"] = str([list(slot) for slot in slots])
    within = ElementTree.SubElement(component, "Layout", told)
    for slot in part.slots:
        looks = {a: str(getattr(part, a)) for a in _NAMES} | {"Angle": "3", "mask": "[]"}
        box = str(list(slots[slot]))
        ElementTree.SubElement(within, "Entity", looks | {"bbox": box, "real_bbox": box})


def _oddities(tree: Tree, rng: Rng) -> None:
    """Plant a damaged problem and one whose answer is no choice."""
    folder, layout = next(iter(LAYOUTS.items()))
    arrays, xml = _problem(rng, layout)
    good = _npz(arrays)
    arrays["target"] = np.array(9)
    for number, payload in ((900, cut_off(good)), (901, _npz(arrays))):
        name = f"raven/RAVEN-10000/{folder}/RAVEN_{number}_train"
        tree.write(f"{name}.npz", payload)
        tree.write(f"{name}.xml", xml)
    damaged = ("malformed_record", "file_unreadable")
    tree.plant("raven", "damaged archive", "quarantined", damaged, f"{folder}/900")
    behind = "answer_not_among_choices"
    tree.plant("raven", "answer behind the last choice", "quarantined", behind, f"{folder}/901")
    tree.plant("raven", "byte strings of Python 2", "read", (), f"{folder}/1")
