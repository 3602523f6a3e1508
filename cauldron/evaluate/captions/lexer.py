"""A lexer of rules: the longest match wins, of equally long ones the first rule.

Python's `re` takes the first alternative that fits, not the longest match of all, so rules written
for a lexer generator mean something else there. Here the rules become one automaton; its states
are worked out when a text first needs them.

A pattern knows `|`, `*`, `+`, `?`, `{m,n}`, groups, classes with ranges and `^`, escapes, and
`<name>` for another pattern or a set of characters. Letters outside classes match in either case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

CharSet = Callable[[str], bool]
Action = Callable[[str], tuple[str, int]]

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern, what must follow it, and what its text becomes.

    Args:
        pattern: of the token.
        then: pattern that must follow; it counts for the length of the match.
        action: text to token and number of characters that are read again.
    """

    pattern: str
    then: str
    action: Action


@dataclass(slots=True)
class Automaton:
    """One state machine over the positions of all characters in the patterns.

    Args:
        sets: the set of characters of each position.
        follow: the positions that may come after each.
    """

    sets: list[CharSet] = field(default_factory=list)
    follow: list[set[int]] = field(default_factory=list)
    first: set[int] = field(default_factory=set)
    last: dict[int, int] = field(default_factory=dict)
    _classes: dict[str, int] = field(default_factory=dict)
    _kinds: dict[frozenset[int], int] = field(default_factory=dict)
    _members: list[frozenset[int]] = field(default_factory=list)
    _states: dict[frozenset[int], int] = field(default_factory=dict)
    _positions: list[frozenset[int]] = field(default_factory=list)
    _accepts: list[int] = field(default_factory=list)
    _next: list[dict[int, int]] = field(default_factory=list)

    def position(self, charset: CharSet) -> int:
        """Add a position that takes one character of a set."""
        self.sets.append(charset)
        self.follow.append(set())
        return len(self.sets) - 1

    def add(self, part: Part, rule: int) -> None:
        """Add a pattern that ends in a rule; of equal ends the lowest number counts."""
        self.first |= part.first
        for position in part.last:
            self.last[position] = min(rule, self.last.get(position, rule))

    def kinds(self, text: str) -> list[int]:
        """Return for each character the number of its kind: equal in all sets."""
        return [self._classes[c] if c in self._classes else self._kind(c) for c in text]

    def _kind(self, character: str) -> int:
        distinct = {id(charset): charset for charset in self.sets}
        inside = {key: charset(character) for key, charset in distinct.items()}
        member = frozenset(n for n, charset in enumerate(self.sets) if inside[id(charset)])
        if member not in self._kinds:
            self._kinds[member] = len(self._members)
            self._members.append(member)
        self._classes[character] = self._kinds[member]
        return self._kinds[member]

    def ends(self, kinds: Sequence[int], start: int) -> Iterator[tuple[int, int]]:
        """Yield place and rule of every end of a match from a start, the shortest first."""
        state = 0 if self._accepts else self._state(frozenset({-1}))
        for place in range(start, len(kinds)):
            kind = kinds[place]
            following = self._next[state].get(kind)
            if following is None:
                following = self._step(state, kind)
            if following < 0:
                return
            state = following
            if self._accepts[state] >= 0:
                yield place + 1, self._accepts[state]

    def _step(self, state: int, kind: int) -> int:
        member, here = self._members[kind], self._positions[state]
        after: set[int] = set()
        for position in here:
            after |= self.first if position < 0 else self.follow[position]
        reached = frozenset(after & member)
        self._next[state][kind] = following = self._state(reached) if reached else -1
        return following

    def _state(self, positions: frozenset[int]) -> int:
        if positions not in self._states:
            self._states[positions] = len(self._positions)
            self._positions.append(positions)
            self._accepts.append(
                min((self.last[p] for p in positions if p in self.last), default=-1)
            )
            self._next.append({})
        return self._states[positions]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a pattern: may it be empty, where it begins and where it ends."""

    empty: bool
    first: frozenset[int]
    last: frozenset[int]


_NOTHING = Part(True, frozenset(), frozenset())


class Parser:
    """Reads patterns into an automaton."""

    def __init__(
        self,
        automaton: Automaton,
        patterns: Mapping[str, str],
        sets: Mapping[str, CharSet],
        cached: dict[object, CharSet],
    ) -> None:
        self._automaton, self._patterns, self._sets = automaton, patterns, sets
        self._cached = cached
        self._text, self._at = "", 0

    def parse(self, pattern: str) -> Part:
        """Return the positions of a pattern."""
        before = self._text, self._at
        self._text, self._at = pattern, 0
        found = self._either()
        if self._at != len(pattern):
            raise ValueError(f"pattern {pattern!r} cannot be read at {self._at}")
        self._text, self._at = before
        return found

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _either(self) -> Part:
        found = self._sequence()
        while self._peek() == "|":
            self._take()
            other = self._sequence()
            found = Part(
                found.empty or other.empty, found.first | other.first, found.last | other.last
            )
        return found

    def _sequence(self) -> Part:
        found = _NOTHING
        while self._peek() not in ("", "|", ")"):
            found = self._joined(found, self._repeated())
        return found

    def _joined(self, one: Part, two: Part) -> Part:
        for position in one.last:
            self._automaton.follow[position] |= two.first
        return Part(
            one.empty and two.empty,
            one.first | two.first if one.empty else one.first,
            one.last | two.last if two.empty else two.last,
        )

    def _repeated(self) -> Part:
        start = self._at
        found = self._atom()
        while (mark := self._peek()) and mark in "*+?{":
            self._take()
            if mark == "{":
                found = self._times(start, found)
                continue
            if mark in "*+":
                self._joined(found, found)
            found = Part(found.empty or mark in "*?", found.first, found.last)
        return found

    def _times(self, start: int, once: Part) -> Part:
        close = self._text.index("}", self._at)
        least, _, most = self._text[self._at : close].partition(",")
        found = once if int(least) else Part(True, once.first, once.last)
        for number in range(1, int(most or least)):
            self._at = start
            again = self._atom()
            if number >= int(least):
                again = Part(True, again.first, again.last)
            found = self._joined(found, again)
        self._at = close + 1
        return found

    def _atom(self) -> Part:
        mark = self._take()
        if mark == "(":
            found = self._either()
            self._take()
            return found
        if mark == "<":
            name = self._name()
            if name in self._patterns:
                return self.parse(self._patterns[name])
            return self._single(self._sets[name])
        if mark == "[":
            return self._single(self._class())
        character = self._escaped() if mark == "\\" else mark
        return self._single(self._literal(character))

    def _name(self) -> str:
        close = self._text.index(">", self._at)
        name, self._at = self._text[self._at : close], close + 1
        return name

    def _escaped(self) -> str:
        mark = self._take()
        return _ESCAPES.get(mark, mark)

    def _literal(self, character: str) -> CharSet:
        either = frozenset(_CASES.get(character.lower(), character))
        return self._cached.setdefault(either, either.__contains__)

    def _single(self, charset: CharSet) -> Part:
        here = frozenset({self._automaton.position(charset)})
        return Part(False, here, here)

    def _class(self) -> CharSet:
        negated = self._peek() == "^"
        self._at += negated
        ranges: list[tuple[str, str]] = []
        named: list[CharSet] = []
        start = self._at
        while (mark := self._take()) != "]":
            if mark == "<":
                named.append(self._sets[self._name()])
                continue
            low = self._escaped() if mark == "\\" else mark
            high = low
            if self._peek() == "-" and self._text[self._at + 1] != "]":
                self._take()
                high = self._escaped() if self._peek() == "\\" and self._take() else self._take()
            ranges.append((low, high))
        key = (negated, self._text[start : self._at])
        return self._cached.setdefault(key, _class_of(ranges, named, negated))


def _class_of(
    ranges: Sequence[tuple[str, str]], named: Sequence[CharSet], negated: bool
) -> CharSet:
    def inside(character: str) -> bool:
        found = any(low <= character <= high for low, high in ranges) or any(
            charset(character) for charset in named
        )
        return found != negated

    return inside


_CASES = {c: c + c.upper() for c in "abcdefghijklmnopqrstuvwxyz"}


class Lexer:
    """Rules made ready to cut texts.

    Args:
        rules: the first of two that match equally much wins.
        patterns: named parts of patterns.
        sets: named sets of characters.
    """

    def __init__(
        self, rules: Sequence[Rule], patterns: Mapping[str, str], sets: Mapping[str, CharSet]
    ) -> None:
        self._rules = rules
        self._patterns, self._sets = patterns, sets
        self._cached: dict[object, CharSet] = {}
        self._whole = self._automaton([rule.pattern for rule in rules], [r.then for r in rules])
        self._heads = {n: self._automaton([r.pattern]) for n, r in enumerate(rules) if r.then}
        self._tails = {n: self._automaton([r.then]) for n, r in enumerate(rules) if r.then}

    def _automaton(self, patterns: Sequence[str], thens: Sequence[str] = ()) -> Automaton:
        made = Automaton()
        parser = Parser(made, self._patterns, self._sets, self._cached)
        for number, pattern in enumerate(patterns):
            then = thens[number] if thens else ""
            made.add(parser.parse(f"({pattern})({then})" if then else pattern), number)
        return made

    def tokens(self, text: str) -> Iterator[str]:
        """Yield the tokens of a text; a rule may leave out what it matches."""
        kinds, start = self._whole.kinds(text), 0
        while start < len(text):
            end, number = start + 1, -1
            for end, number in self._whole.ends(kinds, start):  # noqa: B007 - the last one
                pass
            if number < 0:
                start += 1
                continue
            rule = self._rules[number]
            if rule.then:
                end = self._split(text[start:end], number) + start
            token, again = rule.action(text[start:end])
            if token:
                yield token
            start = end - again

    def _split(self, matched: str, number: int) -> int:
        """Return the longest head of a match that leaves a tail the rule asks for."""
        head, tail = self._heads[number], self._tails[number]
        kinds, length = tail.kinds(matched), len(matched)
        for place, _ in reversed([*head.ends(head.kinds(matched), 0)]):
            if any(end == length for end, _ in tail.ends(kinds, place)):
                return place
        raise ValueError(f"no head of {matched!r} fits")
