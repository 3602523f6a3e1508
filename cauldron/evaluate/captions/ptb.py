"""Tokens of captions as the official caption scores see them, without Java.

From: the Penn Treebank's tokenisation as done by Stanford's tokeniser 3.4.1, which coco-caption
and pycocoevalcap call; lower case, some marks left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from cauldron.evaluate.captions.lexer import Action, Lexer, Rule
from cauldron.evaluate.captions.ptb_patterns import PATTERNS, SETS

# Compared after lower-casing, so that brackets stay.
LEFT_OUT = frozenset("'' ' `` ` -LRB- -RRB- -LCB- -RCB- . ? ! , : - -- ... ;".split())

_LINE_END = "\0line\0"
_ONE_LINE = str.maketrans(dict.fromkeys("\n\r\x0b\x0c\u2028\u2029", " "))
_NO_BREAK = str.maketrans(" ", "\u00a0")
_BRACKETS = str.maketrans({"(": "-LRB-", ")": "-RRB-"})
_CURRENCIES = str.maketrans(
    {"\u00a2": "cents", "\u00a3": "#"} | dict.fromkeys("\u0080\u00a4\u20a0\u20ac", "$")
)
_FRACTIONS = str.maketrans(
    {"\u00bc": "1/4", "\u00bd": "1/2", "\u00be": "3/4", "\u2153": "1/3", "\u2154": "2/3"}
)
_CURLY = str.maketrans(
    dict.fromkeys("\u0091\u2018\u201b\u2039", "`")
    | dict.fromkeys("\u0092\u2019\u203a", "'")
    | dict.fromkeys("\u0093\u201c\u00ab", "``")
    | dict.fromkeys("\u0094\u201d\u00bb", "''")
)


def _keep(text: str) -> tuple[str, int]:
    return text, 0


def _skip(text: str) -> tuple[str, int]:
    return "", 0


def _is(token: str) -> Action:
    return lambda text: (token, 0)


def _cut(characters: int) -> Action:
    """Leave the end of a match to the next token: can|not."""
    return lambda text: (text[:-characters], characters)


def _soft(text: str) -> tuple[str, int]:
    """Leave out soft hyphens."""
    return text.replace("\u00ad", "") or "-", 0


def _one_word(text: str) -> tuple[str, int]:
    return text.translate(_NO_BREAK), 0


def _bracketed(text: str) -> tuple[str, int]:
    return text.translate(_BRACKETS), 0


def _phone(text: str) -> tuple[str, int]:
    return text.translate(_NO_BREAK).translate(_BRACKETS), 0


def _currency(text: str) -> tuple[str, int]:
    return text.translate(_CURRENCIES), 0


def _fraction(text: str) -> tuple[str, int]:
    return text.translate(_FRACTIONS), 0


def _ampersand(text: str) -> tuple[str, int]:
    lower = text.lower()
    while (place := lower.find("&amp;")) >= 0:
        text = f"{text[:place]}&{text[place + 5 :]}"
        lower = f"{lower[:place]}\0{lower[place + 5 :]}"
    return text, 0


def _left_quote(text: str) -> tuple[str, int]:
    text = text.replace("&apos;", "`").replace("'", "`")
    return text.replace('"', "``").replace("&quot;", "``").translate(_CURLY), 0


def _right_quote(text: str) -> tuple[str, int]:
    text = text.replace("&apos;", "'").replace('"', "''").replace("&quot;", "''")
    return text.translate(_CURLY), 0


def _ends_sentence(text: str) -> tuple[str, int]:
    """Keep the full stop of an abbreviation and give it again as the sentence's."""
    return text, 1


def _acronym_ends_sentence(text: str) -> tuple[str, int]:
    return (text[:-1], 1) if len(text) == 2 else (text, 1)


def _hyphens(text: str) -> tuple[str, int]:
    return ("--" if len(text) in (3, 4) else text), 0


