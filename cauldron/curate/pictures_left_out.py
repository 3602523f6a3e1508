"""Documents without the pictures that rules left out."""

from __future__ import annotations

from collections.abc import Set
from typing import Any


def without_pictures(sample: dict[str, Any], gone: Set[int]) -> dict[str, Any]:
    """Return a sample without some of its pictures, and without the parts that stood for them.

    Args:
        gone: numbers of the pictures that leave.
    """
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
