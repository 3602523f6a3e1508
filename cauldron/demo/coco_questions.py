"""Open questions on drawn photographs: VQA v2, OK-VQA and COCO-QA in their official layouts."""

from __future__ import annotations

from typing import Any

from cauldron.demo import words
from cauldron.demo.coco_photos import USES, Photo, broken_2014, draw_photos, write_2014
from cauldron.demo.scenes import Thing
from cauldron.demo.tree import Rng, Tree, one_of

Record = dict[str, Any]
Line = tuple[str, str, str, str]

_NUMBERS = "zero one two three four five six".split()


def _asked(rng: Rng, shown: list[Thing]) -> list[Line]:
    """Return question, answer, answer type and beginning of three questions."""
    one, other = shown[0], shown[1]
    there = bool(rng.integers(2))
    wanted = one.name if there else f"{other.color} {one.kind}"
    return [
        (f"What color is the {one.kind}?", one.color, "other", "what color is the"),
        (f"Is there a {wanted} in the picture?", "yes" if there else "no", "yes/no", "is there a"),
        ("How many things are shown?", str(len(shown)), "number", "how many"),
    ]


def _head(year: str) -> Record:
    return {
        "info": {"description": "drawn", "version": "1.0", "year": 2019},
        "task_type": "Open-Ended",
        "data_type": "mscoco",
        "license": {"name": "Creative Commons Attribution 4.0 International License", "url": ""},
        "data_subtype": year,
    }


def _votes(rng: Rng, votes: list[str]) -> list[Record]:
    order = [votes[int(k)] for k in rng.permutation(len(votes))]
    return [
        {"answer": vote, "answer_confidence": one_of(rng, ("yes", "yes", "maybe")), "answer_id": k}
        for k, vote in enumerate(order, start=1)
    ]


