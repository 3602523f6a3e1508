"""YAML files to checked models: an error names the file, the line, the key and a near name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ValidationError, WithJsonSchema

from cauldron.errors import RecipeError, StorageError, near
from cauldron.storage import files

Model = TypeVar("Model", bound=BaseModel)
MAX_BYTES = 1 << 20
MAX_DEPTH = 50
_OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)


def off(value: Any) -> Any:
    """Return "off" for the false that YAML makes of an unquoted off."""
    return "off" if value is False else value


Off = Annotated[Literal["off"], BeforeValidator(off), WithJsonSchema({"enum": ["off", False]})]
"""The word `off` in a YAML file, quoted or not."""


def load_yaml(path: str) -> tuple[Any, yaml.Node | None]:
    """Read a YAML file into plain values and its node tree; aliases and deep nesting are refused.

    Raises:
        RecipeError: if it is missing, too large, not YAML, uses aliases or is nested too deep.
    """
    try:
        payload = files.read_bytes(path)
    except StorageError as error:
        raise RecipeError(error.message, place=path, hint="check the path") from error
    if len(payload) > MAX_BYTES:
        raise RecipeError(f"larger than {MAX_BYTES} bytes", place=path)
    try:
        text = payload.decode("utf-8")
        _require_plain(text, path)
        return yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # month 13 is a ValueError
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise RecipeError(str(problem), place=f"{path}{line}") from error


def _require_plain(text: str, path: str) -> None:
    """Look through the tokens of YAML, which costs little, before anything is built of them.

    Raises:
        RecipeError: if it uses aliases, of which a short text can make a vast value, or is nested
            deeper than anyone writes, which takes the parser quadratic time.
    """
    depth = 0
    for token in yaml.scan(text):
        if isinstance(token, yaml.AliasToken):
            raise RecipeError("YAML aliases (*name) are not allowed", place=path)
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > MAX_DEPTH:
            line = token.start_mark.line + 1
            raise RecipeError(f"nested deeper than {MAX_DEPTH}", place=f"{path}:{line}")


def load_model(path: str, model: type[Model]) -> Model:
    """Read a YAML file into a pydantic model.

    Raises:
        RecipeError: naming file, line and key of the first fault.
    """
    values, node = load_yaml(path)
    if not isinstance(values, dict):
        raise RecipeError("expected keys and values at the top", place=path)
    return checked(values, model, path, node)


def checked(values: Any, model: type[Model], path: str, node: yaml.Node | None = None) -> Model:
    """Check plain values against a model; `node` gives the line numbers.

    Raises:
        RecipeError: naming file, line and key of the first fault.
    """
    try:
        return model.model_validate(values, context={})
    except ValidationError as error:
        first, loc = _first(error)
        place = f"{path}:{_line(node, loc)}" if node else path
        key = ".".join(str(part) for part in loc)
        if first["type"] == "extra_forbidden":
            name = str(loc[-1])
            known = _fields(model, loc[:-1])
            raise RecipeError(f"unknown key '{key}'{near(name, known)}", place=place) from error
        if first["type"] == "missing":
            raise RecipeError(f"key '{key}' is missing", place=place) from error
        raise RecipeError(f"'{key}': {first['msg']}", place=place) from error


def _first(error: ValidationError) -> tuple[Any, tuple[int | str, ...]]:
    """Return the first fault and where it stands.

    Where a name or keys may stand, pydantic tells the fault of both; keys are what is there, if
    faults stand inside them.
    """
    first, *rest = error.errors()
    place = first["loc"][:-1]
    inside = [e for e in rest if e["loc"][: len(place)] == place and len(e["loc"]) > len(place) + 1]
    if first["type"] == "string_type" and first["loc"][-1:] == ("str",) and inside:
        return inside[0], place + inside[0]["loc"][len(place) + 1 :]
    return first, first["loc"]


def _line(node: yaml.Node | None, loc: tuple[int | str, ...]) -> int:
    line = node.start_mark.line if node else 0
    for part in loc:
        found: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    found, line = value, key.start_mark.line
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            found = node.value[part] if part < len(node.value) else None
            line = found.start_mark.line if found else line
        if found is None:
            break
        node = found
    return line + 1


def _fields(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    current: Any = model
    for part in loc:
        fields = getattr(current, "model_fields", {})
        if part in fields:
            current = _inner(fields[part].annotation)
    return list(getattr(current, "model_fields", {}))


def _inner(annotation: Any) -> Any:
    for argument in getattr(annotation, "__args__", ()):
        found = _inner(argument)
        if hasattr(found, "model_fields"):
            return found
    return annotation


def resolved(path: str, folder: str) -> str:
    """Return a path of a recipe as seen from here."""
    if not files.is_local(path) or Path(path).is_absolute():
        return path
    return files.join(folder, path)
