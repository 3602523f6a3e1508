"""How many tokens texts have: counted by a tokenizer, or estimated without one."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow.compute as pc

from cauldron.errors import UsageError
from cauldron.signals.said import Ints, Said, as_ints

BYTES_PER_TOKEN = 4


def token_signals(said: Said, tokenizer: str = "") -> dict[str, Any]:
    """Count the tokens of all texts and of answers; of a document every text counts as answer.

    Args:
        tokenizer: a `tokenizer.json`; "" estimates tokens by bytes.
    """
    tokens = _counted(said, tokenizer) if tokenizer else _estimated(said)
    whole = np.bincount(said.owner, tokens, said.samples).astype(np.int64)
    owner = said.owner[said.answers]
    told = np.bincount(owner, tokens[said.answers], said.samples).astype(np.int64)
    return {
        "text_tokens": whole,
        "answer_tokens": np.where(np.bincount(owner, minlength=said.samples) > 0, told, whole),
    }


def _estimated(said: Said) -> Ints:
    """Return the UTF-8 bytes of each message over 4, rounded up."""
    return -(-as_ints(pc.binary_length(said.texts)) // BYTES_PER_TOKEN)


def _counted(said: Said, tokenizer: str) -> Ints:
    """Return the tokens of each message, without the special tokens around it."""
    made = load_tokenizer(tokenizer).encode_batch_fast(
        said.texts.to_pylist(), add_special_tokens=False
    )
    return np.array([len(one) for one in made], np.int64)


@cache
def load_tokenizer(path: str) -> Any:
    """Read a `tokenizer.json`.

    Raises:
        UsageError: if `tokenizers` is not installed, or the file is none of its.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise UsageError("tokenizers is not installed", hint="pip install tokenizers") from error
    try:
        loaded = Tokenizer.from_file(path)
    except Exception as error:  # tokenizers raises nothing narrower
        raise UsageError(f"not a tokenizer: {str(error)[:200]}", place=path) from error
    loaded.no_truncation()
    loaded.no_padding()
    return loaded