def vqav2(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write VQA v2: questions and annotations of two splits, questions of the third, ten votes."""
    sizes = {"train": records, "val": max(records // 4, 2), "test": max(records // 8, 1)}
    for place, (split, size) in enumerate(sizes.items()):
        photos = draw_photos(rng, 100_000 + 20_000 * place, size)
        if split != "test":
            write_2014(tree, photos, split)
        questions, annotations = _vqa_records(rng, photos)
        if split == "train":
            _vqa_oddities(tree, rng, photos, questions, annotations)
            tree.plant("vqav2", "byte order mark and Windows line ends", "read", (), "questions")
        year = "test2015" if split == "test" else f"{split}2014"
        asked = {**_head(year), "questions": questions}
        odd = split == "train"
        path = f"vqav2/v2_OpenEnded_mscoco_{year}_questions.json"
        tree.json(path, asked, bom=odd, crlf=odd)
        if split != "test":
            told = {**_head(year), "annotations": annotations}
            tree.json(f"vqav2/v2_mscoco_{year}_annotations.json", told)
    return ["vqav2", "coco2014"]


def _vqa_records(rng: Rng, photos: list[Photo]) -> tuple[list[Record], list[Record]]:
    questions, annotations = [], []
    for photo in photos:
        for k, (question, answer, kind, begins) in enumerate(_asked(rng, photo.shown)):
            number = photo.number * 1000 + k
            questions.append(
                {"image_id": photo.number, "question": question, "question_id": number}
            )
            others = [words.name(rng).lower() for _ in range(3)]
            annotations.append(
                {
                    "question_type": begins,
                    "multiple_choice_answer": answer,
                    "answers": _votes(rng, [answer] * 6 + [f"{answer} "] + others),
                    "image_id": photo.number,
                    "answer_type": kind,
                    "question_id": number,
                }
            )
    return questions, annotations


def _vqa_oddities(
    tree: Tree, rng: Rng, photos: list[Photo], questions: list[Record], annotations: list[Record]
) -> None:
    """Plant a copied picture, another order, a tie, missing annotations and broken pictures."""
    copy = Photo(number=180_000, shown=photos[0].shown, data=photos[0].data)
    broken = broken_2014(tree, rng, "vqav2", 181_000)
    write_2014(tree, [copy])
    again = [q for q in questions if q["image_id"] == photos[0].number]
    for k, question in enumerate(again):
        told = next(a for a in annotations if a["question_id"] == question["question_id"])
        same = {"image_id": copy.number, "question_id": copy.number * 1000 + k}
        questions.append({**question, **same})
        annotations.append({**told, **same})
    name = f"vqav2/train/{copy.number}"
    tree.plant("vqav2", "photograph again under another number", "dedup", "exact_duplicate", name)
    for asked, told in zip(*_vqa_records(rng, broken), strict=True):
        if asked["question_id"] % 1000 == 0:
            questions.append(asked)
            annotations.append(told)
    alone = {"image_id": photos[1].number, "question_id": photos[1].number * 1000 + 900}
    questions.append({**alone, "question": "Who took the picture?"})
    missing = str(alone["question_id"])
    tree.plant("vqav2", "no annotation", "quarantined", "annotation_missing", missing)
    tied = {"image_id": photos[1].number, "question_id": photos[1].number * 1000 + 901}
    questions.append({**tied, "question": "Is it day &amp; bright?"})
    votes = [{"answer": a, "answer_confidence": "yes", "answer_id": 1} for a in ("no", "yes") * 5]
    annotations.insert(0, {**tied, "answers": votes})
    tree.plant("vqav2", "tied vote, annotation in another place", "read", (), str(tied))


def okvqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write OK-VQA: five people, each entered twice; stems beside the words as typed."""
    for split, first, size in (("train", 200_000, records), ("val", 220_000, max(records // 4, 2))):
        photos = draw_photos(rng, first, size)
        write_2014(tree, photos[1:], split)
        moved = photos[0]
        tree.write(f"coco2014/{split}2017/{moved.plain}", moved.data)
        if split == "train":
            tree.plant("okvqa", "picture in a folder of COCO 2017", "read", (), moved.plain)
            photos += broken_2014(tree, rng, "okvqa", 281_000)
        pairs = [_knowledge(rng, photo) for photo in photos]
        if split == "train":
            lost = pairs[1][0] | {"question_id": 99, "question": "Who made it?"}
            pairs.append((lost, {**pairs[1][1], "question_id": 98}))
            tree.plant("okvqa", "no annotation", "quarantined", "annotation_missing", "99")
        year = f"{split}2014"
        asked = {**_head(year), "questions": [question for question, _ in pairs]}
        told = {**_head(year), "annotations": [annotation for _, annotation in pairs[::-1]]}
        tree.json(f"okvqa/OpenEnded_mscoco_{year}_questions.json", asked)
        tree.json(f"okvqa/mscoco_{year}_annotations.json", told, crlf=True)
        tree.plant("okvqa", "annotations in reverse order", "read", (), f"mscoco_{year}")
    return ["okvqa", "coco2014"]


def _knowledge(rng: Rng, photo: Photo) -> tuple[Record, Record]:
    thing = photo.shown[0]
    use, other = USES[thing.kind]
    number = {"image_id": photo.number, "question_id": photo.number * 10 + 5}
    typed = [use, use, other, f"{use}s", words.name(rng).lower()]
    votes = [
        {
            "answer_id": k,
            "raw_answer": word,
            "answer_confidence": "yes",
            "answer": word.removesuffix("ing").rstrip("s"),
        }
        for k, word in enumerate((w for w in typed for _ in range(2)), start=1)
    ]
    question = f"What is the {thing.color} {thing.kind} used for?"
    return {**number, "question": question}, {
        **number,
        "question_type": one_of(rng, ("one", "two", "four")),
        "answer_type": "other",
        "confidence": 3,
        "answers": votes,
    }


def cocoqa(tree: Tree, rng: Rng, records: int) -> list[str]:
    """Write COCO-QA: four text files that belong together by line, train and test."""
    fewer = max(records // 4, 2)
    for split, first, size in (("train", 300_000, records), ("test", 320_000, fewer)):
        photos = draw_photos(rng, first, size)
        write_2014(tree, photos, "train" if split == "train" else "val")
        lines = [line for photo in photos for line in _simple(photo)]
        if split == "train":
            lines += _line_oddities(tree, lines)
            lines += [_simple(p)[0] for p in broken_2014(tree, rng, "cocoqa", 381_000)]
        end = "\r\n" if split == "train" else "\n"
        for place, name in enumerate(("questions", "answers", "img_ids", "types")):
            text = end.join(line[place] for line in lines) + end
            tail = end if name == "types" else ""
            tree.write(f"cocoqa/{split}/{name}.txt", (text + tail).encode())
    tree.plant("cocoqa", "Windows line ends", "read", (), "train")
    tree.plant("cocoqa", "empty line at the end of one file", "read", (), "types.txt")
    return ["cocoqa", "coco2014"]


def _simple(photo: Photo) -> list[Line]:
    thing, number = photo.shown[0], str(photo.number)
    mark = (" ?", "", "?")[photo.number % 3]
    lines = [
        (f"what is the color of the {thing.kind}{mark}", thing.color, number, "2"),
        (f"how many things are there{mark}", _NUMBERS[len(photo.shown)], number, "1"),
    ]
    return lines[: 1 + photo.number % 2] if len(photo.shown) < 5 else lines[1:]


def _line_oddities(tree: Tree, lines: list[Line]) -> list[Line]:
    number = lines[0][2]
    tree.plant("cocoqa", "question that stands twice", "skipped", "repeated_question", number)
    tree.plant("cocoqa", "empty answer", "quarantined", "empty_answer", number)
    tree.plant("cocoqa", "number that is none", "quarantined", "malformed_record", "none")
    tree.plant("cocoqa", "question without sense", "read", (), number)
    return [
        lines[0],
        ("what is behind the", "", number, "0"),
        ("what stands here", "box", "none", "0"),
        ("what is there behind the", "box", number, "0"),
    ]
