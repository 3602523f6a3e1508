"""The catalogue: sources found by their files, and by entry points of other packages."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, entry_points

import cauldron.sources
from cauldron.errors import SourceError, near
from cauldron.readers.raw import Found, Raw, not_looked_into
from cauldron.sources.base import Form, Source
from cauldron.sources.hub import rows_for
from cauldron.sources.messages import messages_for
from cauldron.sources.own import PREFIX, own_form

_NOT_SOURCES = {"base", "card", "card_checks", "catalogue", "hub", "hub_repo", "messages", "own"}
HUB_FORMS = {"hub": rows_for, "messages": messages_for}
"""Forms that are there for any name."""
_PLUGINS = "cauldron.sources"
_PACKED = (".7z", ".rar", ".zst", ".z01", ".001", ".part")  # not read as they are


@cache
def _plugins() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=_PLUGINS))


def source_names() -> list[str]:
    """Return the names of all sources that can be read, sorted."""
    own = {m.name for m in pkgutil.iter_modules(cauldron.sources.__path__)}
    plugins = {point.name for point in _plugins()}
    return sorted(n for n in (own - _NOT_SOURCES) | plugins if not n.startswith("_"))


def source_named(name: str) -> Source:
    """Load a source by name; the hub's forms are added to every one.

    Raises:
        SourceError: if there is no such source.
    """
    names = source_names()
    if name not in names:
        raise SourceError(
            f"unknown source '{name}'{near(name, names)}", hint="cauldron sources lists them"
        )
    for point in _plugins():
        if point.name == name:
            source: Source = point.load()
            break
    else:
        source = importlib.import_module(f"cauldron.sources.{name}").SOURCE
    return Source(name=source.name, forms=(*source.forms, *(f(name) for f in HUB_FORMS.values())))


def form_named(source: str, form: str) -> Form:
    """Return one form of a source; the hub's forms are there for any name.

    Raises:
        SourceError: if the source or the form is unknown.
    """
    if form in HUB_FORMS:
        return HUB_FORMS[form](source)
    if form.startswith(PREFIX):
        return own_form(source, form)
    forms = source_named(source).forms
    for candidate in forms:
        if candidate.name == form:
            return candidate
    names = [f.name for f in forms]
    raise SourceError(
        f"source '{source}' has no form '{form}'{near(form, names)}",
        hint=f"forms: auto, {', '.join(names)}",
    )


def only_split(source: str, form: str, raw: Raw) -> str:
    """Return `train` where it is there, else the first split that is; `train` where none is.

    Raises:
        SourceError: if the source or the form is unknown.
    """
    forms = _forms(source, form)
    if any(candidate.files(raw, "train") for candidate in forms):
        return "train"
    return next((split for candidate in forms for split in candidate.splits(raw)), "train")


def _forms(source: str, form: str) -> tuple[Form, ...]:
    return source_named(source).forms if form == "auto" else (form_named(source, form),)


def detect(source: str, form: str, raw: Raw, split: str) -> tuple[Form, list[Found]]:
    """Return the form that the raw folders are in and its files of a split.

    Args:
        form: the name of a form, or `auto` for the first one that fits.

    Raises:
        SourceError: if no form fits, saying what was looked for and which splits are there.
    """
    forms = _forms(source, form)
    for candidate in forms:
        found = candidate.files(raw, split)
        if found:
            return candidate, found
    place = ", ".join(raw.roots)
    splits = sorted({s for candidate in forms for s in candidate.splits(raw)})
    if splits:
        raise SourceError(
            f"no files of split '{split}' of source '{source}' here",
            place=place,
            hint="found: " + ", ".join(f"--split {s}" for s in splits),
        )
    if raw.problems():
        path, problem = raw.problems()[0]
        raise SourceError(
            f"no raw data of source '{source}' here that can be read: {problem.detail}",
            place=path,
            hint="download it again, or move it out of the raw folder",
        )
    wanted = "; or ".join(f.wanted for f in forms if f.wanted)
    names = [path for path, _, _ in raw.stats()]
    packed = next((name for name in names if name.lower().endswith(_PACKED)), "")
    unpack = f"unpack {packed} first; " if packed else ""
    raise SourceError(
        f"no raw data of source '{source}' here",
        place=place,
        hint=f"{unpack}{not_looked_into(raw)}{len(names)} files seen; wanted: {wanted}",
    )
