"""Scenes and pairs of pictures in official layouts: CLEVR, CLEVR-Math, NLVR2 and three others."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from PIL import Image

from cauldron.demo.coco_photos import BROKEN, broken_payload, draw_photos
from cauldron.demo.drawing import COLORS, cut_off, jpeg, png
from cauldron.demo.scenes import Thing, scene, things
from cauldron.demo.tree import BOM, Rng, Tree, one_of, some_of

Record = dict[str, Any]
_SOLIDS = ("ball", "box", "cone")
_WHERE = ("at the top left", "at the top", "at the top right", "on the left", "in the middle")
_EPOCH = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """A picture of solids, of which several may be alike in colour or shape."""

    shown: tuple[Thing, ...]
    image: Image.Image

    def count(self, fits: Callable[[Thing], bool]) -> int:
        return sum(map(fits, self.shown))


def _scene(rng: Rng, number: int) -> _Scene:
    colors = some_of(rng, list(COLORS), 3)
    placed = things(rng, number)
    shown = [
        replace(thing, kind=one_of(rng, _SOLIDS), color=one_of(rng, colors)) for thing in placed
    ]
    return _Scene(shown=tuple(shown), image=scene(rng, shown))


def _said(yes: bool) -> str:
    return "yes" if yes else "no"


def _questions(seen: _Scene) -> list[tuple[str, str]]:
    """Return questions and answers on a scene, in the manner of CLEVR; all are different."""
    kinds = {kind: seen.count(lambda t, k=kind: t.kind == k) for kind in _SOLIDS}  # type: ignore[misc]
    colors = list(dict.fromkeys(thing.color for thing in seen.shown))
    asked = [(f"How many {kind}s are there?", str(n)) for kind, n in kinds.items()]
    for one, other in (("ball", "box"), ("box", "cone"), ("cone", "ball")):
        asked += [
            (f"Are there more {one}s than {other}s?", _said(kinds[one] > kinds[other])),
            (f"Is the number of {one}s the same as the number of {other}s?",
             _said(kinds[one] == kinds[other])),
        ]  # fmt: skip
    for color in colors:
        same = [thing for thing in seen.shown if thing.color == color]
        if len(same) == 1:
            asked.append((f"What shape is the {color} thing?", same[0].kind))
        asked.append((f"How many things are {color}?", str(len(same))))
    return asked


def _question(split: str, picture: str, place: int, index: int, asked: tuple[str, str]) -> Record:
    return {
        "split": split,
        "image_filename": picture,
        "image_index": place,
        "question_index": index,
        "question_family_index": index % 90,
        "question": asked[0],
        "answer": asked[1],
        "program": [{"function": "scene", "inputs": [], "value_inputs": []}],
    }


def clevr(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write CLEVR: a file of questions a split, ten a picture; test without answers, one CoGenT."""
    above = "clevr/CLEVR_v1.0"
    for split, size in {"train": records, "val": 3, "test": 3, "valA": 2}.items():
        rows: list[Record] = []
        for number in range(size):
            seen, name = _scene(rng, 4 + number % 4), f"CLEVR_{split}_{number:06d}.png"
            tree.write(f"{above}/images/{split}/{name}", png(seen.image.convert("RGBA")))
            asked = some_of(rng, _questions(seen), 9 if number % 8 == 5 else 10)
            rows += [_question(split, name, number, len(rows) + k, a) for k, a in enumerate(asked)]
        if split == "train":
            rows += _broken_scenes(tree, "clevr", f"{above}/images/train", rows[:1], png)
        if split == "test":
            rows = [
                {k: v for k, v in row.items() if k not in ("answer", "program")} for row in rows
            ]
        value = {"info": {"split": split, "version": "1.0"}, "questions": rows}
        tree.json(f"{above}/questions/CLEVR_{split}_questions.json", value)
    return ["clevr"]


def _broken_scenes(
    tree: Tree, source: str, folder: str, like: list[Record], encode: Callable[[Any], bytes]
) -> list[Record]:
    """Plant pictures that cannot be used; their questions are good."""
    out = []
    for number, (trap, reason) in enumerate(BROKEN):
        name = f"CLEVR_train_{900_000 + number}.png"
        payload = broken_payload(reason, encode(Image.new("RGB", (90, 60), "gray")))
        if payload is not None:
            tree.write(f"{folder}/{name}", payload)
        tree.plant(source, trap, "quarantined", reason, name)
        out += [{**row, "image_filename": name, "image_index": 900_000 + number} for row in like]
    return out


