"""The dataset card: README.md with a head that the hub reads, and LICENSES.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from cauldron.publish.card_curation import curation, decontamination
from cauldron.publish.escape import Link, address, block, inline, table
from cauldron.publish.facts import DataFile, Facts, Told
from cauldron.publish.licenses import card_or_none
from cauldron.publish.plots import bars
from cauldron.publish.snippets import snippets

MIXTURE = "mixture"
"""The config that holds all sources."""

REBUILT = "./mixture"
"""Where the commands of a card put a mixture that they make whole again."""

IDS = "ids"
"""The config of ids and hashes, for sources without bytes."""

CARD_ABOUT = (
    "A mixture of {number} sources of vision-language data, made with cauldron: {rows:,} samples."
)

FEATURES: dict[str, list[dict[str, Any]]] = {
    "samples": [
        {"name": "id", "dtype": "string"},
        {"name": "source", "dtype": "string"},
        {
            "name": "messages",
            "list": [
                {"name": "role", "dtype": "string"},
                {
                    "name": "content",
                    "list": [
                        {"name": "type", "dtype": "string"},
                        {"name": "text", "dtype": "string"},
                    ],
                },
            ],
        },
        {"name": "images", "list": "image"},
        {"name": "license", "dtype": "string"},
        {
            "name": "origin",
            "struct": [{"name": "file", "dtype": "string"}, {"name": "record", "dtype": "string"}],
        },
        {"name": "extra", "dtype": "string"},
    ],
    "hub": [
        {"name": "images", "list": "image"},
        {
            "name": "texts",
            "list": [{"name": n, "dtype": "string"} for n in ("user", "assistant", "source")],
        },
    ],
    "ids": [
        {"name": "id", "dtype": "string"},
        {"name": "source", "dtype": "string"},
        {"name": "file", "dtype": "string"},
        {"name": "record", "dtype": "string"},
        {"name": "text_sha256", "dtype": "string"},
        {"name": "image_sha256", "list": "string"},
        {"name": "images_left_out", "list": "int32"},
        {"name": "paragraphs_left_out", "list": "int32"},
        {
            "name": "merged",
            "list": [
                {"name": "source", "dtype": "string"},
                {"name": "part", "dtype": "string"},
                {"name": "row", "dtype": "int64"},
                {"name": "id", "dtype": "string"},
            ],
        },
    ],
}
FEATURES["trl"] = [FEATURES["samples"][3], FEATURES["samples"][2]]

_HUB_LICENSES = {
    "apache-2.0", "c-uda", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0",
    "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "gpl-2.0", "gpl-3.0", "mit", "odc-by", "pddl",
}  # fmt: skip
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGE = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (10**9, "100M<n<1B"))


def readme(facts: Facts) -> str:
    """Return the card: YAML head, then what a reader wants to know, in that order."""
    head = yaml.safe_dump(_head(facts), sort_keys=False, allow_unicode=True, width=100)
    parts = [
        f"# {inline(facts.repo)}",
        _what(facts),
        _how_to_load(facts),
        _without_bytes(facts),
        _sources(facts),
        curation(facts),
        decontamination(facts),
        _licences(facts),
        _people(facts),
        _citations(facts),
    ]
    return f"---\n{head}---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def _head(facts: Facts) -> dict[str, Any]:
    cards = [told.card for told in facts.sources if told.card]
    names = {told.license for told in facts.sources}
    license = next(iter(names)).lower() if len(names) == 1 else "other"
    known = license in _HUB_LICENSES
    return {
        "pretty_name": facts.repo.rpartition("/")[2],
        "license": license if known else "other",
        **({} if known else {"license_name": "by-source", "license_link": "LICENSES.md"}),
        "language": _languages(cards),
        "task_categories": ["visual-question-answering", "image-text-to-text"],
        "size_categories": [size_category(facts.rows)],
        "source_datasets": [f"extended|{told.name}" for told in facts.sources],
        "tags": ["vision-language", "instruction-tuning", "multimodal", "croissant"],
        "configs": configs(facts),
        "dataset_info": _dataset_info(facts),
    }


def _languages(cards: Sequence[Any]) -> list[str]:
    """Return codes that the hub takes; a source of any language is multilingual."""
    named = {"multilingual" if lang == "any" else lang for c in cards for lang in c.languages}
    return sorted(named) or ["en"]


def size_category(rows: int) -> str:
    """Return the hub's word for a number of rows."""
    return next((word for limit, word in (*_SIZES, *_LARGE) if rows < limit), "n>1B")


