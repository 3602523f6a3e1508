"""What English tokens look like to the tokeniser of the Penn Treebank, as named patterns.

The words, ranges and oddities are those that the program of the official caption scores knows
(Stanford's tokeniser of 2014, version 3.4.1); `captions.lexer` says how patterns are written.
"""

from __future__ import annotations

import unicodedata

SPACES = " \\t\u00a0\u2000-\u200a\u3000"
NEWLINES = "\u2028\u2029\u000b\u000c\u0085"

_URL_STOP = ' \\t\\n\\f\\r"\\<>|(){}'
_HOST_STOP = " \\t\\n\\f\\r\"`'\\<>|.!?(){},-_$"  # holds the range from the comma to the underscore
_MAIL_STOP = ' \\t\\n\\f\\r"\\<>|(){}.\u00a0'
_DUCK = "\\^x=~\\<>"

# Letters beyond the Unicode category, most of them marks.
_MORE_LETTERS = (
    "\u00ad\u0237-\u024f\u02c2-\u02c5\u02d2-\u02df\u02e5-\u02ff\u0300-\u036f\u0370-\u037d\u0384"
    "\u0385\u03cf\u03f6\u03fc-\u03ff\u0483-\u0487\u04cf\u04f6-\u04ff\u0510-\u0525\u055a-\u055f"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0615-\u061a\u063b-\u063f\u064b-\u065e"
    "\u0670\u06d6-\u06ef\u06fa-\u06ff\u070f\u0711\u0730-\u074f\u0750-\u077f\u07a6-\u07b1"
    "\u07ca-\u07f5\u07fa\u0900-\u0903\u093c\u093e-\u094e\u0951-\u0955\u0962-\u0963\u0981-\u0983"
    "\u09bc-\u09c4\u09c7\u09c8\u09cb-\u09cd\u09d7\u09e2\u09e3\u0a01-\u0a03\u0a3c\u0a3e-\u0a4f"
    "\u0a81-\u0a83\u0abc-\u0acf\u0b82\u0bbe-\u0bc2\u0bc6-\u0bc8\u0bca-\u0bcd\u0c01-\u0c03"
    "\u0c3e-\u0c56\u0d3e-\u0d44\u0d46-\u0d48\u0e30-\u0e3a\u0e47-\u0e4e\u0eb1-\u0ebc\u0ec8-\u0ecd"
)

