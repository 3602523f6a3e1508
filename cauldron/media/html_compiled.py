"""The passes of `html_pieces` and `html_tree` over the bytes of a page, compiled by numba."""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

from cauldron.media.html_tags import ALONE, CLOSE, NEVER, NOTE, OPEN, PLAIN, RAW

_SPACE, _AMPERSAND, _LESS, _GREATER, _DASH = ord(" "), ord("&"), ord("<"), ord(">"), ord("-")
_NO_BREAK = (0xC2, 0xA0)
_EQUALS, _QUOTE = ord("="), ord('"')
_IMG, _SCRIPT, _ID, _CLASS, _STYLE, _TYPE, _ROLE, _HREF, _HIDDEN, _WIDTH, _HEIGHT = (
    np.uint64(int.from_bytes(word.encode(), "little"))
    for word in "img script id class style type role href hidden width height".split()
)
_MATH, _CAPTION, _HIDDEN_IN, _DISPLAY_IN, _ROLE_IN, _HREF_IN, _X_HIDDEN, _X_ROLE, _X_HREF = (
    np.array(bytearray(word.encode()))
    for word in (
        *"math caption hidden display role= href=".split(),
        *(f' x="{word}"' for word in "hidden role= href=".split()),
    )
)
_MAY_HIDE, _HAS_ROLE, _HAS_HREF = 1, 2, 4
_HASH_SHIFT = np.uint64(64 - 12)
_SAMPLES, _PROBES, _ODD = 12, 8, np.uint64(0x9E3779B97F4A7C15)


@numba.njit(nogil=True, cache=True)
def tags_of(page, names, kinds_by_slot, factor, shift):
    """Return where tags begin and end, their bits, and which of them are not known by their bytes.

    `page` has 8 zeros behind it. A comment is a tag that means nothing. Nothing is found in a page
    with control characters, or with brackets that do not open and close in turn.
    """
    size = len(page) - 8
    most = 0
    for byte in page:
        most += byte == _LESS
    heads, tails, kinds, others = np.empty((4, most), np.int64)
    n_tags, n_others = 0, 0
    regular = has_comments = True
    place = 0
    while place < size and regular:
        byte = page[place]
        place += 1
        if byte > _GREATER:
            if byte == 0x7F or (byte == 0xC2 and _is_late_control(page[place])):
                regular = False
            continue
        if byte == _GREATER or (byte < _SPACE and not (9 <= byte <= 13 and byte != 11)):
            regular = False
        if byte != _LESS:
            continue
        head = place
        end = -1
        is_note = page[head] == ord("!") and page[head + 1] == _DASH and page[head + 2] == _DASH
        if is_note and has_comments:
            end = _comment_end(page, head, size)
            has_comments = end >= 0  # without an end here there is none further on
        if end >= 0:
            heads[n_tags], tails[n_tags], kinds[n_tags] = head, end - 1, NOTE
            n_tags += 1
            place = end
            continue
        while place < size and page[place] != _GREATER:
            byte = page[place]
            low = byte < _SPACE and not (9 <= byte <= 13 and byte != 11)
            if low or byte == 0x7F:
                regular = False
            if byte == 0xC2 and _is_late_control(page[place + 1]):
                regular = False
            place += 1
        regular = regular and place < size
        heads[n_tags], tails[n_tags] = head, place
        name, length = np.uint64(0), place - head
        for back in range(min(length, 8)):
            name |= np.uint64(page[head + back]) << np.uint64(8 * back)
        slot = (name * factor) >> shift
        kinds[n_tags] = kinds_by_slot[slot]
        if length > 8 or names[slot] != name:
            others[n_others] = n_tags
            n_others += 1
        n_tags += 1
        place += 1
    others = others[:n_others]
    return heads[:n_tags], tails[:n_tags], kinds[:n_tags], others, regular


