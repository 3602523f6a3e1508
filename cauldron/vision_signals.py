"""Signals of a vision model: an embedding of each picture, and how well it fits its text.

Any folder of `transformers` with weights and an image processor works; a model of pictures and
texts (CLIP, SigLIP) also gives the cosine of each picture and the sample's text. Everything is read
from the folder, nothing is downloaded, and torch is imported only when something is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from cauldron.errors import UsageError
from cauldron.media.images import ImageError, open_rgb
from cauldron.signals.groups import Batch, Group

_AT_ONCE = 32  # pictures of one forward pass
F32 = npt.NDArray[np.float32]


def vision_group(name: str, folder: str, sha256: str) -> Group:
    """Return the signals of a model folder: `<name>_embedding`, and `<name>_similarity` of CLIP.

    Args:
        sha256: of the folder; other weights are other signals.
    """
    fields: tuple[tuple[str, pa.DataType], ...] = ((f"{name}_embedding", pa.list_(pa.float16())),)
    if _reads_text(folder):
        fields += ((f"{name}_similarity", pa.float32()),)
    return Group(
        name=name,
        version=1,
        picture_fields=fields,
        measure=lambda batch: _measured(batch, name, folder),
        reads="both",
        settings=sha256,
    )


def _reads_text(folder: str) -> bool:
    return "text_config" in orjson.loads(Path(folder, "config.json").read_bytes())


def _measured(batch: Batch, name: str, folder: str) -> Mapping[str, Any]:
    model = _loaded(folder)
    owner = np.repeat(np.arange(len(batch.n_images)), batch.n_images)
    pictures = [_opened(data) for data in batch.pictures]
    sound = np.array([picture is not None for picture in pictures], bool)
    made = model.of_pictures([picture for picture in pictures if picture is not None])
    rows = iter(made.astype(np.float16))
    out: dict[str, Any] = {f"{name}_embedding": [next(rows) if fit else None for fit in sound]}
    if model.reads_text:
        texts = model.of_texts(batch.said.joined.to_pylist())
        fits: npt.NDArray[np.float64] = np.full(len(pictures), np.nan)
        fits[sound] = (made * texts[owner[sound]]).sum(axis=1)
        out[f"{name}_similarity"] = pa.array(fits, from_pandas=True)
    return out


def _opened(data: bytes) -> Any:
    try:
        return open_rgb(data)
    except ImageError:
        return None


class _Model:
    """A model in memory; embeddings have length 1."""

    def __init__(self, folder: str) -> None:
        import torch
        import transformers

        local = {"local_files_only": True}
        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self.reads_text = _reads_text(folder)
        self._images = transformers.AutoImageProcessor.from_pretrained(folder, **local)
        self._texts: Any = (
            transformers.AutoTokenizer.from_pretrained(folder, **local) if self.reads_text else None
        )
        model = transformers.AutoModel.from_pretrained(folder, **local)
        self._model = model.to(self._device).eval()

    def of_pictures(self, pictures: Sequence[Any]) -> F32:
        """Return embeddings, [n, width]."""

        def embedded(some: Sequence[Any]) -> Any:
            inputs = self._images(images=list(some), return_tensors="pt").to(self._device)
            if self.reads_text:
                return self._model.get_image_features(**inputs)
            return self._model(**inputs)

        return self._all(embedded, pictures)

    def of_texts(self, texts: Sequence[str]) -> F32:
        """Return embeddings, [n, width]; a long text by its beginning."""

        def embedded(some: Sequence[str]) -> Any:
            inputs = self._texts(
                list(some),
                padding="max_length",
                truncation=True,
                max_length=self._model.config.text_config.max_position_embeddings,
                return_tensors="pt",
            ).to(self._device)
            return self._model.get_text_features(**inputs)

        return self._all(embedded, texts)

    def _all(self, embedded: Any, items: Sequence[Any]) -> F32:
        made = []
        with self._torch.inference_mode():
            for start in range(0, len(items), _AT_ONCE):
                found = _pooled(embedded(items[start : start + _AT_ONCE])).float()
                made.append(self._torch.nn.functional.normalize(found, dim=-1).cpu().numpy())
        return np.concatenate(made) if made else np.zeros((0, 1), np.float32)


def _pooled(found: Any) -> Any:
    """Return one vector a row: what the model pools itself, else the mean of its patches."""
    pooled = getattr(found, "pooler_output", None)
    if pooled is not None:
        return pooled.flatten(1)
    states = getattr(found, "last_hidden_state", None)
    return found if states is None else states.mean(dim=1)


@cache
def _loaded(folder: str) -> _Model:
    try:
        return _Model(folder)
    except ImportError as error:
        raise UsageError(f"a vision model needs {error.name}", hint="cauldron[train]") from error
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"cannot load the model: {str(error)[:200]}", place=folder) from error
