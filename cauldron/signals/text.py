"""Text signals, after the definitions of the OBELICS filters.

From: huggingface/OBELICS, web document filtering; thresholds belong to the rules, not here.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache

import numpy as np
import xxhash

CHARACTER_N = 10
WORD_N = 5
BYTES_PER_TOKEN = 4
_TOKEN = re.compile(r"[\w']+|[,;:?!.]")
_LONG = 100_000  # characters looked at for repetition; a longer text is judged by its beginning

STOP_WORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before
    being below between both but by can could did do does doing down during each few for from
    further had has have having he her here hers herself him himself his how i if in into is it its
    itself just many may me might more most much must my myself no nor not now of off on once only
    or other our ours ourselves out over own same she should so some such than that the their theirs
    them themselves then there these they this those through to too under until up us very was we
    were what when where which while who whom whose why will with within without would you your
    yours yourself yourselves""".split()
)

REFUSALS = ("language model", "sorry", "openai")
"""What answers say that speak of the model or refuse; from: huggingface/smollm, build_ds_sft.py."""
SPECIAL_TOKENS = (
    "<unk>",
    "<s>",
    "</s>",
    "<fake_token_around_image>",
    "<image>",
    "<end_of_utterance>",
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
)
"""Special tokens of Idefics2 and its successors; in a text they would steer the model."""


def refusal(answers: Iterable[str]) -> str:
    """Return the first of `REFUSALS` that an answer holds in any case, "" for none."""
    lowered = [answer.lower() for answer in answers]
    return next((said for said in REFUSALS if any(said in answer for answer in lowered)), "")


def special_token(text: str) -> str:
    """Return the first of `SPECIAL_TOKENS` that a text holds, "" for none."""
    if "<" not in text:
        return ""
    return next((token for token in SPECIAL_TOKENS if token in text), "")


def normalised(text: str) -> str:
    """Return text for comparison: NFKC, lower case, white space as single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def words_of(text: str) -> list[str]:
    """Return lower-case words without special characters at their ends; empty ones left out."""
    stripped = (word.lower().strip(_edges()) for word in text.split())
    return [word for word in stripped if word]


@cache
def _edges() -> str:
    symbols = "’“−™‘•…”–—´§£€«»°¿¡"
    return "".join(chr(c) for c in range(33, 127) if not chr(c).isalpha()) + symbols


def special_ratio(text: str) -> float:
    """Return the share of characters that are neither letters nor marks (blanks and digits are)."""
    if not text:
        return 0.0
    return sum(not unicodedata.category(c).startswith(("L", "M")) for c in text) / len(text)


def digit_ratio(text: str) -> float:
    """Return the share of digits."""
    return sum(c.isdigit() for c in text) / len(text) if text else 0.0


def character_repetition(text: str, n: int = CHARACTER_N) -> float:
    """Return the share that the most frequent repeated character n-grams have of all n-grams.

    With N distinct n-grams, r of them repeated, the min(floor(sqrt(N)), r) largest counts are
    summed. `ok_ok_good_ok` with n = 3 gives 4/11.
    """
    text = text[:_LONG]
    if len(text) < n:
        return 0.0
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    mixed = np.zeros(len(codes) - n + 1, dtype=np.uint64)
    for offset in range(n):
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + codes[offset : offset + len(mixed)]
    counts = np.unique(mixed, return_counts=True)[1]
    repeated = int((counts > 1).sum())
    top = min(math.isqrt(len(counts)), repeated)
    return float(np.sort(counts)[::-1][:top].sum() / counts.sum()) if top else 0.0


def word_repetition(words: list[str], n: int = WORD_N) -> float:
    """Return the share of word n-grams that occur more than once."""
    if len(words) < n:
        return 0.0
    counts = Counter(tuple(words[k : k + n]) for k in range(len(words) - n + 1))
    return sum(c for c in counts.values() if c > 1) / sum(counts.values())


def stopword_ratio(words: list[str]) -> float:
    """Return the share of English stop words; 0 without words."""
    return sum(word in STOP_WORDS for word in words) / len(words) if words else 0.0


def punctuation_ratio(text: str) -> float:
    """Return the share of marks among words and marks; 0 without any."""
    tokens = _TOKEN.findall(text)
    return sum(token in ",;:?!." for token in tokens) / len(tokens) if tokens else 0.0


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text has: its UTF-8 bytes over 4, rounded up."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def text_hash(text: str) -> str:
    """Return a 128-bit hash of the normalised text as hex."""
    return xxhash.xxh3_128_hexdigest(normalised(text).encode("utf-8", "surrogatepass"))
