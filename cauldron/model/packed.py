"""Attention within pieces that lie end to end: samples of a row, pictures of a batch.

No mask is made, so nothing grows with the square of what is packed. `transformers` calls it like
any other of its attention functions: `model.set_attn_implementation(PACKED)`.

Shapes: B rows, H heads, T tokens, D width of a head, N all tokens of all rows.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, cast

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

PACKED = "packed"
_MOST_WIDTH = 256
"""Widest head of the flash kernels."""


class Segments:
    """Where pieces lie in packed queries and keys.

    Args:
        lengths: of the queries of each piece, in their order.
        key_lengths: of their keys; those of the queries when left out.
        key_order: [N] place of each key among the keys as they come, where that is another.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        device: Any,
        key_lengths: Sequence[int] | None = None,
        key_order: torch.Tensor | None = None,
    ) -> None:
        keys = lengths if key_lengths is None else key_lengths
        self.sizes = list(zip(lengths, keys, strict=True))
        self.longest, self.longest_key = _rounded(max(lengths)), _rounded(max(keys))
        self.starts = _starts(lengths).to(device, non_blocking=True)
        self.key_starts = (
            self.starts if key_lengths is None else _starts(keys).to(device, non_blocking=True)
        )
        self.key_order = key_order
        self.mask = torch.empty(1, 1, 1, 0, device=device)
        """Stands in for a mask, so that `transformers` makes none."""

    @functools.cached_property
    def groups(self) -> tuple[list[tuple[int, int, int]], Any, Any, Any]:
        """Pieces of equal size together: (queries, keys, number) of each, and the orders.

        The orders are of queries, of keys and of the results; None where it is theirs already.
        """
        order = sorted(range(len(self.sizes)), key=lambda n: self.sizes[n])
        found: list[tuple[int, int, int]] = []
        for n in order:
            size = self.sizes[n]
            if found and found[-1][:2] == size:
                found[-1] = (*size, found[-1][2] + 1)
            else:
                found.append((*size, 1))
        if order == list(range(len(order))):
            return found, None, None, None
        queries, keys = (_moved([size[n] for size in self.sizes], order) for n in (0, 1))
        device = self.starts.device
        back = queries.argsort().to(device, non_blocking=True)
        return found, queries.to(device), keys.to(device), back


def _rounded(length: int) -> int:
    """Return a length that few batches differ in, for kernels that are made for each."""
    return -(-length // 256) * 256


def _starts(lengths: Sequence[int]) -> torch.Tensor:
    return torch.tensor([0, *accumulate(lengths)], dtype=torch.int32)


def _moved(lengths: Sequence[int], order: Sequence[int]) -> torch.Tensor:
    places = torch.arange(sum(lengths)).split(list(lengths))
    return torch.cat([places[n] for n in order])


def segments_of(positions_BT: torch.Tensor, device: Any) -> Segments:
    """Return the samples of packed rows; positions, best on the processor, begin again at 0."""
    begins = positions_BT == 0
    begins[:, 0] = True
    places = begins.flatten().nonzero()[:, 0].tolist()
    ends = [*places[1:], positions_BT.numel()]
    return Segments([end - start for start, end in zip(places, ends, strict=True)], device)


def packed_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any,
    scaling: float | None = None,
    dropout: float = 0.0,
    is_causal: bool | None = None,
    segments: Segments | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within each piece: [B, H, T, D] to [B, T, H, D].

    Args:
        attention_mask: a mask as for `sdpa`, or the `Segments` themselves.
        segments: else the mask counts, as for `sdpa`.
    """
    if isinstance(attention_mask, Segments):
        segments = attention_mask
    if segments is None:
        found, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal, **kwargs
        )
        return found, None
    if kwargs.get("softcap") is not None or kwargs.get("s_aux") is not None:
        raise ValueError("packed attention knows no soft cap and no sinks; use attention: eager")
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    window = kwargs.get("sliding_window")
    window = window if causal and window and window < segments.longest else None
    q, k, v = (x.transpose(1, 2).flatten(0, 1) for x in (query, key, value))
    if segments.key_order is not None:
        k, v = (x.index_select(0, segments.key_order) for x in (k, v))
    if k.shape[1] != q.shape[1]:
        k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], 1) for x in (k, v))
    half = q.dtype in (torch.bfloat16, torch.float16)
    if q.is_cuda and half and not dropout and q.shape[-1] <= _MOST_WIDTH and has_varlen():
        out = _varlen(q, k, v, segments, scaling, causal, window)
    else:
        out = _by_size(q, k, v, segments, scaling, causal, window, dropout)
    return out.unflatten(0, (query.shape[0], -1)), None


def _varlen(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    segments: Segments,
    scaling: float | None,
    causal: bool,
    window: int | None,
) -> torch.Tensor:
    from torch.nn.attention.varlen import varlen_attn

    seen = (window - 1 if window else -1, 0) if causal else (-1, -1)
    found: Any = varlen_attn(
        q, k, v, segments.starts, segments.key_starts, segments.longest, segments.longest_key,
        scale=scaling, window_size=seen,
    )  # fmt: skip
    return cast(torch.Tensor, found)


def _by_size(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    segments: Segments,
    scaling: float | None,
    causal: bool,
    window: int | None,
    dropout: float,
) -> torch.Tensor:
    groups, queries, keys, back = segments.groups
    if back is not None:
        q, k, v = (x.index_select(0, n) for x, n in ((q, queries), (k, keys), (v, keys)))
    of_queries = [length * number for length, _, number in groups]
    of_keys = [length * number for _, length, number in groups]
    found = []
    for (length, key_length, number), *qkv in zip(
        groups, q.split(of_queries), k.split(of_keys), v.split(of_keys), strict=True
    ):
        shapes = ((number, length), (number, key_length), (number, key_length))
        mask = _band(length, window, q.device) if window and window < length else None
        shaped = zip(qkv, shapes, strict=True)
        q_n, k_n, v_n = (x.unflatten(0, shape).transpose(1, 2) for x, shape in shaped)
        out = scaled_dot_product_attention(
            q_n, k_n, v_n, attn_mask=mask, dropout_p=dropout, scale=scaling,
            is_causal=causal and mask is None,
        )  # fmt: skip
        found.append(out.transpose(1, 2).flatten(0, 1))
    whole = found[0] if len(found) == 1 else torch.cat(found)
    return whole if back is None else whole.index_select(0, back)


def _band(length: int, window: int, device: Any) -> torch.Tensor:
    seen = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    return seen.triu(1 - window)


AttentionInterface.register(PACKED, packed_attention)
AttentionMaskInterface.register(PACKED, sdpa_mask)


@functools.cache
def has_varlen() -> bool:
    """Say whether torch has the attention for pieces of any length (2.11 and later)."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return False
    return "scale" in inspect.signature(varlen_attn).parameters
