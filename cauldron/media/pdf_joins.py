"""Where two lines of a text meet: a blank, nothing, or a word that was broken."""

from __future__ import annotations

import re
import unicodedata

BROKEN = re.compile(r"([^\W\d_]+(?:-[^\W\d_]+)*)[-\u2010\u00ad]$")
_CONTINUED = re.compile(r"[^\W\d_]+")
_SUSPENDED = frozenset("and or to und oder bis et ou y o e en of".split())
"""Words behind a hyphen that stands for a word to come, as in `pre- and post-war`."""
_COMPOUND = re.compile(r"[^\W_][-\u2010]$")
_DASHED = re.compile(r"\w\u2014$")
_ADDRESS = re.compile(r"(?:https?:/|www)\S*[/.?=&_-]$")
_ADDRESSED = re.compile(r"[\w~%?=&/-]*[\d/.=?&_%~-][\w~%?=&/.-]*")
_ENDS = frozenset(".!?:;…。！？：；")
_CLOSERS = "\"')]}’”»」』）"
_MIN_RUNNING_CHARS = 60
_CJK = re.compile("[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]")


def joined(text: str, following: str, known: set[str]) -> str:
    """Join two lines; a word broken by a hyphen becomes whole unless it is known with it.

    Args:
        known: the words of the whole document, in lower case.
    """
    broken = BROKEN.search(text)
    rest = _CONTINUED.match(following)
    if not broken or not rest or not _is_one_word(broken[1], rest[0]):
        return f"{text}{'' if _adjoin(text, following) else ' '}{following}"
    whole = (broken[1] + rest[0]).lower()
    hyphened = f"{broken[1]}-{rest[0]}".lower()
    soft = text.endswith("\u00ad")
    keeps = not soft and whole not in known and (hyphened in known or "-" in broken[1])
    return (text if keeps else text[:-1]) + following


def _is_one_word(start: str, rest: str) -> bool:
    """Say whether what stands around a hyphen at the end of a line may be one word."""
    if rest in _SUSPENDED:
        return False
    return rest[0].islower() or (len(rest) > 1 and start.isupper() and rest.isupper())


def _adjoin(text: str, following: str) -> bool:
    """Say whether no blank stands between two lines."""
    if _COMPOUND.search(text) and (following[:1].isupper() or following[:1].isdigit()):
        return True
    if _DASHED.search(text) or (following[:1] == "\u2014" and following[1:2].isalnum()):
        return True
    if _CJK.match(text[-1:]) and _CJK.match(following):
        return True
    return bool(_ADDRESS.search(text) and _ADDRESSED.match(following))


def is_open(text: str) -> bool:
    """Say whether a text stops inside a sentence."""
    return text.rstrip().rstrip(_CLOSERS)[-1:] not in _ENDS


def continues(text: str, following: str, *, alike: bool = False) -> bool:
    """Say whether a paragraph runs on: it has not ended, and the next one begins inside a sentence.

    Args:
        alike: whether both are set in the same type and the first stops at the end of a full line:
            then the next one may also begin with a capital or a number.
    """
    if len(text) < _MIN_RUNNING_CHARS or not is_open(text):
        return False
    first = following.lstrip()[:1]
    if first.islower():
        return True
    cased = unicodedata.category(first) != "Lo" if first else True
    return bool(first) and first.isalnum() and (alike or not cased)