PATTERNS = {
    "space": f"[{SPACES}]",
    "newline": f"\\r|\\r?\\n|[{NEWLINES}]",
    "spacenl": "<space>|<newline>",
    # digits, numbers, dates
    "num-digit": "[<digit>\u07c0-\u07c9]",
    "date": "<num-digit>{1,2}[-/]<num-digit>{1,2}[-/]<num-digit>{2,4}",
    "number": "[-+]?(<num-digit>+|<num-digit>*([.:,\u00ad\u066b\u066c]<num-digit>+)+)",
    "script-number": (
        "[\u207a\u207b\u208a\u208b]?([\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+|[\u2080-\u2089]+)"
    ),
    "fraction": ("(<num-digit>{1,4}[- \u00a0])?<num-digit>{1,4}(\\\\?/|\u2044)<num-digit>{1,4}"),
    "phone": (
        "(\\([0-9]{2,3}\\)[ \u00a0]?|(\\+\\+?)?([0-9]{2,4}[- \u00a0])?[0-9]{2,4}[- \u00a0])"
        "[0-9]{3,4}[- \u00a0]?[0-9]{3,5}"
        "|((\\+\\+?)?[0-9]{2,4}\\.)?[0-9]{2,4}\\.[0-9]{3,4}\\.[0-9]{3,5}"
    ),
    "currency": "[A-Z]*$|#",
    "other-currency": (
        "[\u00a2\u00a3\u00a4\u00a5\u0080\u20a0\u20ac\u060b\u0e3f\u20a4\uffe0\uffe1\uffe5\uffe6]"
    ),
    # letters and words
    "entity-letter": "&[aeiouAEIOU](acute|grave|uml);",
    "letter-or-mark": f"[<letter>{_MORE_LETTERS}]|<entity-letter>",
    "word": (
        "<letter-or-mark>(<letter-or-mark>|<num-digit>)*"
        "([.!?]<letter-or-mark>(<letter-or-mark>|<num-digit>)*)*"
    ),
    "alnum": "[<letter><digit>]",
    "hyphen": "[-_\u058a\u2010\u2011]",
    "apos": "['\u0092\u2019]|&apos;",
    "any-apos": "<apos>|[`\u0091\u2018\u201b]",
    "elided": "([dDoOlL](<any-apos>)<alnum>)?<alnum>+",
    "hyphened": "<elided>(<hyphen><elided>)*",
    "joined": "[A-Z]+(([+&]|&amp;)[A-Z]+)+",
    "slashed": "[A-Za-z0-9]+(-[A-Za-z]+){0,2}(\\\\?/[A-Za-z0-9]+(-[A-Za-z]+){0,2}){1,2}",
    "hyphened-acronym": (
        "[A-Za-z0-9][A-Za-z0-9.,\u00ad]*(-([A-Za-z0-9\u00ad]+|(<long-acronym>)\\.))+"
    ),
    # contractions
    "suffix": "(<apos>)([msdMSD]|re|ve|ll)",
    "stem-of-not": "[A-Za-z\u00ad]*[A-MO-Za-mo-z]\u00ad*",
    "not": "n(<any-apos>)t",
    "with-apos": (
        "(<apos>)n(<apos>)?|[lLdDjJ](<apos>)|Dunkin(<apos>)|somethin(<apos>)|ol(<apos>)|(<apos>)em"
        "|[A-HJ-XZn](<any-apos>)[<letter>]{2}[<letter>]*|(<apos>)[2-9]0s|(<apos>)till?"
        "|[<letter>][<letter>]*[aeiouyAEIOUY](<any-apos>)[aeiouA-Z][<letter>]*|(<apos>)cause"
        "|cont'd\\.?|'twas|nor'easter|c'mon|e'er|s'mores|ev'ry|li'l|nat'l|O(<any-apos>)o"
    ),
    # addresses
    "url": f"https?://[^{_URL_STOP}]+[^{_URL_STOP}.!?,-]",
    "likely-url": (
        f"((www\\.([^{_URL_STOP}.!?,]+\\.)+[a-zA-Z]{{2,4}})"
        f"|(([^{_HOST_STOP}]+\\.)+(com|net|org|edu)))"
        '(/[^ \\t\\n\\f\\r"\\<>|()]+[^ \\t\\n\\f\\r"\\<>|.!?(){},-])?'
    ),
    "email": (
        f'(&lt;|\\<)?[a-zA-Z0-9][^ \\t\\n\\f\\r"\\<>|(){{}}\u00a0]*@'
        f"([^{_MAIL_STOP}]+\\.)*[^{_MAIL_STOP}]+(&gt;|>)?"
    ),
    "twitter": "@[a-zA-Z_][a-zA-Z_0-9]*|#(<letter-or-mark>)+",
    "extension": (
        "bat|bmp|c|class|cgi|cpp|dll|doc|docx|exe|gif|gz|h|htm|html|jar|java|jpeg|jpg|mov|mp3|pdf"
        "|php|pl|png|ppt|ps|py|sql|tar|txt|wav|x|xml|zip"
    ),
    "file-name": (
        "(<letter-or-mark>|<num-digit>)+(\\.(<letter-or-mark>|<num-digit>)+)*\\.(<extension>)"
    ),
    # tags
    "tag-name": "[A-Za-z][A-Za-z0-9_:.-]*",
    "tag": (
        "\\<([!?][A-Za-z-][^>\\r\\n]*"
        "|<tag-name>( +(<tag-name>|<tag-name> *= *('[^']*'|\"[^\"]*\")))* */?|/<tag-name>) *>"
    ),
    # abbreviations before lower case, at the end of a sentence before upper case
    "month": "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec",
    "day": "Mon|Tue|Tues|Wed|Thu|Thurs|Fri",
    "state": (
        "Ala|Ariz|[A]z|[A]rk|Calif|Colo|Conn|Ct|Dak|[D]el|Fla|Ga|[I]ll|Ind|Kans?|Ky|[L]a|[M]ass|Md"
        "|Mich|Minn|[M]iss|Mo|Mont|Neb|Nev|Okla|[O]re|[P]a|Penn|Tenn|[T]ex|Va|Vt|[W]ash|Wisc?|Wyo"
    ),
    "company": "Inc|Cos?|Corp|Pp?t[ye]s?|Ltd|Plc|Rt|Bancorp|Bhd|Assn|Univ|Intl|Sys",
    "after-name": "Jr|Sr|Bros|(Ed|Ph)\\.D|Blvd|Rd|Esq",
    "abbreviation": (
        "(<month>|<day>|<state>|<company>|tel|est|ext|sq|<after-name>|etc|al|seq|Bldg)\\."
    ),
    # abbreviations before upper case
    "of-states": "(Canada|Sino|Korean|EU|Japan|non)-U\\.S|U\\.S\\.-(U\\.K|U\\.S\\.S\\.R)",
    "acronym": "[A-Za-z](\\.[A-Za-z])*|<of-states>",
    "long-acronym": "[A-Za-z](\\.[A-Za-z])+|<of-states>",
    "title": (
        "Mr|Mrs|Ms|[M]iss|Drs?|Profs?|Sens?|Reps?|Attys?|Lt|Col|Gen|Messrs|Govs?|Adm|Rev|Maj|Sgt"
        "|Cpl|Pvt|Capt|Ste?|Ave|Pres|Lieut|Hon|Brig|Co?mdr|Pfc|Spc|Supts?|Det|Mt|Ft|Adj|Adv|Asst"
        "|Assoc|Ens|Insp|Mlle|Mme|Msgr|Sfc"
    ),
    "before-name": (
        "<title>|vs|Alex|Wm|Jos|Cie|a\\.k\\.a|cf|TREAS|Ph|<acronym>|Invt|Elec|Natl|M[ft]g|Dept"
    ),
    "before-number": "(ca|figs?|prop|nos?|art|bldg|pp|op)\\.",
    "starts-sentence": (
        "[A]bout|[A]ccording|[A]dditionally|[A]fter|[A]n|[A]|[A]s|[A]t|[B]ut|[E]arlier|[H]e|[H]er"
        "|[H]ere|[H]owever|[I]f|[I]n|[I]t|[L]ast|[M]any|[M]ore|[M]r\\.|[M]s\\.|[N]ow|[O]nce|[O]ne"
        "|[O]ther|[O]ur|[S]he|[S]ince|[S]o|[S]ome|[S]uch|[T]hat|[T]he|[T]heir|[T]hen|[T]here"
        "|[T]hese|[T]hey|[T]his|[W]e|[W]hen|[W]hile|[W]hat|[Y]et|[Y]ou|<tag>"
    ),
    # marks
    "dash": "&(MD|mdash|ndash);|[\u0096\u0097\u2013\u2014\u2015]",
    "mark-entity": "&(HT|TL|UR|LR|QC|QL|QR|odq|cdq|#[0-9]+);",
    "dots": "\\.{3,5}|(\\.[ \u00a0]){2,4}\\.|[\u0085\u2026]",
    "in-sentence": "[,;:\u3001]",
    "quotes": (
        "<apos>|''|[`\u2018\u2019\u201a\u201b\u201c\u201d\u0091\u0092\u0093\u0094\u201e\u201f"
        "\u2039\u203a\u00ab\u00bb]{1,2}"
    ),
    "double-quote": '"|&quot;',
    "treebank": (
        "-(RRB|LRB|RCB|LCB|RSB|LSB)-|C\\.D\\.s|pro-|anti-|S(&|&amp;)P-500|S(&|&amp;)Ls"
        "|Cap(<apos>)n|c(<apos>)est"
    ),
    "smiley": "[\\<>]?[:;=][-o*']?[()DPdpO\\\\{@|\\[\\]]",
    "asian-smiley": (  # the odd first one comes from a bracket that was escaped by mistake
        f"[{_DUCK}]\\.\\[\\^x=[^\\<]*\\<>\\]|[-{_DUCK}']_[-{_DUCK}']"
        f"|\\([-{_DUCK}'][_.]?[-{_DUCK}']\\)|\\([{_DUCK}']-[{_DUCK}'`]\\)"
    ),
    "symbol": (
        "[+%&~\\^|\\\\\u00a6\u00a7\u00a8\u00a9\u00ac\u00ae\u00af\u00b0-\u00b3\u00b4-\u00ba\u00d7"
        "\u00f7\u0387\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u0600-\u0603\u0606-\u060a\u060c\u0614"
        "\u061b\u061e\u066a\u066d\u0703-\u070d\u07f6\u07f7\u07f8\u0964\u0965\u0e4f\u1fbd\u2016"
        "\u2017\u2020-\u2023\u2030-\u2038\u203b\u203e-\u2042\u2044\u207a-\u207f\u208a-\u208e"
        "\u2100-\u214f\u2190-\u21ff\u2200-\u2bff\u3012\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40"
        "\uff5b-\uff65]"
    ),
    "stop": "[.\u00a1\u00bf\u037e\u0589\u061f\u06d4\u0700-\u0702\u07fa\u3002]",
}


