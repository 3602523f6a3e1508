"""Any vision encoder and any language model of `transformers`, joined in one of two ways.

Pictures stand in the sequence as tokens, as in Idefics2, or beside it, read by gated
cross-attention. Parts have the names that they have in Idefics2: `vision_model`, `connector`,
`text_model` and `lm_head`. `transformers` opens a saved model with `trust_remote_code=True`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, GenerationMixin, PreTrainedConfig, PreTrainedModel
from transformers.configuration_utils import SubConfigSpec
from transformers.modeling_outputs import BaseModelOutputWithPooling, CausalLMOutputWithPast
from transformers.models.idefics2.configuration_idefics2 import (
    Idefics2PerceiverConfig,
    Idefics2VisionConfig,
)
from transformers.models.idefics2.modeling_idefics2 import Idefics2VisionTransformer

from .connectors import connector_of
from .cross_attention import add_gated_layers, cross_inputs


class ComposedConfig(PreTrainedConfig):  # type: ignore[misc]
    """A pair of backbones and what joins them.

    Args:
        connector: perceiver, linear, mlp or pixel_shuffle.
        shuffle: side of the square of patches that pixel shuffle joins.
        cross_every: gated cross-attention before every k-th decoder layer; 0 puts pictures into
            the sequence.
    """

    model_type = "cauldron_composed"
    sub_configs_defaults = {
        "vision_config": SubConfigSpec(config_class=AutoConfig, model_type="idefics2_vision"),
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="mistral"),
        "perceiver_config": Idefics2PerceiverConfig,
    }
    image_token_id: int = 32_001
    tie_word_embeddings: bool = False
    use_cache: bool = True
    connector: str = "perceiver"
    shuffle: int = 2
    cross_every: int = 0
    vision_config: Any = None
    text_config: Any = None
    perceiver_config: Any = None


class ComposedPreTrainedModel(PreTrainedModel):  # type: ignore[misc]
    """What `transformers` has to know about the classes below."""

    config_class = ComposedConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True


class ComposedModel(ComposedPreTrainedModel):
    """Vision encoder, connector and the body of a language model."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        if isinstance(config.vision_config, Idefics2VisionConfig):
            self.vision_model = Idefics2VisionTransformer._from_config(config.vision_config)
        else:
            self.vision_model = _without_pooler(AutoModel.from_config(config.vision_config))
        self.connector = connector_of(config)
        self.text_model = AutoModel.from_config(config.text_config)
        if config.cross_every:
            add_gated_layers(self.text_model, config.cross_every)
        self.post_init()

    def get_input_embeddings(self) -> Any:
        """Return the embeddings of tokens."""
        return self.text_model.get_input_embeddings()

    def set_input_embeddings(self, value: Any) -> None:
        """Replace the embeddings of tokens."""
        self.text_model.set_input_embeddings(value)

    def get_image_features(
        self, pixel_values: torch.Tensor, pixel_attention_mask: Any = None, **kwargs: Any
    ) -> Any:
        """Return `pooler_output`: what the decoder reads of each picture, a tensor [n, W] each.

        Args:
            pixel_values: [B, most pictures, 3, H, W]; a picture that is all zeros is padding.
            pixel_attention_mask: [B, most pictures, H, W], where they are real; the whole by
                default.
        """
        values = pixel_values.flatten(0, 1).to(self.dtype)
        real = (values != 0).flatten(1).any(1)
        if pixel_attention_mask is None:
            found = list(self._seen(values[real]))
        else:
            masks = pixel_attention_mask.flatten(0, 1)[real]
            found = [
                self._seen(picture[None, :, : int(mask[:, 0].sum()), : int(mask[0].sum())])[0]
                for picture, mask in zip(values[real], masks, strict=True)
            ]
        return BaseModelOutputWithPooling(pooler_output=found)

    def forward(self, inputs_embeds: torch.Tensor, **kwargs: Any) -> Any:
        """Run the body of the language model."""
        return self.text_model(inputs_embeds=inputs_embeds, **kwargs)

    def _seen(self, values: torch.Tensor) -> torch.Tensor:
        """Return [P, tokens, W] of pictures of one size."""
        patch = self.config.vision_config.patch_size
        grid = values.shape[-2] // patch, values.shape[-1] // patch
        values = values[..., : grid[0] * patch, : grid[1] * patch]
        if isinstance(self.vision_model, Idefics2VisionTransformer):
            features = self.vision_model(pixel_values=values).last_hidden_state
        else:
            features = self.vision_model(
                pixel_values=values, interpolate_pos_encoding=True
            ).last_hidden_state
            features = features[:, features.shape[1] - grid[0] * grid[1] :]
            if self.config.vision_config.model_type == "clip_vision_model":
                features = self.vision_model.post_layernorm(features)
        found: torch.Tensor = self.connector(features, grid)
        return found