def _rules() -> list[Rule]:
    """Return the rules, earlier ones first in equal matches."""
    rows: list[tuple[str, str, Action]] = [
        (r"c[+][+]", "", _keep),
        (r"(c|f)#", "", _keep),
        ("cannot", "", _cut(3)),
        ("'twas", "", _cut(3)),
        ("'tis", "", _cut(2)),
        ("gonna|gotta|lemme|gimme|wanna", "", _cut(2)),
        ("<tag>", "", _one_word),
        ("<dash>", "", _is("--")),
        ("&amp;", "", _ampersand),
        ("<mark-entity>", "", _keep),
        ("<word>", "<suffix>", _soft),
        ("<stem-of-not>", "<not>", _soft),
        ("<word>", "", _soft),
        ("<with-apos>", "", _keep),
        ("y(<apos>)", r"[<letter>]", _keep),
        ("<url>", "", _keep),
        ("<likely-url>", "", _keep),
        ("<email>", "", _keep),
        ("<twitter>", "", _keep),
        ("<suffix>", "[^A-Za-z]", _right_quote),
        ("<not>", "[^A-Za-z]", _right_quote),
        ("<date>", "", _keep),
        ("<number>", "", _soft),
        ("<script-number>", "", _keep),
        ("<fraction>", "", _one_word),
        ("[\u00bc\u00bd\u00be\u2153-\u215e]", "", _fraction),
        ("<treebank>", "", _ampersand),
        ("<slashed>", "", _keep),
        ("<currency>", "", _keep),
        ("<other-currency>", "", _currency),
        (r"(<acronym>)\.", "(<spacenl>)+(<starts-sentence>)(<spacenl>)", _acronym_ends_sentence),
        ("<before-number>", r"(<spacenl>)?[<digit>]", _keep),
        (r"(pt[eyEY]|co)\.", "<space>(ltd|lim)", _keep),
        ("<abbreviation>", r"(<spacenl>)(<spacenl>|[<upper>]|<tag>)", _ends_sentence),
        ("<abbreviation>", "[^][^]", _keep),
        ("<abbreviation>", "", _ends_sentence),
        (r"(<before-name>)\.", "", _keep),
        ("<before-name>", "<space>", _keep),
        ("<acronym>", "<spacenl>", _keep),
        ("(<apos>)[0-9][0-9]", "<spacenl>", _keep),
        ("<file-name>", "<spacenl>|[.?!,]", _keep),
        (r"<word>\.", "<in-sentence>", _soft),
        ("<phone>", "", _phone),
        ("<double-quote>", "[A-Za-z0-9$]", _left_quote),
        ("<double-quote>", "", _right_quote),
        ("\x7f", "", _skip),
        (r"\<|&lt;", "", _is("<")),
        (">|&gt;", "", _is(">")),
        ("<smiley>", "[^A-Za-z0-9]", _bracketed),
        ("<asian-smiley>", "", _bracketed),
        (r"\{", "", _is("-LCB-")),
        (r"\}", "", _is("-RCB-")),
        (r"\[", "", _is("-LSB-")),
        (r"\]", "", _is("-RSB-")),
        (r"\(", "", _is("-LRB-")),
        (r"\)", "", _is("-RRB-")),
        ("-+", "", _hyphens),
        ("<dots>", "", _is("...")),
        ("@+|#+|_+", "", _keep),
        (r"\*+|(\\\*){1,3}", "", _keep),
        ("<in-sentence>", "", _keep),
        ("[?!]+", "", _keep),
        ("<stop>", "", _keep),
        ("[=/]", "", _keep),
        (r"<hyphened-acronym>\.", "<in-sentence>", _soft),
        ("<hyphened-acronym>", "", _soft),
        (r"<hyphened>\.", "<in-sentence>", _keep),
        ("<hyphened>", "", _keep),
        (r"<joined>\.", "<in-sentence>", _ampersand),
        ("<joined>", "", _ampersand),
        ("'", "[A-Za-z][^ \\t\\n\\r\u00a0]", _left_quote),
        ("<suffix>", "", _right_quote),
        ("<not>", "", _right_quote),
        ("<quotes>", "", _right_quote),
        (r"\<\<|>>", "", _keep),
        ("<symbol>", "", _keep),
        ("<newline>", "", _is(_LINE_END)),
        ("&nbsp;", "", _skip),
    ]
    return [Rule(pattern, then, action) for pattern, then, action in rows]


@cache
def _lexer() -> Lexer:
    return Lexer(_rules(), PATTERNS, SETS)


def tokenize(caption: str) -> str:
    """Return the tokens of a caption, in lower case, joined by blanks."""
    return tokenize_all([caption])[0]


def tokenize_all(captions: Sequence[str]) -> list[str]:
    """Return the tokens of captions that are read one after the other, as lines of one file."""
    lines: list[list[str]] = [[]]
    for token in _lexer().tokens(_units("\n".join(c.translate(_ONE_LINE) for c in captions))):
        if token == _LINE_END:
            lines.append([])
        elif (lower := _lower(token)) not in LEFT_OUT:
            lines[-1].append(lower)
    return [_text(" ".join(line)) for line in lines]


def _lower(token: str) -> str:
    """Return a token in lower case; a final sigma ends its token's letters, as Java has it."""
    if "\u03a3" not in token:
        return token.lower()
    cased = [n for n, c in enumerate(token) if c.isupper() or c.islower() or c.istitle()]
    return "".join(
        ("\u03c2" if cased[0] < n == cased[-1] else "\u03c3") if c == "\u03a3" else c.lower()
        for n, c in enumerate(token)
    )


def _units(text: str) -> str:
    """Return a text in units of 16 bits, as Java sees it."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    coded = text.encode("utf-16-le", "surrogatepass")
    return "".join(map(chr, memoryview(coded).cast("H")))


def _text(units: str) -> str:
    if not any("\ud800" <= c <= "\udfff" for c in units):
        return units
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
