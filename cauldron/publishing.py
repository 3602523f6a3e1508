"""Publish: a mixture with card, licences, Croissant and manifest to the hub, or to any folder.

The shards are written to a local stage first, piece by piece and resumable, then brought to their
place, where they appear all at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from cauldron.engine.base import Engine
from cauldron.engine.progress import Progress, followed, quiet
from cauldron.engine.receipts import Job, perform_all
from cauldron.errors import CheckError, UsageError, near
from cauldron.exporting import export
from cauldron.mixture.manifest import folder_of, read_manifest
from cauldron.publish.card import licenses, plots, readme
from cauldron.publish.croissant import croissant
from cauldron.publish.entries import MANIFEST, Entry
from cauldron.publish.facts import DataFile, Facts, overlap, rules, told_sources
from cauldron.publish.formats import format_named
from cauldron.publish.hub import Hub
from cauldron.publish.ids import ids_file, write_ids
from cauldron.publish.licenses import Permissions, published_whole
from cauldron.publish.pieces import Piece, pieces
from cauldron.publish.place import Place
from cauldron.publish.published import own_manifest
from cauldron.storage import files
from cauldron.storage.keys import key_of
from cauldron.storage.shards import largest_row

FORMS = ("samples", "hub", "trl")
MOST_ROW_BYTES = 30_000_000
"""The hub's viewer shows no row beyond it."""


