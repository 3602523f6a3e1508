"""Rules over signals, as they stand in a YAML file.

A rule names a signal and bounds (bounds included). On signals with one value a picture, `images`
says whether all pictures must pass (`all`, the default), one is enough (`any`), or the pictures
that fail leave their document (`each`). The first rule that a sample fails is its reason.
"""

from __future__ import annotations

from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from cauldron.config import Off, checked, load_yaml, resolved
from cauldron.errors import RecipeError, near
from cauldron.packaged import packaged
from cauldron.signals.measure import SIGNALS_SCHEMA
from cauldron.storage import files
from cauldron.storage.keys import key_of

IMAGES_LEFT = "images_left"
"""A signal made while deciding: pictures that rules with `images: each` leave in a sample."""
_UNFIT = (pa.types.is_binary, pa.types.is_list)


def _judged(kind: pa.DataType) -> bool:
    """Say whether a rule can be about a column: numbers, flags, texts, or lists of them."""
    inner = kind.value_type if pa.types.is_list(kind) else kind
    return not any(unfit(inner) for unfit in _UNFIT)


PER_IMAGE = frozenset(
    field.name
    for field in SIGNALS_SCHEMA
    if field.name.startswith("image_") and _judged(field.type)
)
PER_SAMPLE = frozenset(
    field.name
    for field in SIGNALS_SCHEMA
    if _judged(field.type) and not pa.types.is_list(field.type)
) | {IMAGES_LEFT}


class Bounds(BaseModel):
    """What a value must satisfy to pass."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: float | None = None
    max: float | None = None
    equals: bool | float | str | None = None
    one_of: tuple[str, ...] | None = None
    none_of: tuple[str, ...] | None = None

    def given(self) -> dict[str, Any]:
        """Return the bounds that are set."""
        return self.model_dump(include=set(Bounds.model_fields), exclude_none=True)


class Condition(Bounds):
    """A signal of the sample and its bounds."""

    signal: str

    @field_validator("signal")
    @classmethod
    def _known(cls, signal: str, info: ValidationInfo) -> str:
        known = {*PER_SAMPLE, *PER_IMAGE, *((info.context or {}).get("other_signals") or ())}
        if signal not in known:
            raise ValueError(f"unknown signal '{signal}'{near(signal, known)}")
        return signal

    @model_validator(mode="after")
    def _bounded(self) -> Condition:
        if not self.given():
            raise ValueError("a rule needs min, max, equals, one_of or none_of")
        return self


class Rule(Condition):
    """One rule.

    Args:
        name: the drop reason.
        images: for a signal with one value a picture: which pictures must pass. With `each` those
            that fail leave a document, which is dropped only when none is left; in a chat all must
            pass.
        roles: chats or documents only.
        when: the rule holds for samples only that satisfy this.
        only: sources that the rule is for; empty: all.
        about: what the rule is for, and where its bounds come from.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    images: Literal["all", "any", "each"] = "all"
    roles: Literal["chat", "document"] | None = None
    when: Condition | None = None
    only: tuple[str, ...] = ()
    about: str = ""

    @model_validator(mode="after")
    def _when_of_sample(self) -> Rule:
        if self.when and self.when.signal in PER_IMAGE:
            raise ValueError(f"when: '{self.when.signal}' has a value for each picture")
        return self

    @property
    def columns(self) -> list[str]:
        """The signals that the rule reads."""
        own = [self.signal, *([self.when.signal] if self.when else [])]
        return [name for name in own if name != IMAGES_LEFT]


class Rules(BaseModel):
    """A list of rules, and what differs for single sources (`off` or other bounds).

    Args:
        about: what the rules are, and whose.
        other_signals: names of signals that plug-ins and models measure.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str = ""
    other_signals: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    sources: dict[str, dict[str, Off | Bounds]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _tell_others(cls, values: Any, info: ValidationInfo) -> Any:
        if isinstance(values, dict) and isinstance(info.context, dict):
            info.context["other_signals"] = tuple(values.get("other_signals") or ())
        return values

    @model_validator(mode="after")
    def _overrides_known(self) -> Rules:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("two rules have the same name")
        for source, overrides in self.sources.items():
            for name in overrides:
                if name not in names:
                    raise ValueError(f"source '{source}': no rule '{name}'{near(name, names)}")
        return self

    @property
    def key(self) -> str:
        """The hash of all that the rules decide by."""
        return key_of(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, without what is there to be read only."""
        plain = self.model_dump(mode="json", exclude_none=True, exclude={"about"})
        for rule in plain["rules"]:
            del rule["about"]
        return plain

    def of(self, source: str) -> list[Rule]:
        """Return the rules as they hold for one source."""
        own = self.sources.get(source, {})
        out = []
        for rule in self.rules:
            if rule.only and source not in rule.only:
                continue
            override = own.get(rule.name)
            if isinstance(override, Bounds):
                out.append(rule.model_copy(update=override.given()))
            elif override != "off":
                out.append(rule)
        return out


def load_rules(path: str) -> Rules:
    """Read a rules file.

    Raises:
        RecipeError: naming file, line and key.
    """
    values, node = load_yaml(path)
    if not isinstance(values, dict):
        raise RecipeError("expected `rules:` at the top", place=path)
    return checked(values, Rules, path, node)


def find_rules(name: str, folder: str = ".") -> Rules:
    """Read rules by the name of a shipped file or by path.

    Raises:
        RecipeError: if there is neither.
    """
    shipped = packaged("recipes") / "rules" / f"{name}.yaml"
    if "/" not in name and shipped.is_file():
        return load_rules(str(shipped))
    own = resolved(name, folder)
    if files.exists(own):
        return load_rules(own)
    known = sorted(p.stem for p in (packaged("recipes") / "rules").glob("*.yaml"))
    raise RecipeError(f"no rules '{name}'", hint=f"a path, or one of: {', '.join(known)}")
