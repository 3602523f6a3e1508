"""The loader of megatron-energon for the benchmark; its classes must stand in a module."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from megatron.energon import (
    Cooker,
    DefaultTaskEncoder,
    Sample,
    WorkerConfig,
    basic_sample_keys,
    get_savable_loader,
    get_train_dataset,
    stateless,
)

_record: Callable[[dict[str, Any], bytes], Any]


@dataclass
class Row(Sample):
    """A record as the other loaders give it."""

    row: tuple[Any, ...]


@stateless
def cook(sample: dict[str, Any]) -> Row:
    told = sample["json"] if isinstance(sample["json"], dict) else json.loads(sample["json"])
    return Row(**basic_sample_keys(sample), row=_record(told, sample["jpg"]))


class Encoder(DefaultTaskEncoder):
    """Leaves samples as they are."""

    cookers = [Cooker(cook)]
    decoder = None

    @stateless
    def encode_sample(self, sample: Row) -> Row:
        return sample

    def batch(self, samples: list[Row]) -> Any:
        return [sample.row for sample in samples]

    def encode_batch(self, batch: Any) -> Any:
        return batch


def loader(
    folder: Path,
    weights: dict[str, float],
    workers: int,
    batch: int,
    seed: int,
    record: Callable[[dict[str, Any], bytes], Any],
) -> Any:
    """Return a blend of the sources with a shuffle buffer of 1,000."""
    global _record
    _record = record
    lines = [f"      - {{weight: {weight}, path: ./{name}}}" for name, weight in weights.items()]
    head = ["__module__: megatron.energon", "__class__: MetadatasetV2", "splits:", "  train:"]
    mixed = folder / "mixture.yaml"
    mixed.write_text("\n".join([*head, "    blend:", *lines, ""]))
    config = WorkerConfig(rank=0, world_size=1, num_workers=workers, seed_offset=seed)
    data = get_train_dataset(
        str(mixed),
        worker_config=config,
        batch_size=batch,
        shuffle_buffer_size=1000,
        max_samples_per_sequence=100,
        task_encoder=Encoder(),
    )
    return get_savable_loader(data)
