"""An assessment in plain sentences, each with its uncertainty; pure text, no markup.

The only place where a p-value becomes words: the same p-value, resolution and level give the same
words in the JSON, on the page and on the command line.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten

from app.scoring.assessment import LITTLE, AgeEstimate, Assessment, NormUsed, Reason, Verdict
from app.scoring.sitting import Method, SittingAssessment

NEARLY_ALL = 0.95
HALF = range(48, 53)  # in 100
ONE_IN_100 = 0.01  # below, a p-value counts the drawing itself more than any reference
LONGEST_NAME = 64  # letters
WAITING = (
    "Where drawings are kept cannot be reached just now. This one is safe beside it, and will be "
    "moved there; nothing needs to be done."
)
SEVERAL = (
    "There seem to be several drawings on this sheet, and they were compared as if they were one; "
    "to compare each, send it by itself."
)
DARK = "The sheet is dark, so light strokes on it were taken for the drawing."
LEFT_OUT = {
    "edges": "scanner edges",
    "lines": "straight lines across the sheet",
    "shadows": "shadows",
    "beside": "small marks or writing beside the drawing",
    "table": "what lies around the sheet",
}
SCREENING = "This describes the drawing, not the child, and is not a diagnosis."


@dataclass(frozen=True)
class SheetNotes:
    """What was noticed about a sheet before its drawing was compared.

    ``left_out`` has the keys of ``LEFT_OUT`` for what was taken off it; ``several``: it seems to
    hold more than one drawing; ``dark``: light strokes on it were read; ``reduced``: how many times
    smaller each way than in its file the picture was read.
    """

    left_out: tuple[str, ...] = ()
    several: bool = False
    dark: bool = False
    reduced: int = 1


PLAIN = SheetNotes()


def sentences(assessment: Assessment, sheet: SheetNotes = PLAIN) -> tuple[str, ...]:
    """Say the answer first, then what it rests on, then where it must not be trusted."""
    if assessment.verdict is Verdict.NOT_A_DRAWING:
        return _no_drawing(assessment)
    if assessment.verdict is Verdict.NO_NORM:
        return _no_norm(assessment)
    return (
        *_comparison(assessment),
        *_reasons(assessment),
        *_age(assessment),
        *_sheet(sheet),
        SCREENING,
    )


def result_word(p_value: float | None, level: float) -> str:
    """The three words there are for a measured result, and one for none."""
    if p_value is None:
        return "not compared"
    if p_value <= level:
        return "very unusual"
    return "a little unusual" if p_value <= LITTLE * level else "usual"


def how_many(p_value: float | None, resolution: float | None, level: float) -> str:
    """How many are at least as unusual: "about 15 in 100", "fewer than 1 in 100", "nearly all".

    A p-value that no reference reached claims no more than ``resolution``, and no number is rounded
    across a limit that ``result_word`` keeps to.
    """
    if p_value is None or resolution is None:
        return "not compared"
    if p_value > NEARLY_ALL:
        return "nearly all"
    hundredths = round(100 * p_value)
    if p_value <= resolution or p_value < ONE_IN_100:
        return f"fewer than {_next_hundredth(max(p_value, resolution))} in 100"
    if hundredths in HALF:
        return f"{_closeness(p_value, 0.5, level)} half"
    return f"{_closeness(p_value, hundredths / 100, level)} {hundredths} in 100"


def _next_hundredth(share: float) -> int:
    return math.floor(round(100 * share, 6)) + 1


def _closeness(p_value: float, said: float, level: float) -> str:
    if any((p_value <= limit) != (said <= limit) for limit in (level, LITTLE * level)):
        return "just over" if p_value > said else "just under"
    return "about"


def how_often(level: float) -> str:
    """How many ordinary drawings get each word, which is how much the words mean."""
    very, little = 100 * level, 100 * min(1.0, LITTLE * level) - 100 * level
    return (
        f"Of 100 ordinary drawings, about {very:.3g} are called very unusual and about "
        f"{little:.3g} a little unusual: to be among them is no fault."
    )


def _comparison(assessment: Assessment) -> tuple[str, ...]:
    norm, word = assessment.norm, result_word(assessment.p_value, assessment.level)
    share = how_many(assessment.p_value, assessment.resolution, assessment.level)
    drawings = (
        f"our reference drawings by {norm.age_band}-year-olds, {share} are at least as unusual"
    )
    if norm.local:
        drawings = (
            f"the drawings of “{norm.domain}”, {share} are at least as unusual, each for its own "
            "age"
        )
    return (
        f"This drawing is {word} for this age: of {drawings}.",
        *_category_left_out(norm),
        _compared_with(norm),
    )


def _compared_with(norm: NormUsed) -> str:
    """Say how many drawings there are in all, and how many of them show the same thing."""
    as_named = f"as a drawing of “{norm.category}” " if norm.category else ""
    judged = "each judged as what it shows" if norm.category else "whatever they show"
    others = f"{norm.references} drawings by {norm.children} children"
    if norm.local:
        ours = f"our reference drawings by {norm.age_band}-year-olds"
        return (
            f"The drawing was compared {as_named}with {ours}, and then with {others} of "
            f"“{norm.domain}” of all ages, {judged}."
        )
    return (
        f"The drawing was compared {as_named}with {others} aged {norm.age_band}, {judged}"
        f"{_same_category(norm)}."
    )


def _same_category(norm: NormUsed) -> str:
    count = norm.same_category
    if count is None:
        return ""
    return f"; {count or 'none'} of them show{'s' if count == 1 else ''} “{norm.category}”"


def _category_left_out(norm: NormUsed) -> tuple[str, ...]:
    left_out = norm.left_out
    if left_out is None:
        return ()
    name = shorten(left_out.name, LONGEST_NAME, placeholder="…")
    if left_out.known:
        return (f"We have too few reference drawings named “{name}” to compare it with them.",)
    unknown = f"We have no reference drawings named “{name}”"
    if not left_out.nearest:
        return (f"{unknown}.",)
    nearest = [f"“{known}”" for known in left_out.nearest]
    names = "name that we have is" if len(nearest) == 1 else "names that we have are"
    return (f"{unknown}; the nearest {names} {_listed(nearest)}.",)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _reasons(assessment: Assessment) -> tuple[str, ...]:
    phrases = {
        "typicality": "its overall look",
        "marks": "how its strokes run and where they lie",
        "age": "that it looks older or younger than the age that was given",
        "category": "how little it looks like what it is said to show",
        "parts": "that something seems to be missing or added",
        "orientation": "which way up it seems to be",
    }
    if not assessment.stands_out:
        return ()
    return (f"What stands out is {', and '.join(phrases[t] for t in assessment.stands_out)}.",)


def _age(assessment: Assessment) -> tuple[str, ...]:
    years = age_range(assessment.apparent_age, assessment.norm.ages)
    return () if years is None else (age_sentence(years),)


def age_range(age: AgeEstimate | None, ages: tuple[int, int] | None) -> tuple[int, int] | None:
    """Whole years that the drawing could be from, none without norms; ``None``: nothing to say."""
    if age is None or ages is None:
        return None
    low, high = max(math.floor(age.low), ages[0]), min(math.ceil(age.high), ages[1])
    return (low, high) if low < high else None


def age_sentence(years: tuple[int, int]) -> str:
    """A range and never one age, which one drawing cannot tell."""
    return (
        f"This drawing could be by a child of any age from about {years[0]} to {years[1]}; "
        "one drawing says very little about age."
    )


def _sheet(sheet: SheetNotes) -> tuple[str, ...]:
    said = [DARK] if sheet.dark else []
    if sheet.left_out:
        listed = _listed([LEFT_OUT[key] for key in sheet.left_out])
        said.append(f"What is no part of the drawing was left out of the comparison: {listed}.")
    return (*said, SEVERAL) if sheet.several else tuple(said)


def _no_drawing(assessment: Assessment) -> tuple[str, ...]:
    """One reason and one thing to do, here and in ``_no_norm``: nothing else was found out."""
    if assessment.domain.distance is None:
        return (
            "No strokes were found in this picture, so it was not compared with any drawing.",
            "If there is a drawing on it, send a scan, or a sharper picture taken in more light.",
        )
    return (
        "This does not look like a drawing, so it was not compared with any.",
        "If it is one, send a scan or a sharp photograph that the drawing fills.",
    )


def _no_norm(assessment: Assessment) -> tuple[str, ...]:
    if assessment.reason is Reason.UNCLEAR_STROKES:
        return (
            "This drawing could not be compared: its strokes could not be told surely enough from "
            "the paper or from each other.",
            "A scan, or a sharp photograph in even light that the drawing fills, may help.",
        )
    year, ages = assessment.norm.age_band, assessment.norm.ages
    too_few = f"too few of our reference drawings are by {year}-year-olds"
    if ages is None:
        return (f"This drawing could not be compared: {too_few}.",)
    return (
        f"This drawing could not be compared: {too_few}.",
        f"A drawing by a child aged {ages[0]} to {ages[1]} can be compared.",
    )


def sitting_sentences(sitting: SittingAssessment, left_out: int) -> tuple[str, ...]:
    """Say what several drawings of one child tell together, and how that was put together."""
    return (*_together(sitting), *_left_out(left_out), *_sitting_age(sitting), SCREENING)


def _together(sitting: SittingAssessment) -> tuple[str, ...]:
    if sitting.p_value is None:
        return ("None of the drawings could be compared, so nothing is said of them together.",)
    word = result_word(sitting.p_value, sitting.level)
    share = how_many(sitting.p_value, sitting.resolution, sitting.level)
    if sitting.method is Method.SINGLE:
        return (
            f"Only one drawing could be compared; it is {word} for this age: of our reference "
            f"drawings by children of this age, {share} are at least as unusual.",
        )
    # Twice the mean is a bound for the share and not the share.
    if sitting.method is Method.TWICE_THE_MEAN and share.startswith(("about", "just")):
        share = f"at most {share}"
    return (
        f"Together the {sitting.drawings} drawings are {word} for this age: of children of this "
        f"age, {share} make drawings that together are at least as unusual.",
        dependence(sitting) or "",
    )


def dependence(sitting: SittingAssessment) -> str | None:
    """How it was allowed for that the drawings are by one child; ``None``: they are not several."""
    if sitting.method is Method.CALIBRATED:
        return (
            "The drawings of one child resemble each other: a correlation of "
            f"{sitting.correlation:.2f} is allowed for."
        )
    if sitting.method is Method.TWICE_THE_MEAN:
        return (
            "The drawings of one child resemble each other, and how much is not known here: twice "
            "the mean of their p-values is given, which holds in any case but finds little."
        )
    return None


def _left_out(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (f"{count} drawing{'s were' if count > 1 else ' was'} left out of this comparison.",)


def _sitting_age(sitting: SittingAssessment) -> tuple[str, ...]:
    years = age_range(sitting.apparent_age, sitting.ages)
    if years is None:
        return ()
    if sitting.dated == 1:
        return (age_sentence(years),)
    return (f"Together they could be by a child of any age from about {years[0]} to {years[1]}.",)