class ComposedForConditionalGeneration(ComposedPreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """The model with its output head."""

    _tied_weights_keys = {"lm_head.weight": "model.text_model.embed_tokens.weight"}

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.model = ComposedModel(config)
        text = config.text_config
        self.lm_head = nn.Linear(text.hidden_size, text.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> Any:
        """Return the embeddings of tokens."""
        return self.model.get_input_embeddings()

    def set_input_embeddings(self, value: Any) -> None:
        """Replace the embeddings of tokens."""
        self.model.set_input_embeddings(value)

    def get_output_embeddings(self) -> Any:
        """Return the output head."""
        return self.lm_head

    def set_output_embeddings(self, value: Any) -> None:
        """Replace the output head."""
        self.lm_head = value

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        pixel_attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        cross_states: torch.Tensor | None = None,
        cross_seen: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return logits, and the loss where there are labels; only -100 is left out of it."""
        kwargs |= (
            {"cross_states": cross_states, "cross_seen": cross_seen}
            if cross_states is not None
            else {}
        )
        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
        if pixel_values is not None and input_ids is not None:
            tokens = self.model.get_image_features(pixel_values, pixel_attention_mask).pooler_output
            inputs_embeds, more = self.joined(input_ids, inputs_embeds, tokens)
            kwargs |= more
        outputs = self.model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **kwargs,
        )
        hidden = outputs.last_hidden_state[:, -logits_to_keep:]
        logits = self.lm_head(hidden)
        loss = None
        if labels is not None:
            loss = self.loss_function(logits, labels, vocab_size=logits.shape[-1])
        return CausalLMOutputWithPast(
            loss=loss, logits=logits, past_key_values=outputs.past_key_values
        )

    def joined(
        self,
        ids_BT: torch.Tensor,
        x_BTW: torch.Tensor,
        tokens: list[torch.Tensor],
        sample_BT: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the decoder's input with the pictures in it, and what goes beside it."""
        at = ids_BT == self.config.image_token_id
        if self.config.cross_every:
            samples = torch.zeros_like(ids_BT) if sample_BT is None else sample_BT
            return x_BTW, cross_inputs(at, samples, tokens)
        return x_BTW.masked_scatter(at[..., None], torch.cat(tokens).to(x_BTW.dtype)), {}

    def generate(
        self,
        inputs: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        pixel_attention_mask: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """Generate; pictures are looked at once, before the first token."""
        ids = kwargs.pop("input_ids", inputs)
        if pixel_values is not None:
            with torch.no_grad():
                tokens = self.model.get_image_features(
                    pixel_values, pixel_attention_mask
                ).pooler_output
                x, more = self.joined(ids, self.get_input_embeddings()(ids), tokens)
            kwargs |= {"inputs_embeds": x, **more}
        return super().generate(ids, **kwargs)


def _without_pooler(encoder: Any) -> Any:
    """Drop the head of an encoder that none of its patches passes."""
    for name in ("pooler", "head"):
        if getattr(encoder, name, None) is not None:
            setattr(encoder, name, None)
    return encoder


AutoConfig.register(ComposedConfig.model_type, ComposedConfig, exist_ok=True)
