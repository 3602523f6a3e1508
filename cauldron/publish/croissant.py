"""Croissant: the mixture described to machines (mlcommons.org/croissant, version 1.0).

The repository is one file object; every data file stands in it with its sha256, every config and
split is a file set, and every config a record set with the columns as its fields.
"""

from __future__ import annotations

import json
from typing import Any

from cauldron.publish.card import CARD_ABOUT, bibliography, groups, split_files
from cauldron.publish.facts import Facts

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_PARQUET = "application/x-parquet"
_FIELDS: dict[str, dict[str, Any]] = {
    "samples": {
        "id": "",
        "source": "",
        "messages": {"role": "role", "text": "content[-1:].text"},
        "images": "bytes",
        "license": "",
        "origin": {"file": "file", "record": "record"},
        "extra": "",
    },
    "hub": {"images": "bytes", "texts": {n: n for n in ("user", "assistant", "source")}},
    "trl": {"images": "bytes", "messages": {"role": "role", "text": "content[-1:].text"}},
}
"""Columns of each form; of a nested one the JSON path of each part that a field can hold."""

_REPEATED = {"messages", "images", "texts"}
_ABOUT = {
    "id": "Name of the sample, stable across versions.",
    "source": "Source that the sample is from.",
    "messages": "The conversation or document in reading order: role, and parts of text or image.",
    "images": "Encoded pictures; the k-th part of type image stands for the k-th of them.",
    "texts": "Turns of user and assistant.",
    "license": "Licence of the sample.",
    "origin": "File and record of the raw data.",
    "extra": "JSON: what the source tells besides.",
}


def croissant(facts: Facts, url: str) -> bytes:
    """Return croissant.json.

    Args:
        url: web address of the repository, or where else the files lie.
    """
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": facts.repo.rpartition("/")[2],
        "description": CARD_ABOUT.format(number=len(facts.sources), rows=facts.rows),
        "url": url,
        "version": "1.0.0",
        "license": sorted({told.license for told in facts.sources}),
        "creator": {"@type": "sc:Organization", "name": facts.repo.partition("/")[0]},
        "citeAs": bibliography([told.card for told in facts.sources if told.card]),
        "keywords": ["vision-language", "instruction tuning"],
        "distribution": [_repository(url), *_files(facts), *_file_sets(facts)],
        "recordSet": [_record_set(facts, name) for name in groups(facts)],
    }
    return json.dumps(described, indent=1, ensure_ascii=False).encode() + b"\n"


def _repository(url: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": "repo",
        "name": "repo",
        "description": "The repository.",
        "contentUrl": url,
        "encodingFormat": "git+https",
        "sha256": "https://github.com/mlcommons/croissant/issues/80",
    }


def _files(facts: Facts) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": file.path,
            "name": file.path,
            "containedIn": {"@id": "repo"},
            "contentUrl": file.path,
            "contentSize": f"{file.size_bytes} B",
            "encodingFormat": _PARQUET,
            "sha256": file.sha256,
        }
        for file in facts.data
    ]


def _file_sets(facts: Facts) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileSet",
            "@id": f"{name}-files",
            "name": f"{name}-files",
            "containedIn": {"@id": "repo"},
            "encodingFormat": _PARQUET,
            "includes": [pattern for of in split_files(data).values() for pattern in of],
        }
        for name, data in groups(facts).items()
    ]


def _record_set(facts: Facts, name: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"Samples of {name}.",
        "field": [_field(name, *column) for column in _FIELDS[facts.form].items()],
    }


def _field(name: str, column: str, inside: str | dict[str, str]) -> dict[str, Any]:
    field = {
        "@type": "cr:Field",
        "@id": f"{name}/{column}",
        "name": f"{name}/{column}",
        "description": _ABOUT[column],
        **({"repeated": True} if column in _REPEATED else {}),
    }
    if isinstance(inside, dict):
        parts = [_part(name, column, part, path) for part, path in inside.items()]
        return {**field, "subField": parts}
    kind = "sc:ImageObject" if column == "images" else "sc:Text"
    return {**field, "dataType": kind, "source": _source(name, column, inside)}


def _part(name: str, column: str, part: str, path: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{name}/{column}/{part}",
        "name": f"{name}/{column}/{part}",
        "description": f"The {part} of each entry of {column}.",
        "dataType": "sc:Text",
        **({"repeated": True} if column in _REPEATED else {}),
        "source": _source(name, column, path),
    }


def _source(name: str, column: str, path: str) -> dict[str, Any]:
    transform = {"transform": {"jsonPath": path}} if path else {}
    return {"fileSet": {"@id": f"{name}-files"}, "extract": {"column": column}, **transform}
