"""Words for the demo: made-up names, and plain paragraphs that differ from document to document."""

from __future__ import annotations

from cauldron.demo.tree import Rng, one_of, some_of

_ONSETS = "b br c d dr f g gr h k l m n p r s st t tr v w".split()
_VOWELS = "a e i o u ea oo ai".split()
_CODAS = "n r l s t m ck nd rt lm".split()

PLACES = "harbour mill market tower bridge library garden station museum lighthouse".split()
_WHO = (
    "the town council",
    "a group of volunteers",
    "the owner's daughter",
    "two retired teachers",
    "a young engineer",
    "the fishing families",
    "students of the college",
    "a travelling painter",
    "the railway company",
    "three neighbours",
)
_WHEN = (
    "in the spring",
    "after the flood",
    "before the first war",
    "during a dry summer",
    "within four years",
    "on a cold morning",
    "in the last decade",
    "at the turn of the century",
    "over a single winter",
)
_WHAT = (
    "a narrow stair",
    "copper roofing",
    "two brass bells",
    "a water wheel",
    "the old archive",
    "long oak tables",
    "a row of lanterns",
    "glazed tiles",
    "an iron gate",
    "a map of the coast",
    "painted shutters",
)
_HOW = (
    "without asking anyone",
    "at their own expense",
    "with more care than speed",
    "against the advice of experts",
    "to everyone's surprise",
    "as the contract demanded",
    "step by step",
    "almost by accident",
)
_SENTENCES = (
    "The {place} of {name} was rebuilt {when} by {who}, {how}.",
    "Visitors still ask about {what}, which {who} had ordered {when}.",
    "According to a letter from {name}, {what} cost {number} crowns and arrived broken.",
    "{Who} kept a diary of the work and noted {number} separate repairs.",
    "Nothing in {name} looks quite like {what} beside the {place}.",
    "When the roof failed {when}, {who} carried {what} into the {place} {how}.",
    "About {number} people live within sight of the {place} today.",
    "The path from {name} to the {place} takes {number} minutes on foot.",
    "Few records survive, but {what} is mentioned twice in the books of {name}.",
    "{Who} proposed to sell {what} {when}; the vote was lost by {number} voices.",
    "It is said that {who} measured the whole {place} {how} and found it {number} feet long.",
    "Repairs to {what} began {when} and were finished {how}.",
    "In {name} the {place} serves as a school, and {what} hangs above the door.",
    "A guide from {name} explains how {who} saved {what} {when}.",
    "The plans show {number} windows, though {who} counted more.",
    "Rain enters near {what}, so {who} close the {place} {when}.",
    "Older houses around the {place} use stone from {name}, cut {how}.",
    "{Who} measure the water at the {place} every day and write it on slate.",
)


def name(rng: Rng) -> str:
    """Return a made-up name of two syllables."""
    parts = [one_of(rng, _ONSETS) + one_of(rng, _VOWELS) for _ in range(2)]
    return str("".join(parts) + one_of(rng, _CODAS)).capitalize()


def names(rng: Rng, number: int) -> list[str]:
    """Return distinct made-up names."""
    out: dict[str, None] = {}
    while len(out) < number:
        out[name(rng)] = None
    return list(out)


def sentence(rng: Rng, template: str, place: str) -> str:
    """Fill a sentence about a place."""
    who = one_of(rng, _WHO)
    return template.format(
        place=place,
        name=name(rng),
        who=who,
        Who=who[0].upper() + who[1:],
        what=one_of(rng, _WHAT),
        when=one_of(rng, _WHEN),
        how=one_of(rng, _HOW),
        number=int(rng.integers(12, 980)),
    )


def paragraphs(rng: Rng, number: int, sentences: int = 5) -> list[str]:
    """Return paragraphs about one place; no sentence form is used twice before all are used."""
    place = one_of(rng, PLACES)
    forms: list[str] = []
    while len(forms) < number * sentences:
        forms += some_of(rng, _SENTENCES, len(_SENTENCES))
    said = [sentence(rng, form, place) for form in forms[: number * sentences]]
    return [" ".join(said[k * sentences : (k + 1) * sentences]) for k in range(number)]


def title(rng: Rng) -> str:
    """Return a title."""
    return f"The {one_of(rng, PLACES)} of {name(rng)}"


def edited(text: str) -> str:
    """Return a text with one small edit: a near duplicate."""
    return text.replace(" was ", " had been ", 1) if " was " in text else text + " It still is."