def clevr_math(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write CLEVR-Math: two archives of questions beside the pictures of CLEVR."""
    folder = "clevr_math/CLEVR_v1.0/images/train"
    general: list[Record] = []
    multihop: list[Record] = []
    for number in range(records):
        seen, name = _scene(rng, 4 + number % 4), f"CLEVR_train_{number:06d}.png"
        tree.write(f"{folder}/{name}", png(seen.image.convert("RGBA")))
        sums = _sums(rng, seen)
        asked = [_question("train", name, number, 20 * number + k, s) for k, s in enumerate(sums)]
        general += asked[:-1]
        multihop += asked[-1:]
        if number % 6 == 1:
            general += [asked[0], asked[1]]
            tree.plant("clevr_math", "opening question again", "skipped", "repeated_question", name)
            tree.plant("clevr_math", "question again", "skipped", "repeated_turn", name)
    general += _broken_scenes(tree, "clevr_math", folder, general[:1], png)
    for row in (*general, *multihop):
        row |= {"answer": int(row["answer"]), "image": row["image_filename"][:-4], "program": []}
    files = {"clevr-math": general, "clevr-math-multihop": multihop}
    for archive, rows in files.items():
        members = {f"{archive}-train.json": orjson.dumps({"questions": rows})}
        tree.write(f"clevr_math/{archive}.zip", zipped(members))
    return ["clevr_math"]


def _sums(rng: Rng, seen: _Scene) -> list[tuple[str, str]]:
    """Return sums on a scene; the last one takes two steps."""
    number, asked = len(seen.shown), []
    for color, kind in {(t.color, t.kind): 0 for t in seen.shown}:
        here = seen.count(lambda t, c=color, k=kind: (t.color, t.kind) == (c, k))  # type: ignore[misc]
        told = f"Subtract all {color} {kind}s. How many objects are left?"
        asked.append((told, str(number - here)))
    more, kind = int(rng.integers(1, 5)), one_of(rng, _SOLIDS)
    of_kind = seen.count(lambda t: t.kind == kind)
    asked.append((f"Add {more} {kind}s. How many {kind}s exist?", str(of_kind + more)))
    color = seen.shown[0].color
    left = seen.count(lambda t: t.kind != kind and t.color != color)
    steps = f"Subtract all {kind}s. Subtract all {color} things. How many objects are left?"
    return [*asked, (steps, str(left))]


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a zip archive with the same time in every member, so that bytes repeat."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, payload in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), payload, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def nlvr2(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write NLVR2: JSON lines of sentences on pairs, JPEG under names of PNG, label as text."""
    for split, size in {"train": records, "dev": 4, "test1": 2}.items():
        rows = [_statements(tree, rng, split, number) for number in range(size)]
        lines = [orjson.dumps(line) for group in rows for line in group]
        if split == "train":
            lines += _bad_statements(tree, rows[0][0])
        end = b"\r\n" if split == "dev" else b"\n"
        tree.write(f"nlvr2/nlvr2/data/{split}.json", end.join(lines) + end)
    return ["nlvr2"]


def _statements(tree: Tree, rng: Rng, split: str, number: int) -> list[Record]:
    """Return one or two sentences on a pair, which share their words with the pair before."""
    pair, directory = f"{split}-{number // 2}-{number % 2}", number % 100
    seen = [_scene(rng, 3 + k + number % 3) for k in range(2)]
    folder = f"nlvr2/images/train/{directory}" if split == "train" else f"nlvr2/{split}"
    for side, shown in enumerate(seen):
        encode = jpeg if (number + side) % 3 == 0 else png
        tree.write(f"{folder}/{pair}-img{side}.png", encode(shown.image))
    left, right = (shown.count(lambda t: t.kind == "ball") for shown in seen)
    total = left + right
    sentences = [
        ("The left image has more balls than the right one.", left > right),
        (
            f'There are {2 + number // 2 % 3} balls in all, or "spheres"',
            total == 2 + number // 2 % 3,
        ),
    ]
    out = []
    for place, (sentence, true) in enumerate(sentences[: 1 + number % 2 + (split != "train")]):
        row = {
            "identifier": f"{pair}-{place}",
            "sentence": sentence,
            "label": str(true),
            "left_url": f"https://pictures.example/{pair}-0.jpg",
            "right_url": f"https://pictures.example/{pair}-1.jpg",
            "synset": "ball",
            "query": f"group of balls{number}",
            "writer": str(number % 9),
            "validation": {"3": str(true)},
        }
        out.append(row | ({"directory": directory} if split == "train" else {}))
    return out


def _bad_statements(tree: Tree, like: Record) -> list[bytes]:
    """Plant a pair without its second picture, an unknown label, and a line cut in the middle."""
    picture = png(Image.new("RGB", (60, 40), "teal"))
    tree.write("nlvr2/images/train/7/train-9000-0-img0.png", picture)
    lost = {**like, "identifier": "train-9000-0-0", "directory": 7}
    tree.plant("nlvr2", "second picture missing", "quarantined", "image_missing", "train-9000-0")
    odd = {**like, "identifier": "train-9001-0-0", "label": "maybe"}
    tree.plant("nlvr2", "label of another kind", "quarantined", "label_unknown", "train-9001-0-0")
    line = orjson.dumps(like)
    tree.plant("nlvr2", "line cut in the middle", "quarantined", "json_invalid", "train.json")
    return [orjson.dumps(lost), orjson.dumps(odd), line[: len(line) // 2]]


def spot_the_diff(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Spot-the-diff: two frames a pair, some pairs told by three people."""
    for split, size in {"train": records, "val": 3, "test": 2}.items():
        rows: list[Record] = []
        first = {"train": 1, "val": 5_001, "test": 6_001}[split]
        for pair in range(first, first + 3 * size, 3):
            rows += _changes(tree, rng, pair)
        if split == "train":
            rows.append({"img_id": "9001", "sentences": [""]})
            tree.plant("spot_the_diff", "no sentence at all", "skipped", "no_sentence", "9001")
            tree.write("spot_the_diff/resized_images/9002.png", png(Image.new("RGB", (40, 40))))
            rows.append({"img_id": "9002", "sentences": ["the cup is gone"]})
            trap = ("second picture missing", "quarantined", "image_missing")
            tree.plant("spot_the_diff", *trap, "9002")
        tree.json(f"spot_the_diff/data/annotations/{split}.json", rows)
    return ["spot_the_diff"]


def _changes(tree: Tree, rng: Rng, pair: int) -> list[Record]:
    shown = things(rng, 5)
    after = shown[1:] if pair % 2 else [*shown[:3], replace(shown[3], color="white")]
    for name, seen in ((f"{pair}", shown), (f"{pair}_2", after)):
        frame = scene(rng, seen).resize((224, 224))
        tree.write(f"spot_the_diff/resized_images/{name}.png", png(frame))
        tree.write(f"spot_the_diff/resized_images/{pair}_diff.jpg", jpeg(frame))
    gone = [thing.name for thing in shown if thing not in after]
    sentences = [f"the {name} is gone" for name in gone] + ["nothing else has changed."]
    rows = [{"img_id": f"{pair}", "sentences": sentences}]
    if pair < 5_000 and pair % 5 == 0:
        rows.insert(0, {"img_id": f"{pair}", "sentences": [f"there is no {gone[0]} later"]})
        rows.append({"img_id": f"{pair}", "sentences": ["there is no difference"]})
        trap = ("pair told by others", "skipped", "other_annotation_of_pair")
        tree.plant("spot_the_diff", *trap, f"{pair} first", f"{pair} last")
    if pair < 5_000 and pair % 7 == 0:
        sentences.append("")
        tree.plant("spot_the_diff", "empty sentence", "notes", "empty_sentence_dropped", f"{pair}")
    return rows


def mimic_cgd(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write MIMIC-IT CGD: instructions on ordered pairs of photographs of COCO."""
    photos = draw_photos(rng, 700_000, records)
    for photo in photos:
        tree.write(f"coco2017/train2017/{photo.plain}", photo.data)
    told: dict[str, Record] = {}
    pairs = [*itertools.pairwise(photos), (photos[1], photos[0])]
    for one, other in pairs:
        first, second = (photo.shown[0].name for photo in (one, other))
        for asked in ("What sets the two pictures apart?", f"Where is the {first}?"):
            told[f"CGD_INS_{len(told):06d}"] = {
                "instruction": asked,
                "answer": f"The {first} is in the first picture, the second has a {second}. "
                f"Both show {len(one.shown)} and {len(other.shown)} things.",
                "image_ids": [f"CGD_IMG_{one.number:012d}", f"CGD_IMG_{other.number:012d}"],
                "rel_ins_ids": [f"CGD_INS_{len(told) ^ 1:06d}"],
            }
    like = told["CGD_INS_000000"]
    bare = [value.removeprefix("CGD_IMG_") for value in like["image_ids"]]
    told["CGD_INS_900000"] = {**like, "instruction": "Compare them.", "image_ids": bare}
    told["CGD_INS_900001"] = {**like, "image_ids": like["image_ids"][:1]}
    tree.plant("mimic_cgd", "one picture only", "quarantined", "not_two_pictures", "CGD_INS_900001")
    told["CGD_INS_900002"] = {**like, "image_ids": [*like["image_ids"][:1], "CGD_IMG_000000000001"]}
    tree.plant("mimic_cgd", "missing picture", "quarantined", "image_missing", "CGD_INS_900002")
    meta = {"version": "0.0.1", "time": "2023-06", "author": "demo"}
    tree.json("mimic_cgd/CGD/CGD_instructions.json", {"meta": meta, "data": told})
    return ["mimic_cgd", "coco2017"]


def localized_narratives(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Localized Narratives: two shards of train, and validation with several narrators."""
    return _narratives(tree, rng, records, "localized_narratives", "empty_answer")


def localized_narratives_pretrain(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write Localized Narratives again, for its form without requests."""
    return _narratives(tree, rng, records, "localized_narratives_pretrain", "empty_caption")


def _narratives(tree: Tree, rng: Rng, records: int, source: str, empty: str) -> list[str]:
    lines = [_narrated(tree, rng, "train", number, 0) for number in range(records)]
    bad = {**lines[0], "image_id": "ffff000011112222"}
    tree.plant(source, "missing picture", "quarantined", "image_missing", "ffff")
    silent = {**lines[1], "annotator_id": 9, "caption": " "}
    tree.plant(source, "empty caption", "quarantined", empty, "9")
    whole = [orjson.dumps(line) for line in [*lines, bad, silent]]
    half, name = len(whole) // 2, "open_images_train_v6_localized_narratives"
    payload = BOM + b"\n".join(whole[:half]) + b"\n"
    tree.write(f"{source}/{name}-00000-of-00002.jsonl", payload)
    payload = b"\r\n".join([*whole[half:], cut_off(whole[0])])
    tree.write(f"{source}/{name}-00001-of-00002.jsonl", payload)
    trap = ("line cut in the middle", "quarantined", "json_invalid")
    tree.plant(source, *trap, f"{name}-00001-of-00002.jsonl")
    told = [_narrated(tree, rng, "validation", n // 2, n % 2) for n in range(6)]
    tree.write(
        f"{source}/open_images_validation_localized_narratives.jsonl",
        b"\n".join(map(orjson.dumps, told)),
    )
    return [source, "open_images"]


def _narrated(tree: Tree, rng: Rng, split: str, number: int, annotator: int) -> Record:
    """Return a narrative; a second one of a picture shows other things than are drawn."""
    shown, stem = things(rng, 3 + number % 3), f"{split == 'train':d}{number:03x}aa11bb22cc33"
    if annotator == 0:
        tree.write(f"open_images/{split}/{stem}.jpg", jpeg(scene(rng, shown)))
    places = zip(shown, some_of(rng, _WHERE, len(shown)), strict=True)
    words = ". ".join(f"we can see a {thing.name} {where}" for thing, where in places)
    return {
        "dataset_id": f"open_images_{split}",
        "image_id": stem,
        "annotator_id": annotator,
        "caption": f"In this image {words}",
        "timed_caption": [{"utterance": "In this image", "start_time": 0.0, "end_time": 0.9}],
        "traces": [[{"x": float(x), "y": -0.05, "t": 0.02} for x in rng.random(20).round(3)]],
        "voice_recording": f"open_images_{split}/open_images_{split}_{stem}_{annotator}.ogg",
    }
