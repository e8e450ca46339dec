"""Names of what is drawn: the same however they are written, and the nearest of those known."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

MOST_NAMES = 3
ALIKE = 0.75  # of the letters of two names, in the same order
# What people call the same thing; spelling alone would not lead from one to another.
ALSO_CALLED = (
    ("airplane", "aeroplane", "aircraft", "jet", "plane"),
    ("bear", "teddy", "teddy bear"),
    ("bike", "bicycle", "cycle", "tricycle"),
    ("boat", "sailboat", "ship", "yacht"),
    ("bus", "coach"),
    ("car", "auto", "automobile", "vehicle"),
    ("cat", "kitten", "kitty"),
    ("chair", "armchair", "seat", "stool"),
    ("cookie", "biscuit"),
    ("couch", "settee", "sofa"),
    ("cup", "glass", "mug"),
    ("dog", "doggy", "puppy"),
    ("flower", "daisy", "rose", "tulip"),
    ("foot", "feet", "toes"),
    ("frog", "toad"),
    ("hat", "cap"),
    ("house", "building", "cottage", "home", "hut"),
    ("ice cream", "gelato", "sundae"),
    ("lamp", "light"),
    ("phone", "cellphone", "mobile", "smartphone", "telephone"),
    ("rabbit", "bunny", "hare"),
    ("sheep", "lamb"),
    ("shoe", "boot", "sneaker", "trainer"),
    ("table", "desk"),
    ("train", "locomotive", "railway"),
    ("tree", "fir", "oak", "palm"),
    ("watch", "clock"),
)


def plain_name(name: str | None) -> str:
    """The name in lower case, one space between its words; empty if there is none."""
    return " ".join((name or "").lower().replace("_", " ").replace("-", " ").split())


def nearest_names(name: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return three of the ``known`` names at most, the nearest first; none if none is near.

    Near is what means the same, then what is spelled alike, as a whole or in one of its words.
    """
    plain = plain_name(name)
    near = [found for part in (plain, *plain.split()) for found in _near(part, known)]
    return tuple(dict.fromkeys(near))[:MOST_NAMES]


def _near(part: str, known: Sequence[str]) -> Iterator[str]:
    for names in ALSO_CALLED:
        if part in names:
            yield from (name for name in names if name in known)
    yield from get_close_matches(part, known, MOST_NAMES, ALIKE)
