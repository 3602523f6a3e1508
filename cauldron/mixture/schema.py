"""The manifest as a schema: what training teams can rely on, published as manifest.schema.json."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cauldron.errors import StorageError
from cauldron.mixture.settings import Unit
from cauldron.storage import files

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1 + 1e-9)]
Amount = Annotated[float, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Sizes(_Part):
    """Counts of samples and what they hold."""

    samples: Count
    turns: Count
    images: Count
    chars: Count
    answer_tokens: Count
    """Tokens of what the assistant says, or of all text in documents."""
    text_tokens: Count
    """Tokens of all text, pictures not counted."""


class Shard(_Part):
    """A file of training samples, or of the rows of the work folder that are used."""

    url: str
    """Relative to the manifest, or a whole URL."""
    rows: Count
    size_bytes: Count
    sha256: Sha256
    name: str = ""


class Edits(Shard):
    """A file of what was changed in samples, in positions and ids without words."""

    of: str
    """The shard, or the part of the work folder's samples, whose rows are meant."""


class Source(Sizes):
    """One source of the mixture; counts are those of its training samples."""

    name: str
    license: str
    """As in its card: an SPDX id where there is one."""
    card: str
    weight: Share
    """Share of all draws over all stages."""
    share_asked: Share
    """Share asked for in the first stage, in the unit of the mixture."""
    share: Share
    """Share that comes out in the first stage."""
    epochs: Amount
    """Times the source is seen over all stages."""
    never_seen: Share
    """Share of its samples that no stage reaches."""
    tokens_drawn: Count
    """Tokens drawn over all stages, those of pictures included."""
    limited_by: str
    """What lowered its share: max_epochs, max_share or nothing."""
    shards: list[Shard]
    validation: Sizes
    """Held out of every stage."""
    validation_shards: list[Shard]
    edits: list[Edits] = []
    """What was changed in its samples: pictures and paragraphs left out, samples merged in."""
    merged_from: list[str] = []
    """Other sources whose turns were merged into its samples."""
    ids: list[Shard] = []
    """Of a source that is published without bytes: ids and hashes, one file for each shard."""


class StageSource(_Part):
    """What one stage draws of one source."""

    name: str
    asked: Share
    share: Share
    draw_share: Share
    samples: Amount
    tokens: Amount
    epochs: Amount
    limited_by: str


class Stage(_Part):
    """One stage of the plan."""

    name: str
    samples: Count | None
    """Draws of the stage; null for the last one, which has no end."""
    sources: list[StageSource]


class OrderStage(_Part):
    """Shares of draws from one position to another."""

    samples: Count | None
    shares: list[Share]


class Order(_Part):
    """The rule by which a position gives a sample: with the seed it is all that a worker needs."""

    algorithm: str
    names: list[str]
    sizes: list[Annotated[int, Field(ge=1)]]
    stages: list[OrderStage]


class Published(_Part):
    """How a published mixture was read and written."""

    form: str
    """Columns of its shards: samples, hub or trl."""
    left_out: dict[str, dict[str, Count]] = {}
    """Samples of each source that the form cannot hold, by reason."""


class Manifest(_Part):
    """What is trained on, and in which order."""

    schema_version: Annotated[int, Field(ge=1)]
    sample_schema_version: Annotated[int, Field(ge=1)]
    cauldron_version: str
    name: str
    seed: int
    unit: Unit
    """The unit that shares are of."""
    tokenizer: str
    """What tokens are counted by."""
    image_tokens: Annotated[int, Field(ge=1)]
    """Tokens that a picture counts as."""
    recipe: Any
    """The recipe that made the mixture, whole."""
    recipe_sha256: str
    materialized: bool
    """Whether shards hold samples, or name rows of the work folder."""
    ingest: list[dict[str, Any]] = []
    """Source, split and settings of each ingest: with the same raw data they give the samples."""
    sources: list[Source]
    stages: list[Stage]
    totals: Sizes
    order: Order
    published: Published | None = None
    """Where the mixture was published, its shards are the files of the repository."""


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest."""
    schema = Manifest.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def checked(manifest: Any, url: str) -> dict[str, Any]:
    """Return a manifest that fits the schema.

    Raises:
        StorageError: naming the first field that does not.
    """
    try:
        Manifest.model_validate(manifest)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise StorageError(
            f"not a whole manifest: {field}: {first['msg'].lower()}", place=files.redacted(url)
        ) from None
    found: dict[str, Any] = manifest
    return found