@numba.njit(nogil=True, cache=True)
def told_tags(page, heads, tails, places, telling):
    """Return some tags with only those attributes that say something, written one after another.

    Whether a link leads somewhere is kept, not where. What other attributes hold that is asked for
    anywhere in a tag is kept as ` x="..."`. A tag that is not written as the parser does stays.

    Args:
        telling: a table of the hashes of words of an id that say something.
    """
    most = 64 * len(places)
    for place in places:
        most += tails[place] - heads[place]
    out = np.empty(most, np.uint8)
    bounds = np.zeros(len(places) + 1, np.int64)
    size = 0
    for number in range(len(places)):
        head, tail = heads[places[number]], tails[places[number]]
        begin, place = size, head
        while place < tail and page[place] != _SPACE:
            place += 1
        size = _copied(page, head, place, out, size)
        tag, told = _packed(page, head, place), 0
        regular = page[head] != ord("/") and page[head] != ord("!")
        while regular and place < tail:
            name = place + 1
            equals = name
            while equals < tail and page[equals] != _EQUALS and page[equals] != _SPACE:
                equals += 1
            end = equals + 2
            while end < tail and page[end] != _QUOTE:
                end += 1
            regular = end < tail and equals > name and page[place] == _SPACE
            regular = regular and page[equals] == _EQUALS and page[equals + 1] == _QUOTE
            if not regular:
                break
            named, last = _packed(page, name, equals), _packed(page, max(equals - 4, name), equals)
            if last == _HREF:
                size = _copied(page, place, equals + 2, out, size)
                size = _copied(_X_HREF, 1, 2 if end > equals + 2 else 1, out, size)
                out[size] = _QUOTE
                size += 1
            asked = _asked_for(page, name, end)
            kept = named in (_CLASS, _HIDDEN) or last == _ROLE
            if named == _ID:
                kept = _tells(page, equals + 2, end, telling)
            elif named == _STYLE:
                kept = asked & _MAY_HIDE != 0
            elif tag == _IMG:
                kept = kept or named in (_WIDTH, _HEIGHT)
            elif tag == _SCRIPT:
                kept = kept or named == _TYPE
            if kept:
                size = _copied(page, place, end + 1, out, size)
            else:
                told |= asked
            place = end + 1
        if not regular:
            size, told = _copied(page, head, tail, out, begin), 0
        if told & _MAY_HIDE:
            size = _copied(_X_HIDDEN, 0, len(_X_HIDDEN), out, size)
        if told & _HAS_ROLE:
            size = _copied(_X_ROLE, 0, len(_X_ROLE), out, size)
        if told & _HAS_HREF:
            size = _copied(_X_HREF, 0, len(_X_HREF), out, size)
        bounds[number + 1] = size
    return out[:size], bounds


@numba.njit(nogil=True, cache=True)
def _copied(page, begin, end, out, size):
    """Copy bytes and return where they end."""
    for place in range(begin, end):
        out[size + place - begin] = page[place]
    return size + end - begin


@numba.njit(nogil=True, cache=True)
def _packed(page, begin, end):
    """Return a word of up to 8 bytes as a number, 0 for a longer one."""
    packed = np.uint64(0)
    if end - begin <= 8:
        for place in range(begin, end):
            packed |= np.uint64(page[place]) << np.uint64(8 * (place - begin))
    return packed


@numba.njit(nogil=True, cache=True)
def _asked_for(page, begin, end):
    """Return which words that are asked for anywhere in a tag stand in an attribute."""
    found = 0
    for place in range(begin, end - 4):
        byte = page[place]
        if byte == ord("h"):
            if _alike(page, place, end, _HIDDEN_IN, 0):
                found |= _MAY_HIDE
            elif _alike(page, place, end, _HREF_IN, 0):
                found |= _HAS_HREF
        elif byte == ord("d"):
            found |= _MAY_HIDE if _alike(page, place, end, _DISPLAY_IN, 0) else 0
        elif byte == ord("r"):
            found |= _HAS_ROLE if _alike(page, place, end, _ROLE_IN, 0) else 0
    return found


@numba.njit(nogil=True, cache=True)
def _tells(page, begin, end, telling):
    """Say whether an id may tell something: it has one of some words, or is no plain word."""
    mixed = np.uint64(0)
    for place in range(begin, end):
        byte = page[place]
        if byte >= 0x80 or byte <= _SPACE or byte == _AMPERSAND:
            return True
        lower = byte | 0x20 if ord("A") <= byte <= ord("Z") else byte
        mixed = (mixed ^ np.uint64(lower)) * _ODD
        if lower == ord("m") and _alike(page, place, end, _MATH, 0x20):
            return True
        if lower == ord("c") and _alike(page, place, end, _CAPTION, 0x20):
            return True
    return telling[mixed >> _HASH_SHIFT]


@numba.njit(nogil=True, cache=True)
def _alike(page, place, end, word, case):
    """Say whether a word begins at a place, letters in lower case or in any."""
    if place + len(word) > end:
        return False
    for back in range(len(word)):  # noqa: SIM110 -- numba has no generators
        if page[place + back] | case != word[back]:
            return False
    return True