def groups(facts: Facts) -> dict[str, list[DataFile]]:
    """Return the configs and their files: the whole mixture, each source, ids without bytes."""
    found = {MIXTURE: list(facts.data)} if facts.data else {}
    found |= {told.name: facts.of(told.name) for told in facts.sources if facts.of(told.name)}
    return found | ({IDS: list(facts.ids)} if facts.ids else {})


def configs(facts: Facts) -> list[dict[str, Any]]:
    """Return `configs` of the head: splits and patterns of files."""
    listed = []
    for name, data in groups(facts).items():
        splits = split_files(data)
        entry: dict[str, Any] = {
            "config_name": name,
            "data_files": [{"split": s, "path": p} for s, p in splits.items()],
        }
        listed.append({**entry, "default": True} if name == MIXTURE else entry)
    return listed


def split_files(data: Sequence[DataFile]) -> dict[str, list[str]]:
    """Return patterns of the files of each split."""
    return {
        split: list(dict.fromkeys(f"{f.path.rpartition('/')[0]}/{split}-*.parquet" for f in of))
        for split, of in _by_split(data).items()
    }


def _by_split(data: Sequence[DataFile]) -> dict[str, list[DataFile]]:
    found: dict[str, list[DataFile]] = {}
    for file in data:
        found.setdefault(file.split, []).append(file)
    return found


def _dataset_info(facts: Facts) -> list[dict[str, Any]]:
    listed = []
    for name, data in groups(facts).items():
        size = sum(file.size_bytes for file in data)
        splits = [
            {
                "name": split,
                "num_bytes": sum(f.size_bytes for f in of),
                "num_examples": sum(f.rows for f in of),
            }
            for split, of in _by_split(data).items()
        ]
        features = FEATURES["ids" if name == IDS else facts.form]
        listed.append(
            {
                "config_name": name,
                "features": features,
                "splits": splits,
                "download_size": size,
                "dataset_size": size,
            }
        )
    return [_copied(entry) for entry in listed]


