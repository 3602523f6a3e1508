"""Small benchmarks in their official layouts and as hub Parquet: coloured discs on a grey ground.

Every benchmark asks what the pictures show, so that a model that sees can answer and a blind one
cannot. File names, keys and columns are those of the released files.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cauldron.demo import benchmark_answers as answers
from cauldron.demo import benchmark_choices as choices
from cauldron.demo.discs import Disc, Row, Write, discs, with_picture

_COCO = "COCO_{}_{:012d}.jpg"
LAYOUTS: dict[str, tuple[Write, Row, str, str]] = {
    "vqav2": (
        answers.vqa(
            "v2_OpenEnded_mscoco_{}_questions.json", "v2_mscoco_{}_annotations.json", _COCO
        ),
        answers.vqa_row,
        "validation",
        "train",
    ),
    "okvqa": (
        answers.vqa("OpenEnded_mscoco_{}_questions.json", "mscoco_{}_annotations.json", _COCO),
        answers.text_row,
        "val2014",
        "train",
    ),
    "textvqa": (answers.textvqa, answers.text_row, "validation", "train"),
    "vizwiz": (answers.vizwiz, answers.text_row, "val", "train"),
    "coco_captions": (answers.coco, answers.coco_row, "test", "train"),
    "mmmu": (choices.mmmu, choices.mmmu_row, "validation", ""),
    "mathvista": (
        choices.mathvista,
        with_picture(choices.mathvista_row, "decoded_image"),
        "testmini",
        "",
    ),
    "mmbench": (choices.mmbench, choices.mmbench_hub, "dev", ""),
    "docvqa": (
        answers.document("{}_v1.0_withQT.json", "image", "documents/{}.png"),
        answers.document_hub,
        "validation",
        "train",
    ),
    "infovqa": (
        answers.document("infographicsVQA_{}_v1.0_withQT.json", "image_local_name", "{}.png"),
        answers.document_hub,
        "validation",
        "train",
    ),
    "chartqa": (answers.chartqa, answers.chartqa_row, "test", "train"),
    "ai2d": (choices.ai2d, choices.ai2d_row, "test", "train"),
    "scienceqa": (choices.scienceqa, with_picture(choices.science_row, "image"), "test", "train"),
    "seed": (choices.seed, with_picture(choices.seed_row, "image", many=True), "test", ""),
    "nlvr2": (choices.nlvr2, choices.nlvr2_hub, "test", "train"),
    "hallusionbench": (
        choices.hallusion,
        with_picture(choices.hallusion_row, "image"),
        "image",
        "",
    ),
    "pope": (choices.pope, choices.pope_hub, "test", ""),
}


def draw_benchmark(name: str, folder: Path, form: str = "official", many: int = 8) -> None:
    """Write a benchmark with a scored split, and a train split where it has one.

    Args:
        form: `official`, or `hub` for Parquet.
        many: pictures of the scored split.
    """
    official, rows, scored, train = LAYOUTS[name]
    splits = {scored: discs(many, 1)} | ({train: discs(many, 2)} if train else {})
    for offset, (split, shown) in enumerate(splits.items()):
        own = [Disc(d.number + 1000 * offset, d.color, d.count, d.png, d.jpeg) for d in shown]
        if form == "official":
            official(folder, own, split)
        else:
            table = [rows(disc) for disc in own]
            path = folder / "data" / f"{split}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(table), path)