def hashes_of(words):
    """Return the table of `told_tags`, true where a word may be one of some."""
    table = np.zeros(1 << 64 - int(_HASH_SHIFT), np.bool_)
    for word in words:
        mixed = 0
        for byte in word.encode():
            mixed = (mixed ^ byte) * int(_ODD) & (1 << 64) - 1
        table[mixed >> int(_HASH_SHIFT)] = True
    return table


@numba.njit(nogil=True, cache=True)
def same_tags(page, heads, tails, places):
    """Return which of some tags are written first, and for each tag which of these it is like."""
    size = 64
    while size < 2 * len(places):
        size *= 2
    mask = np.uint64(size - 1)
    held = np.full(size, -1)
    firsts, same = np.empty(len(places), np.int64), np.empty(len(places), np.int64)
    n_firsts = 0
    for number in range(len(places)):
        place = places[number]
        head, length = heads[place], tails[place] - heads[place]
        mixed = np.uint64(length)
        for part in range(_SAMPLES):
            mixed = (mixed ^ np.uint64(page[head + part * length // _SAMPLES])) * _ODD
            mixed = (mixed ^ np.uint64(page[max(head + length - 1 - part, head)])) * _ODD
        slot = (mixed >> np.uint64(32)) & mask
        same[number] = -1
        for _ in range(_PROBES):
            known = held[slot]
            if known < 0:
                held[slot] = n_firsts
                break
            other = heads[firsts[known]]
            if tails[firsts[known]] - other == length:
                alike = 0
                while alike < length and page[head + alike] == page[other + alike]:
                    alike += 1
                if alike == length:
                    same[number] = known
                    break
            slot = (slot + np.uint64(1)) & mask
        if same[number] < 0:
            firsts[n_firsts], same[number] = place, n_firsts
            n_firsts += 1
    return firsts[:n_firsts], same


@numba.njit(nogil=True, cache=True, inline="always")
def _is_late_control(byte):
    return 0x80 <= byte < 0xA0 and byte != 0x85


@numba.njit(nogil=True, cache=True)
def _comment_end(page, head, size):
    """Return where the text behind a comment begins, -1 for none."""
    for place in range(head + 3, size - 2):
        if page[place] == _DASH and page[place + 1] == _DASH and page[place + 2] == _GREATER:
            return place + 3
    return -1


@numba.njit(nogil=True, cache=True)
def nested(kinds, max_depth, simplify):
    """Return which tags and texts are known, and where elements end; changes `kinds`."""
    size = len(kinds)
    ends = np.arange(size)
    known, texts = np.ones(size, np.bool_), np.ones(size + 1, np.bool_)
    opened = np.full(2 * size + 2, -1)
    depth = size
    deep = RAW | NEVER if simplify else RAW
    for place in range(size):
        kind = kinds[place]
        if kind & CLOSE:
            known[place] = False
            start = opened[depth]
            if start >= 0:
                ends[start] = place
                opened[depth] = -1
                if known[start]:
                    known[place] = True
                    kinds[place] = (kinds[start] & ~OPEN) | CLOSE
            depth -= 1
            continue
        if kind & OPEN and not kind & ALONE:
            depth += 1
            opened[depth] = place
            ends[place] = size
            known[place] = depth - size <= max_depth + 1 or kind & deep != 0
        if kind & NOTE or (simplify and kind & PLAIN):
            known[place] = False
    last = -1
    for place in range(size if simplify else 0):
        if place <= last:
            known[place] = texts[place] = False
        elif known[place] and kinds[place] & NEVER and kinds[place] & OPEN:
            last = min(ends[place], size - 1)
            known[place] = False
    return known, texts, ends


@numba.njit(nogil=True, cache=True)
def texts_of(page, heads, tails, known, texts):
    """Return texts with a zero for each tag between them, and the same with white space collapsed.

    Also returns, for each of these texts, how many characters are no blanks, what it is filled
    with (`html_tree.Tree.filled`), and how many words it has. `page` has 8 zeros behind it.
    """
    size = len(page) - 8
    source, shown = np.empty(size + 8, np.uint8), np.empty(size + 8, np.uint8)
    letters, filled, words = np.zeros((3, known.sum() + 1), np.int64)
    n_source = n_shown = number = n_letters = n_filled = n_words = 0
    in_space = in_word = False
    begin = 0
    for tag in range(len(heads) + 1):
        end = heads[tag] - 1 if tag < len(heads) else size
        place = begin if texts[tag] else end
        while place < end:
            byte = page[place]
            if _SPACE < byte < 0x80 and byte != _AMPERSAND:
                source[n_source] = shown[n_shown] = byte
                n_source, n_shown, place = n_source + 1, n_shown + 1, place + 1
                n_letters, n_filled = n_letters + 1, 2
                n_words += not in_word
                in_space, in_word = False, True
                continue
            width, space = 1, 1 if byte <= _SPACE else 0
            if byte == _AMPERSAND:
                byte, width = _unescaped(page, place)
            if byte >= 0xC2:
                space = _rare_space(page, place) if width == 1 else 2
            if space < 2:
                source[n_source] = byte
                n_source += 1
                n_letters += byte != _SPACE and (byte < 0x80 or byte >= 0xC0)
            else:
                for back in range(space):
                    source[n_source] = _NO_BREAK[back] if width > 1 else page[place + back]
                    n_source += 1
                n_letters += 1
                width = max(width, space)
            place += width
            if space:
                if not in_space:
                    shown[n_shown] = _SPACE
                    n_shown += 1
                    n_filled = 2 if n_filled else 1
                in_space, in_word = True, False
                continue
            shown[n_shown] = byte
            n_shown += 1
            n_filled, in_space = 2, False
            if 0xE1 <= byte <= 0xE3 and _is_wide_space(page, place - 1):
                for back in range(2):
                    shown[n_shown] = source[n_source] = page[place + back]
                    n_shown, n_source = n_shown + 1, n_source + 1
                place += 2
                in_word = False
                continue
            n_words += not in_word
            in_word = True
        if tag == len(heads) or known[tag]:
            letters[number], filled[number], words[number] = n_letters, n_filled, n_words
            source[n_source] = shown[n_shown] = 0
            n_source, n_shown, number = n_source + 1, n_shown + 1, number + 1
            n_letters = n_filled = n_words = 0
            in_space = in_word = False
        if tag < len(heads):
            begin = tails[tag] + 1
    return source[: n_source - 1], shown[: n_shown - 1], letters, filled, words


@numba.njit(nogil=True, cache=True)
def _unescaped(page, place):
    """Return the byte that an entity stands for, or the first of them, and how long it is."""
    first, second, third = page[place + 1], page[place + 2], page[place + 3]
    if first == ord("l") and second == ord("t") and third == ord(";"):
        return _LESS, 4
    if first == ord("g") and second == ord("t") and third == ord(";"):
        return _GREATER, 4
    fourth, fifth = page[place + 4], page[place + 5]
    if first == ord("a") and second == ord("m") and third == ord("p") and fourth == ord(";"):
        return _AMPERSAND, 5
    if fourth == ord("t") or fourth == ord("p"):
        if first == ord("q") and second == ord("u") and third == ord("o") and fifth == ord(";"):
            return ord('"'), 6
        if first == ord("n") and second == ord("b") and third == ord("s") and fifth == ord(";"):
            return _NO_BREAK[0], 6
    return _AMPERSAND, 1


@numba.njit(nogil=True, cache=True)
def _rare_space(page, place):
    """Return how many bytes U+0085, U+00A0, U+2028 or U+2029 has; 0 for another character."""
    first, second, third = page[place], page[place + 1], page[place + 2]
    if first == 0xC2:
        return 2 if second == 0x85 or second == 0xA0 else 0
    return 3 if first == 0xE2 and second == 0x80 and (third == 0xA8 or third == 0xA9) else 0


@numba.njit(nogil=True, cache=True)
def _is_wide_space(page, place):
    """Say whether a character of three bytes parts words without being collapsed."""
    first, second, third = page[place], page[place + 1], page[place + 2]
    if first == 0xE2 and second == 0x80:
        return third <= 0x8A or third == 0xAF
    if first == 0xE2 and second == 0x81:
        return third == 0x9F
    return (
        (first == 0xE1 and second == 0x9A) or (first == 0xE3 and second == 0x80)
    ) and third == 0x80


@numba.njit(nogil=True, cache=True)
def parents_of(kinds):
    """Return the place of the parent of each start tag, -1 for others and for a root."""
    size = len(kinds)
    holders, parents = np.full(2 * size + 2, -1), np.full(size, -1)
    level = size
    for place in range(size):
        kind = kinds[place]
        if kind & CLOSE:
            level -= 1
        elif kind & OPEN:
            if level > size:
                parents[place] = holders[level - 1]
            if not kind & ALONE:
                holders[level] = place
                level += 1
    return parents