# The program knows Unicode 6: letters and digits that came later are none to it.
_LATER = (
    "37f-383 528-530 560-560 588-588 5eb-5ef 85f-89f 8a1-8a1 8ad-8e3 978-978 980-980 9fc-9fc"
    " af2-af9 c34-c34 c5a-c5f c80-c80 cd7-cdd cf3-cf3 d04-d04 d50-d56 d5f-d5f de0-df1 e85-e86"
    " e89-e89 e8b-e8c e8e-e93 e98-e98 ea0-ea0 ea8-ea9 eac-eac 13f5-13ff 16f1-16ff 170d-170d"
    " 1716-171f 1878-187f 191d-191f 19ac-19c0 19c8-19cf 1b4c-1b4f 1c80-1cbf 1cf2-1cf3 1cfa-1cff"
    " 2c2f-2c2f 2c5f-2c5f 312e-3130 31bb-31bf 4db6-4dbf 9fcd-9fff a698-a69d a78f-a78f a794-a79f"
    " a7ab-a7f7 a8fd-a8fe a9e0-a9e4 a9e6-a9ff aa7e-aa7f ab2f-ab5a ab5c-ab6f ab70-abbf"
)
LATER = frozenset(
    chr(code)
    for low, _, high in (span.partition("-") for span in _LATER.split())
    for code in range(int(low, 16), int(high, 16) + 1)
)


def is_letter(character: str) -> bool:
    """Say whether a character was a letter in Unicode 6."""
    known = unicodedata.category(character)[0] == "L" or character in "\u1885\u1886"
    return known and character not in LATER


def is_digit(character: str) -> bool:
    """Say whether a character was a decimal digit in Unicode 6."""
    return unicodedata.category(character) == "Nd" and character not in LATER


def is_upper(character: str) -> bool:
    """Say whether a character was upper case in Unicode 6, where Cherokee had none."""
    return character.isupper() and character not in LATER and not "\u13a0" <= character <= "\u13f4"


SETS = {"letter": is_letter, "digit": is_digit, "upper": is_upper}
