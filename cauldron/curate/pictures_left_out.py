"""Documents without the pictures that rules left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from cauldron.sample import sample_table


def without_pictures(samples: pa.Table, gone: Sequence[Sequence[int]]) -> pa.Table:
    """Return samples without some of their pictures, and without the parts that stood for them.

    Args:
        gone: numbers of the pictures that leave each sample.
    """
    if not any(gone):
        return samples
    rows = samples.to_pylist()
    return sample_table(
        [_without(row, set(g)) if g else row for row, g in zip(rows, gone, strict=True)]
    )


def _without(sample: dict[str, Any], gone: set[int]) -> dict[str, Any]:
    number = -1
    messages = []
    for message in sample["messages"]:
        content = []
        for part in message["content"]:
            number += part["type"] == "image"
            if part["type"] != "image" or number not in gone:
                content.append(part)
        messages.append({**message, "content": content})
    images = [image for k, image in enumerate(sample["images"]) if k not in gone]
    return {**sample, "messages": messages, "images": images}
