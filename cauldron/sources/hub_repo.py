"""Data sets on the hub, named in place of raw folders: `hub:OWNER/NAME/CONFIG@REVISION`.

The revision is resolved to a commit first, and all files are read at that commit, so that a run
that goes on later reads the same bytes. Nothing is downloaded as a whole: Parquet row groups are
read as they are needed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cauldron.errors import HubError, SourceError, UsageError, near
from cauldron.readers.raw import Raw
from cauldron.sources.catalogue import HUB_FORMS, form_named, source_names
from cauldron.storage import files
from cauldron.storage.retry import retried

PREFIX = "hub:"
_NAME = re.compile(r"hub:([\w.-]+/[\w.-]+)(?:/([^@/]+))?(?:@(.+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A config of a repository at one commit.

    Args:
        source: the source of the catalogue that the config is named after, else a name of its own.
        form: `auto` for a source of the catalogue, else the form that its columns have.
        roots: URLs of its files, or of the folder that holds them and nothing else.
    """

    source: str
    form: str
    roots: tuple[str, ...]


def pinned(name: str, form: str = "auto") -> Pinned:
    """Look up a config and pin it to the commit that its revision names now.

    Raises:
        UsageError: if the name is not of that form, or huggingface_hub is missing.
        HubError: if the repository cannot be reached.
        SourceError: if it has no such config, or columns of no known form.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise UsageError(f"'{name}' is not hub:OWNER/NAME/CONFIG, or with @REVISION behind it")
    repo, config, revision = match.groups()
    commit, paths, head = _look(repo, revision or "main")
    configs = _configs(head, paths)
    if config is None:
        config = "default" if "default" in configs or len(configs) != 1 else next(iter(configs))
    if config not in configs:
        raise SourceError(
            f"'{repo}' has no config '{config}'{near(config, configs)}",
            hint=f"configs: {', '.join(sorted(configs)[:60])}",
        )
    roots = _roots(f"hf://datasets/{repo}@{commit}", configs[config], paths)
    if config in source_names():
        return Pinned(source=config, form=form, roots=roots)
    own = config if config != "default" else repo.rpartition("/")[2]
    source = re.sub(r"\W+", "_", own).strip("_").lower() or "hub"
    return Pinned(source=source, form=_form(source, roots) if form == "auto" else form, roots=roots)


def _look(repo: str, revision: str) -> tuple[str, list[str], Mapping[str, Any]]:
    """Return commit, Parquet files and the head of the card."""
    try:
        from huggingface_hub import DatasetCard, HfApi
    except ImportError as error:
        raise UsageError(
            f"reading from the hub needs huggingface_hub: {error}",
            hint="pip install 'cauldron[hub]'",
        ) from error
    try:
        info = retried(lambda: HfApi().dataset_info(repo, revision=revision))
        commit = str(info.sha)
        names = sorted(s.rfilename for s in info.siblings or ())
        head: Mapping[str, Any] = {}
        if "README.md" in names:
            url = f"hf://datasets/{repo}@{commit}/README.md"
            text = retried(lambda: files.read_bytes(url)).decode("utf-8", "replace")
            card: Any = DatasetCard(text)
            head = card.data.to_dict()
    except Exception as error:  # the client and its transport raise what they like
        said = getattr(error, "server_message", None) or str(error)
        first = said.strip().splitlines()[0][:300] if said.strip() else type(error).__name__
        raise HubError(
            f"cannot read the data set: {first}",
            place=f"{repo}@{revision}",
            hint="check the name; for a gated set: accept its terms, then hf auth login",
        ) from error
    return commit, [name for name in names if name.endswith(".parquet")], head


def _configs(head: Mapping[str, Any], paths: Sequence[str]) -> dict[str, list[str]]:
    """Return the Parquet files of each config, as the card or the folders tell."""
    told: dict[str, list[str]] = {}
    for entry in head.get("configs") or ():
        patterns = list(_patterns(entry.get("data_files")))
        base = str(entry.get("data_dir") or "").strip("/")
        if not patterns:
            patterns = [f"{base}/**" if base else "**"]
        fits = [re.compile(_regex(posixpath.join(base, p))) for p in patterns]
        found = [p for p in paths if any(fit.fullmatch(p) for fit in fits)]
        if found:
            told[str(entry.get("config_name") or "default")] = found
    if told:
        return told
    folders = {path.split("/")[0] for path in paths if "/" in path} - {"data"}
    found_in = {f: [p for p in paths if p.startswith(f"{f}/")] for f in sorted(folders)}
    rest = [p for p in paths if "/" not in p or p.startswith("data/")]
    return found_in | ({"default": rest} if rest else {})


def _patterns(told: Any) -> list[str]:
    if isinstance(told, str):
        return [told]
    if isinstance(told, Mapping):
        return _patterns(told.get("path")) if "path" in told else _patterns(list(told.values()))
    return [p for item in told for p in _patterns(item)] if isinstance(told, list) else []


def _regex(pattern: str) -> str:
    """Return a pattern as a regular expression: `**` crosses folders, `*` does not."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(words.get(part) or re.escape(part) for part in parts)


def _roots(base: str, own: Sequence[str], paths: Sequence[str]) -> tuple[str, ...]:
    """Return the deepest folder of a config where it holds no other files, else its files."""
    folder = posixpath.commonpath([posixpath.dirname(path) for path in own])
    inside = [path for path in paths if not folder or path.startswith(f"{folder}/")]
    if set(inside) == set(own):
        return (f"{base}/{folder}".rstrip("/"),)
    return tuple(f"{base}/{path}" for path in own)


def _form(source: str, roots: Sequence[str]) -> str:
    raw = Raw(roots)
    for name in HUB_FORMS:
        form = form_named(source, name)
        if form.splits(raw):
            return name
    wanted = "; or ".join(form_named(source, name).wanted for name in HUB_FORMS)
    raise SourceError("no known columns", place=", ".join(roots)[:200], hint=f"wanted: {wanted}")
