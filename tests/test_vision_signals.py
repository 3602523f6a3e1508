"""Signals of a vision model folder: a tiny CLIP and a tiny ViT, made here with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cauldron.errors import UsageError
from cauldron.measuring import MeasureSettings
from cauldron.signals.groups import Spec
from tests.signals.test_measure import measured, sample
from tests.trees import noise

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")
SIDE, WIDTH = 16, 8


def image_processor(folder: Path) -> None:
    size = {"height": SIDE, "width": SIDE}
    made = transformers.models.vit.ViTImageProcessor(size=size, do_resize=True)
    made.save_pretrained(folder)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    tower = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    vision = {**tower, "image_size": SIDE, "patch_size": 8}
    text = {**tower, "vocab_size": 8, "max_position_embeddings": 8, "eos_token_id": 2}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=WIDTH)
    transformers.CLIPModel(config).save_pretrained(folder)
    image_processor(folder)
    words = {"<pad>": 0, "<unk>": 1, "</s>": 2, "cat": 3, "dog": 4}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 2)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", unk_token="<unk>", eos_token="</s>"
    ).save_pretrained(folder)
    return folder


def spec(folder: Path) -> Spec:
    return MeasureSettings(signals=("text",), models={"clip": str(folder)}).specs()[-1]


def test_clip_embeds_pictures_and_compares_them_with_the_text(tmp_path: Path, clip: Path) -> None:
    other = sample("dog", "cat", n=1)
    other["images"] = [{"bytes": data, "path": ""} for data in (noise(1), b"broken")]
    rows = measured(tmp_path, sample("cat", "cat"), other, specs=[spec(clip)])
    first, (second, broken) = rows[0]["clip_embedding"][0], rows[1]["clip_embedding"]
    assert len(first) == WIDTH and np.linalg.norm(first) == pytest.approx(1, abs=0.01)
    assert first != second and broken is None
    assert -1 <= rows[0]["clip_similarity"][0] <= 1
    assert rows[1]["clip_similarity"][1] is None


def test_an_embedding_does_not_depend_on_the_pictures_beside_it(tmp_path: Path, clip: Path) -> None:
    many = [sample("cat", "dog", n=n) for n in range(4)]
    rows = measured(tmp_path, *many, specs=[spec(clip)])
    alone = measured(tmp_path, many[0], specs=[spec(clip)])
    assert rows[0]["clip_embedding"] == alone[0]["clip_embedding"]


def test_a_model_of_pictures_alone_gives_no_similarity(tmp_path: Path) -> None:
    config = transformers.ViTConfig(
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        image_size=SIDE,
        patch_size=8,
    )
    transformers.ViTModel(config, add_pooling_layer=False).save_pretrained(tmp_path / "vit")
    image_processor(tmp_path / "vit")
    row = measured(tmp_path, sample("q", "a"), specs=[spec(tmp_path / "vit")])[0]
    assert len(row["clip_embedding"][0]) == WIDTH and "clip_similarity" not in row


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a model folder"):
        MeasureSettings(models={"clip": str(tmp_path)}).specs()