def publish(
    engine: Engine,
    manifest: str,
    repo: str,
    *,
    form: str = "samples",
    given: Permissions | None = None,
    stage: str = "",
    private: bool = False,
    branch: str = "main",
    pull_request: bool = False,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Publish a mixture; what is there already is not sent again.

    Args:
        manifest: a manifest, or the folder that holds it.
        repo: `owner/name` on the hub, or a folder or URL.
        form: columns of the shards: samples (all), hub (The Cauldron's) or trl (messages).
        given: permissions besides those in the mixture's recipe.
        stage: local folder for the shards; by default inside the manifest's folder.

    Returns:
        `place`, `commit`, `changed`, `uploaded`, `removed`, `files`, `size_bytes`, `whole` and
        `without_bytes`.

    Raises:
        CheckError: if a source may not be published, or a row is too large for the viewer.
        HubError: if the hub refuses.
        UsageError: for an unknown form, or a place that holds something else.
    """
    place = _target(repo, private=private, branch=branch, pull_request=pull_request)
    told, folder = read_manifest(manifest), folder_of(manifest)
    whole = published_whole(told, _permissions(told, given))
    stage = _stage(stage, folder, form)
    summary = export(engine, manifest, _known(form), stage, progress)
    _require_small_rows(stage, summary["files"])
    listed = [_data_file(stage, file) for file in summary["files"]]
    named = {file.path for file in listed}
    hidden = [
        piece
        for piece in _pieces(manifest, form)
        if piece.source not in whole and format_named(form).file(piece) in named
    ]
    ids = [_data_file(stage, file) for file in _written_ids(engine, hidden, stage, progress)]
    unfit = {name: c["left_out"] for name, c in summary["sources"].items() if c["left_out"]}
    facts = _facts(told, folder, repo, form, whole, listed, ids, unfit)
    entries = _entries(facts, listed)
    message = f"Publish {told['name']}: {facts.rows:,} samples of {len(whole)} sources"
    result = place.publish(entries, message, progress)
    return {**result, **_sums(entries, facts)}


def preview(manifest: str, repo: str, form: str, given: Permissions | None) -> dict[str, Any]:
    """Return what would be published, with sizes estimated, writing nothing.

    Returns:
        `files` as path, rows and size_bytes, `size_bytes`, `card`, `whole` and `without_bytes`.

    Raises:
        CheckError: if a source may not be published.
    """
    told, folder = read_manifest(manifest), folder_of(manifest)
    whole = published_whole(told, _permissions(told, given))
    listed = [_estimated(piece, form) for piece in _pieces(manifest, _known(form))]
    ids = [
        DataFile(
            path=ids_file(piece),
            url="",
            source=piece.source,
            split=piece.split,
            rows=piece.stop - piece.start,
            size_bytes=150 * (piece.stop - piece.start),
            sha256="",
        )
        for piece in _pieces(manifest, form)
        if piece.source not in whole
    ]
    facts = _facts(told, folder, repo, form, whole, listed, ids)
    entries = _entries(facts, listed)
    rows = {file.path: file.rows for file in (*facts.data, *facts.ids)}
    return {
        "place": repo,
        "card": readme(facts),
        **_sums(entries, facts),
        "files": [
            {"path": e.path, "rows": rows.get(e.path), "size_bytes": e.size_bytes} for e in entries
        ],
    }


def _target(repo: str, *, private: bool, branch: str, pull_request: bool) -> Hub | Place:
    if _is_place(repo):
        return Place(str(Path(repo).expanduser()) if repo.startswith("~") else repo)
    owner, slash, name = repo.partition("/")
    if not slash or not owner or not name or "/" in name:
        raise UsageError(
            f"'{repo}' is neither owner/name nor a path",
            hint="a folder is written ./folder, a store s3://bucket/folder",
        )
    return Hub(repo, private=private, branch=branch, pull_request=pull_request)


def _is_place(repo: str) -> bool:
    return "://" in repo or repo.startswith(("/", "./", "../", "~"))


def _known(form: str) -> str:
    if form not in FORMS:
        raise UsageError(f"no form '{form}'{near(form, FORMS)}", hint=f"one of: {', '.join(FORMS)}")
    return form


def _permissions(manifest: Mapping[str, Any], given: Permissions | None) -> Permissions:
    recipe = manifest.get("recipe")
    own = (recipe.get("publish") if isinstance(recipe, dict) else None) or {}
    written, more = Permissions.model_validate(own), given or Permissions()
    return Permissions(
        redistribute=(*written.redistribute, *more.redistribute),
        without_bytes=(*written.without_bytes, *more.without_bytes),
    )


def _stage(stage: str, folder: str, form: str) -> str:
    if stage:
        return files.join(stage, form)
    if files.is_local(folder):
        return files.join(folder, "publish", form)
    cache = Path.home() / ".cache" / "cauldron" / "publish"
    return str(cache / key_of(files.redacted(folder))[:16] / form)


def _pieces(manifest: str, form: str) -> list[Piece]:
    return pieces(manifest, format_named(form).piece_bytes)


def _data_file(stage: str, file: Mapping[str, Any]) -> DataFile:
    return DataFile(
        path=file["file"],
        url=files.join(stage, file["file"]),
        source=file["source"],
        split=file["split"],
        rows=file["rows"],
        size_bytes=file["size_bytes"],
        sha256=file["sha256"],
    )


def _estimated(piece: Piece, form: str) -> DataFile:
    rows = piece.stop - piece.start
    held = sum(shard.size for shard in piece.shards)
    size = sum(files.size_bytes(shard.url) for shard in piece.shards)
    return DataFile(
        path=format_named(form).file(piece),
        url="",
        source=piece.source,
        split=piece.split,
        rows=rows,
        size_bytes=size * rows // max(held, 1),
        sha256="",
    )


def _require_small_rows(stage: str, written: Sequence[Mapping[str, Any]]) -> None:
    """Check the largest row of every file.

    Raises:
        CheckError: if one is too large for the viewer.
    """
    for file in written:
        size, row = largest_row(files.join(stage, file["file"]))
        if size > MOST_ROW_BYTES:
            raise CheckError(
                f"row {row} holds {size:,} bytes of pictures; the hub's viewer shows rows up to "
                f"{MOST_ROW_BYTES:,}",
                place=file["file"],
                hint=f"drop such samples of '{file['source']}' with a rule, then mix again",
            )


def _written_ids(
    engine: Engine, hidden: Sequence[Piece], stage: str, progress: Progress
) -> list[dict[str, Any]]:
    jobs = [
        Job(
            key=key_of("ids", piece.key),
            receipt=files.join(stage, ".cauldron", "ids", f"{piece.source}-{piece.name}.json"),
            outputs=(files.join(stage, ids_file(piece)),),
            function=write_ids,
            arguments=(piece, stage),
        )
        for piece in hidden
    ]
    return list(followed(perform_all(engine, jobs), "ids", len(jobs), progress))


def _facts(
    told: Mapping[str, Any],
    folder: str,
    repo: str,
    form: str,
    whole: list[str],
    listed: Sequence[DataFile],
    ids: Sequence[DataFile],
    unfit: Mapping[str, Mapping[str, int]] | None = None,
) -> Facts:
    local = _is_place(repo)
    return Facts(
        repo=f"mixtures/{told['name']}" if local else repo,
        on_hub=not local,
        form=form,
        manifest=told,
        sources=told_sources(told, folder, whole),
        data=[file for file in listed if file.source in whole],
        ids=ids,
        overlap=overlap(folder),
        unfit=unfit or {},
        rules=rules(folder),
    )


def _entries(facts: Facts, listed: Sequence[DataFile]) -> list[Entry]:
    """Return all files, the manifest last."""
    url = f"https://huggingface.co/datasets/{facts.repo}"
    described = own_manifest(facts, listed)
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    small = {
        **plots(facts),
        "README.md": readme(facts).encode(),
        "LICENSES.md": licenses(facts).encode(),
        "croissant.json": croissant(facts, url),
        MANIFEST: orjson.dumps(described, option=options),
    }
    large = [
        Entry(path=f.path, size_bytes=f.size_bytes, sha256=f.sha256, url=f.url)
        for f in (*facts.data, *facts.ids)
    ]
    return [*large, *(Entry.of(path, content) for path, content in small.items())]


def _sums(entries: Sequence[Entry], facts: Facts) -> dict[str, Any]:
    return {
        "files": len(entries),
        "size_bytes": sum(entry.size_bytes for entry in entries),
        "whole": [told.name for told in facts.sources if told.whole],
        "without_bytes": [told.name for told in facts.sources if not told.whole],
    }