def _copied(value: Any) -> Any:
    """Copy a value, so that YAML writes no anchors for parts that are used twice."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _what(facts: Facts) -> str:
    manifest = facts.manifest
    whole = sum(told.whole for told in facts.sources)
    held = sum(f.rows for f in (*facts.data, *facts.ids) if f.split == "validation")
    all_ = "all" if whole == len(facts.sources) else f"{whole:,}"
    told = f"{held:,} of them are held out for validation. " if held else ""
    return (
        f"{CARD_ABOUT.format(number=len(facts.sources), rows=facts.rows)} {told}Config "
        f"`{MIXTURE}` holds the samples of {all_} of the sources, "
        "and each of them has a config of its own. `manifest.json`, written by cauldron "
        f"{inline(manifest['cauldron_version'])}, tells recipe, seed, weights, checksums and the "
        f"order of training (seed {int(manifest['seed'])}); `croissant.json` describes the files "
        "to machines."
    )


def _how_to_load(facts: Facts) -> str:
    if not facts.data:
        return ""
    place = facts.repo if facts.on_hub else "FOLDER"
    url = f"hf://datasets/{facts.repo}" if facts.on_hub else "FOLDER"
    hidden = any(not told.whole for told in facts.sources)
    parts = ["## How to load"]
    for reader, code in snippets(facts.form, place, MIXTURE, REBUILT if hidden else url).items():
        after = ", rebuilt as told below" if hidden and REBUILT in code else ""
        parts.append(f"{reader}{after}:\n\n" + block(code, "python"))
    if facts.form != "hub":
        parts.append(
            "`messages` and `images` are what chat templates of `transformers` and `trl` take: "
            "the k-th part of type `image` stands for `images[k]`."
        )
    return "\n\n".join(parts)


def _without_bytes(facts: Facts) -> str:
    names = [told.name for told in facts.sources if not told.whole]
    if not names:
        return ""
    merged = [n for t in facts.sources if not t.whole for n in t.listed.get("merged_from", ())]
    place = f"hf://datasets/{facts.repo}" if facts.on_hub else "FOLDER"
    command = f"cauldron rebuild {place} -o {REBUILT}"
    needed = dict.fromkeys([*names, *merged])
    command += "".join(f" \\\n  --raw {name}=DOWNLOADED" for name in needed)
    return (
        "## Bring your own data\n\nOf these sources only ids and hashes are published, since their "
        f"terms do not clearly allow more: {', '.join(map(inline, names))}. Config `{IDS}` has a "
        "row for each of their samples: where it stood in the raw data, hashes of its text and "
        "pictures, and what was changed in it. Get the raw data from its home (`cauldron sources "
        "NAME` tells how); the mixture is then rebuilt, byte for byte:\n\n" + block(command, "sh")
    )


def _sources(facts: Facts) -> str:
    head = ["source", "licence", "samples", "held out", "images", "turns"]
    head += ["share in %", "epochs", "published"]
    rows: list[list[object]] = []
    for told in facts.sources:
        listed = told.listed
        rows.append(
            [
                Link(told.name, told.card.homepage if told.card else ""),
                told.license,
                int(listed["samples"]),
                int(listed["validation"]["samples"]),
                int(listed["images"]),
                int(listed["turns"]),
                100 * float(listed["share"]),
                float(listed["epochs"]),
                "samples" if told.whole else "ids and hashes",
            ]
        )
    unit = inline(facts.manifest["unit"])
    plot = "![Share of each source](plots/shares.png)"
    return f"## Sources\n\nShares are of {unit}.\n\n{plot}\n\n" + table(head, rows)


def _licences(facts: Facts) -> str:
    return (
        "## Licences\n\nEach source keeps its own licence; `LICENSES.md` lists them, and where "
        "the column `license` is present it names the licence of each sample."
    )


def _people(facts: Facts) -> str:
    origins = {told.card.image_origin for told in facts.sources if told.card}
    listed = "\n".join(f"- {inline(origin)}" for origin in sorted(origins - {""}))
    return (
        "## Personal data and opting out\n\nPhotographs and documents may show people, names and "
        "handwriting. They were published by the sources below and are unchanged. Whoever is "
        "shown or owns a picture can ask for its removal in the discussions of this repository; "
        "name the `id` of the sample, or its text.\n\n" + listed
    ).strip()


def _citations(facts: Facts) -> str:
    found = bibliography([told.card for told in facts.sources if told.card])
    return "## Citations\n\n" + block(found, "bibtex") if found else ""


def bibliography(cards: Sequence[Any]) -> str:
    """Return the citations of cards, each once, in order."""
    return "\n\n".join(dict.fromkeys(c.citation.strip() for c in cards if c.citation.strip()))


def licenses(facts: Facts) -> str:
    """Return LICENSES.md: licence, gate and home of every source."""
    parts = ["# Licences by source\n\nThe terms of a source hold for its samples."]
    for told in facts.sources:
        parts.append(_license_of(told))
    return "\n\n".join(parts) + "\n"


def _license_of(told: Told) -> str:
    lines = [f"## {inline(told.name)}", "", f"- licence: {inline(told.license)}"]
    if told.card:
        lines += [
            f"- title: {inline(told.card.title)}",
            f"- gated at its home: {'yes' if told.card.gated else 'no'}",
            f"- home: {address(told.card.homepage)}",
            f"- pictures: {inline(told.card.image_origin)}",
        ]
    for other in told.listed.get("merged_from", ()):
        facts = card_or_none(other)
        terms = inline(facts.license if facts else "unknown")
        lines.append(f"- some samples hold turns merged from {inline(other)}, licence: {terms}")
    lines.append(f"- published here: {'samples' if told.whole else 'ids and hashes only'}")
    return "\n".join(lines)


def plots(facts: Facts) -> dict[str, bytes]:
    """Return the pictures of the card by their place."""
    shares = [
        (told.name, (100 * float(told.listed["share"]),), f"{100 * told.listed['share']:.2f} %")
        for told in sorted(facts.sources, key=lambda told: -told.listed["share"])
    ]
    title = f"Share of each source ({facts.manifest['unit']})"
    found = {"plots/shares.png": bars(title, ("share",), shares)}
    kept = [(told.name, *_became(told.counts)) for told in facts.sources if told.counts]
    if kept:
        legend = ("kept", "dropped", "quarantined", "skipped")
        found["plots/kept.png"] = bars("What became of the records of each source", legend, kept)
    return found


def _became(counts: Mapping[str, Any]) -> tuple[tuple[float, ...], str]:
    """Return shares of the records read, so that small sources are seen beside large ones."""
    sums = [sum(counts[key].values()) for key in ("dropped", "quarantined", "skipped")]
    total = max(counts["kept"] + sum(sums), 1)
    return tuple(100 * n / total for n in (counts["kept"], *sums)), f"{counts['read']:,} read"
