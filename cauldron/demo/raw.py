"""Raw trees for the demo: small, drawn, in the official layouts, the same bytes for a seed.

A generator is a function `(tree, rng, records) -> roots` that has its source's name and stands in a
family's module; nothing else names it. One of a further form is called `source/form`, and its
function `source_form`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

from cauldron.demo.tree import Rng, Tree, rng_of
from cauldron.errors import SourceError, near
from cauldron.storage import files
from cauldron.storage.keys import key_of

Generator = Callable[[Tree, Rng, int], list[str]]

RAW_VERSION = 1
RECORDS, COUNTING = 40, 1_500
MARKER = "planted.json"
_FAMILIES = {
    "photos": ("vsr", "textvqa"),
    "radiology": ("vqarad",),
    "charts": ("chartqa",),
    "tables": ("tabmwp", "tat_qa"),
    "diagrams": ("ai2d",),
    "puzzles": ("raven",),
    "documents": ("pdf", "html", "obelics"),
}
_FURTHER: dict[str, tuple[str, ...]] = {
    "reasoning": (
        "clevr",
        "clevr_math",
        "nlvr2",
        "spot_the_diff",
        "mimic_cgd",
        "localized_narratives",
        "localized_narratives_pretrain",
    ),
    "school": ("scienceqa", "tqa", "iconqa", "intergps", "geomverse"),
    "table_questions": (
        "finqa",
        "hitab",
        "multihiertt",
        "robut_wtq",
        "robut_wikisql",
        "robut_sqa",
    ),
    "coco_questions": ("vqav2", "okvqa", "cocoqa"),
    "coco_choices": ("aokvqa", "visual7w", "tallyqa"),
    "scene_text": ("st_vqa", "textcaps", "hateful_memes"),
    "handwriting": ("ocrvqa", "iam"),
    "page_questions": ("docvqa", "infographic_vqa", "visualmrc"),
    "screens": ("screen2words", "websight", "rendered_text", "rendered_text_pretrain"),
    "pairs": (
        "laion_coco",
        "conceptual_captions",
        "conceptual_12m",
        "sbu_captions",
        "coco_captions",
        "visual_genome",
        "wit",
        "redcaps",
        "yfcc100m",
        "yfcc100m/sqlite",
        "pmd",
        "pairs",
    ),
    "web_documents": ("warc", "mmc4", "omnicorpus", "mint_1t", "comm"),
    "web_tars": ("obelics/tars", "mmc4/tars", "mint_1t/files"),
    "page_tars": ("pdfa", "ocr_idl", "docmatix"),
    "figures": ("dvqa", "figureqa", "plotqa", "mapqa"),
    "instructions": (
        "openhermes",
        "lima",
        "dolly",
        "metamathqa",
        "math_instruct",
        "orca_math",
        "camel_ai_math",
        "camel_ai_physics",
        "camel_ai_chemistry",
        "camel_ai_biology",
        "atlas_math_sets",
        "goat",
        "ultrachat",
    ),
    "chats": (
        "llava",
        "llava_instruct",
        "sharegpt4v",
        "sharegpt4o",
        "lvis_instruct4v",
        "lrv_instruct",
        "llavar",
        "svit",
        "m3it",
        "lnqa",
        "geo170k",
        "imageinwords",
        "cord",
        "chart_gemma",
    ),
    "figure_captions": ("chart2text", "vistext", "datikz", "diagram_image_to_text"),
}
"""Families that are drawn only where their sources are named; the demo's recipe leaves them out."""


@cache
def generators() -> dict[str, Generator]:
    """Return the generator of every source of the demo."""
    return _loaded(_FAMILIES)


@cache
def further_generators() -> dict[str, Generator]:
    """Return the generators of sources that are drawn only when they are named."""
    return _loaded(_FURTHER)


def _loaded(families: Mapping[str, tuple[str, ...]]) -> dict[str, Generator]:
    return {
        name: getattr(import_module(f"cauldron.demo.{family}"), name.replace("/", "_"))
        for family, sources in families.items()
        for name in sources
    }


def write_raw(
    folder: str | Path,
    seed: int = 0,
    sources: Sequence[str] | None = None,
    records: int = RECORDS,
    counting: int = COUNTING,
) -> dict[str, list[str]]:
    """Write raw trees, and `planted.json` with what was hidden in them.

    A folder that holds the same trees already is left as it is.

    Args:
        sources: names of sources; all of the demo when not given.
        records: pictures, problems or documents of each source, more or less.
        counting: training pictures of the counting task (VQA-RAD).

    Returns:
        The raw roots of each source.

    Raises:
        SourceError: if a source has no generator.
    """
    known = generators() if sources is None else {**generators(), **further_generators()}
    names = list(known) if sources is None else list(dict.fromkeys(sources))
    for name in names:
        if name not in known:
            raise SourceError(f"the demo draws no source '{name}'{near(name, known)}")
    tree = Tree(folder)
    marker = tree.folder / MARKER
    key = key_of("raw", RAW_VERSION, seed, names, records, counting)
    done = files.read_json(str(marker)) if marker.exists() else {}
    if done.get("key") != key:
        _emptied(tree.folder, marker)
        roots = {
            name: known[name](tree, rng_of(seed, name), counting if name == "vqarad" else records)
            for name in names
        }
        done = {"key": key, "seed": seed, "roots": roots, "planted": tree.as_list()}
        files.write_json(str(marker), done)
    return {name: [str(tree.folder / root) for root in done["roots"][name]] for name in names}


def _emptied(folder: Path, marker: Path) -> None:
    """Remove trees that were cut off or written with other settings; nothing else is touched."""
    if (
        folder.exists()
        and any(folder.iterdir())
        and not (marker.exists() or _begun(folder).exists())
    ):
        raise SourceError(
            "the folder for raw trees holds other files", place=str(folder), hint="name a new one"
        )
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    _begun(folder).touch()


def _begun(folder: Path) -> Path:
    return folder / ".begun"
