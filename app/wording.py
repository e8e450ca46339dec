"""An assessment in plain sentences, each with its uncertainty; pure text, no markup."""

from dataclasses import dataclass

from app.scoring.assessment import Assessment, Reason, Verdict
from app.scoring.conformal import MINIMUM_CHILDREN
from app.scoring.sitting import Method, SittingAssessment

LESS_USUAL = 4  # times the level
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
SCREENING = "This is a comparison of drawings, not a diagnosis, and says nothing about a child."


@dataclass(frozen=True)
class SheetNotes:
    """What was noticed about a sheet before its drawing was compared.

    ``left_out`` has the keys of ``LEFT_OUT`` for what was taken off it; ``several``: it seems to
    hold more than one drawing; ``dark``: light strokes on it were read.
    """

    left_out: tuple[str, ...] = ()
    several: bool = False
    dark: bool = False


PLAIN = SheetNotes()


def sentences(assessment: Assessment, sheet: SheetNotes = PLAIN) -> tuple[str, ...]:
    """Say the answer first, then what it rests on, then where it must not be trusted."""
    if assessment.verdict is Verdict.NOT_A_DRAWING:
        return (
            "This does not look like a drawing, so it was not compared with any.",
            "If it is one, try a sharper picture with the drawing filling most of it.",
            *_sheet(sheet),
        )
    if assessment.verdict is Verdict.NO_NORM:
        return (*_no_norm(assessment), *_age(assessment), *_sheet(sheet), SCREENING)
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
        return "not measured"
    if p_value <= level:
        return "rare here"
    return "less usual" if p_value <= LESS_USUAL * level else "usual"


def _comparison(assessment: Assessment) -> tuple[str, str]:
    norm, word = assessment.norm, result_word(assessment.p_value, assessment.level)
    share = _share(assessment.p_value, assessment.resolution)
    named = f" of the category “{norm.category}”" if norm.category else " without a category"
    others = f"{norm.references} drawings of {norm.children} children"
    if norm.local:
        return (
            f"This drawing is {word}: {share} drawings of “{norm.domain}” are at least as unusual "
            "for the age of the child.",
            f"It was compared as a drawing{named}, with the references aged {norm.age_band} and "
            f"then with {others} of “{norm.domain}” of all ages, each set against its own age.",
        )
    return (
        f"This drawing is {word}: {share} drawings by children of this age are at least as "
        "unusual.",
        f"It was compared as a drawing{named}, with {others} aged {norm.age_band}.",
    )


def _share(p_value: float | None, resolution: float | None) -> str:
    """No finer than the number of children can tell."""
    least = resolution or 1.0
    if (p_value or 0.0) <= least:
        return f"fewer than {max(1, round(100 * least + 0.5))} in 100"
    return f"about {max(1, round(100 * (p_value or 0.0)))} in 100"


def _reasons(assessment: Assessment) -> tuple[str, ...]:
    phrases = {
        "typicality": "its overall look",
        "marks": "its strokes and their layout",
        "age": "how old or young it looks",
        "category": "how little it looks like what it was named",
        "parts": "that something seems to be missing or added",
        "orientation": "which way up it seems to be",
    }
    rare = [
        phrases[name]
        for name, p in (assessment.terms or {}).items()
        if p is not None and p <= assessment.level
    ]
    if not rare:
        return ()
    return (f"What stands out is {' and '.join(rare)}.",)


def _age(assessment: Assessment) -> tuple[str, ...]:
    age = assessment.apparent_age
    if age is None:
        return ()
    return (
        f"It looks like a drawing by a child of {age.years:.1f} years, but one drawing tells "
        f"little about age: for 8 in 10 children the truth lies between {age.low:.1f} and "
        f"{age.high:.1f}.",
    )


def _sheet(sheet: SheetNotes) -> tuple[str, ...]:
    said = [DARK] if sheet.dark else []
    if sheet.left_out:
        *others, last = (LEFT_OUT[key] for key in sheet.left_out)
        listed = f"{', '.join(others)} and {last}" if others else last
        said.append(f"What is no part of the drawing was left out of the comparison: {listed}.")
    return (*said, SEVERAL) if sheet.several else tuple(said)


def _no_norm(assessment: Assessment) -> tuple[str, ...]:
    if assessment.reason is Reason.UNCLEAR_STROKES:
        return (
            "No score is given: the strokes could not be told surely enough from the paper or from "
            "each other, and how often such pictures are flagged by mistake has not been measured.",
            "A scan, or a sharp photograph in even light that the drawing fills, usually helps; so "
            "does plain paper under a thinner pen. Whoever has many pictures of this kind can set "
            f"the norms to drawings of their own, by at least {MINIMUM_CHILDREN} children.",
        )
    norm = assessment.norm
    return (
        f"There are too few drawings to compare with: {norm.children} children aged "
        f"{norm.age_band}. No score is given.",
    )


def sitting_sentences(sitting: SittingAssessment, left_out: int) -> tuple[str, ...]:
    """Say what several drawings of one child tell together, and how that was put together."""
    return (*_together(sitting), *_left_out(left_out), *_sitting_age(sitting), SCREENING)


def _together(sitting: SittingAssessment) -> tuple[str, ...]:
    if sitting.p_value is None:
        return ("None of the drawings could be compared, so nothing is said of them together.",)
    word = result_word(sitting.p_value, sitting.level)
    share = _share(sitting.p_value, sitting.resolution)
    if sitting.method is Method.SINGLE:
        return (
            f"Only one drawing could be compared; it is {word}: {share} are at least as unusual.",
        )
    # Twice the mean is a bound for the share and not the share.
    bound = "at most " if sitting.method is Method.TWICE_THE_MEAN else ""
    return (
        f"Together the {sitting.drawings} drawings are {word}: {bound}{share} children make "
        "drawings that are together at least as unusual for their age.",
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
    age = sitting.apparent_age
    if age is None:
        return ()
    looks = "Together they look" if sitting.dated > 1 else "It looks"
    return (
        f"{looks} like the work of a child of {age.years:.1f} years; for 8 in 10 children the "
        f"truth lies between {age.low:.1f} and {age.high:.1f}.",
    )
