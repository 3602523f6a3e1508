"""Answers of any image-text model of `transformers`: a folder or a name on the hub."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from cauldron.errors import StorageError, UsageError
from cauldron.evaluate.benchmarks.base import Protocol
from cauldron.evaluate.runs.asking import Asked, batches, cut
from cauldron.evaluate.runs.backend import GREY
from cauldron.media.images import ImageError, open_rgb
from cauldron.model.build import quiet
from cauldron.model.folder import ABOUT, load, processor
from cauldron.storage import files


class LocalModel:
    """A model in this process, answering greedily in batches of about one length.

    Args:
        name: as it stands in results.
        split: cut pictures into four and the whole; None: as the processor says.
        batch: questions at once.
    """

    def __init__(
        self, name: str, model: Any, reader: Any, *, batch: int = 8, split: bool | None = None
    ) -> None:
        self.name, self.at_once = name, batch
        self._model, self._reader = model.eval(), reader
        if reader.tokenizer.pad_token_id is None:
            reader.tokenizer.pad_token = reader.tokenizer.eos_token
        shown = reader.image_processor
        if split is not None:
            if not hasattr(shown, "do_image_splitting"):
                raise UsageError(f"{name}: its processor does not split pictures")
            shown.do_image_splitting = split
        self.settings: dict[str, object] = {
            "backend": "transformers",
            "model_type": model.config.model_type,
            "image_splitting": getattr(shown, "do_image_splitting", None),
            "dtype": str(model.dtype).removeprefix("torch."),
        }

    def answers(
        self, asked: Sequence[Asked], protocol: Protocol, *, blind: bool
    ) -> Iterator[list[tuple[Asked, str]]]:
        """Yield a batch of answers at a time."""
        for batch in batches(asked, self.at_once):
            texts = self._generate(batch, protocol.max_new_tokens, blind)
            yield [(a, cut(t, protocol.stops)) for a, t in zip(batch, texts, strict=True)]

    @torch.no_grad()
    def _generate(self, asked: Sequence[Asked], max_new_tokens: int, blind: bool) -> list[str]:
        images = [
            [_shown(picture.read(), one.id, blind) for picture in one.images] for one in asked
        ]
        with quiet():
            inputs = self._reader(
                text=[self._prompt(one) for one in asked],
                images=images if images[0] else None,
                padding=True,
                padding_side="left",
                return_tensors="pt",
            ).to(self._model.device)
            if "pixel_values" in inputs:
                inputs["pixel_values"] = inputs["pixel_values"].to(self._model.dtype)
            found = self._model.generate(
                **inputs, max_new_tokens=max_new_tokens, do_sample=False, num_beams=1
            )
        new = found[:, inputs["input_ids"].shape[1] :]
        texts: list[str] = self._reader.batch_decode(new, skip_special_tokens=True)
        return texts

    def _prompt(self, asked: Asked) -> str:
        mark = getattr(self._reader, "image_token", None) or "<image>"
        messages = [
            {"role": m["role"], "content": [_harmless(part, mark) for part in m["content"]]}
            for m in asked.messages
        ]
        if getattr(self._reader, "chat_template", None):
            rendered: str = self._reader.apply_chat_template(
                messages, add_generation_prompt=True, tokenize=False
            )
            return rendered
        return plain(messages, mark)


def _harmless(part: Mapping[str, Any], mark: str) -> dict[str, Any]:
    """Return a part whose words hold no picture mark: what a data set writes is only text."""
    if part["type"] == "image":
        return dict(part)
    return {**part, "text": part["text"].replace(mark, f"{mark[0]} {mark[1:]}")}


def plain(messages: Sequence[Mapping[str, Any]], image: str) -> str:
    """Return a prompt for a model without a chat template: questions and answers in turn."""
    lines = []
    for message in messages:
        parts = [image if p["type"] == "image" else p["text"] for p in message["content"]]
        lines.append("".join(str(part) for part in parts))
    pairs = zip(lines[::2], lines[1::2], strict=False)
    return "".join(f"{told} {answer}\n\n" for told, answer in pairs) + lines[-1]


def _shown(payload: bytes, name: str, blind: bool) -> Image.Image:
    try:
        image = open_rgb(payload)
    except ImageError as error:
        raise StorageError(f"picture of '{name}' cannot be read: {error.reason}") from error
    return Image.new("RGB", image.size, GREY) if blind else image


def open_model(
    name: str, *, batch: int = 8, split: bool | None = None, device: str = "", dtype: str = ""
) -> LocalModel:
    """Open a checkpoint of ours, or any image-text model by folder or hub name.

    Args:
        device: empty: the accelerator of this process where there is one.
        dtype: as float32 or bfloat16; empty: that of the weights on an accelerator, else float32.

    Raises:
        StorageError: if it cannot be opened.
        UsageError: if there is no such dtype.
    """
    place = device or default_device()
    kind = getattr(torch, dtype, None) if dtype else None
    if dtype and not isinstance(kind, torch.dtype):
        raise UsageError(f"no dtype '{dtype}'", hint="float32, bfloat16 or float16")
    model, reader = _opened(name, kind or (torch.float32 if place == "cpu" else "auto"))
    return LocalModel(name, model.to(place), reader, batch=batch, split=split)


def _opened(name: str, dtype: Any) -> tuple[Any, Any]:
    if files.exists(files.join(name, ABOUT)):
        known = load(name)
        model = known.model if dtype == "auto" else known.model.to(dtype)
        return model, processor(known.tokenizer, known.settings, known.encoder.marks)
    try:
        with quiet():
            model = AutoModelForImageTextToText.from_pretrained(name, dtype=dtype)
            return model, AutoProcessor.from_pretrained(name)
    except Exception as error:  # whatever a damaged or missing folder makes the library raise
        told = str(error).strip().splitlines() or [type(error).__name__]
        raise StorageError(f"cannot open the model: {told[0]}", place=name) from error


def default_device() -> str:
    """Return the accelerator of this process, by LOCAL_RANK, or the processor."""
    if torch.cuda.is_available():
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return "cpu"
