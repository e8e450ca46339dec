"""An assessment in plain sentences, each with its uncertainty; pure text, no markup."""

from app.scoring.assessment import Assessment, Verdict

LESS_USUAL = 4  # times the level
SCREENING = "This is a comparison of drawings, not a diagnosis, and says nothing about a child."


def sentences(assessment: Assessment) -> tuple[str, ...]:
    """Say the answer first, then what it rests on, then where it must not be trusted."""
    if assessment.verdict is Verdict.NOT_A_DRAWING:
        return (
            "This does not look like a drawing, so it was not compared with any.",
            "If it is one, try a sharper picture with the drawing filling most of it.",
        )
    if assessment.verdict is Verdict.NO_NORM:
        return (_no_norm(assessment), *_age(assessment), *_domain(assessment), SCREENING)
    return (
        *_comparison(assessment),
        *_reasons(assessment),
        *_age(assessment),
        *_domain(assessment),
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
    named = f" of the category “{norm.category}”" if norm.category else " without a category"
    return (
        f"This drawing is {word}: {_share(assessment)} drawings by children of this age are at "
        "least as unusual.",
        f"It was compared as a drawing{named}, with {norm.references} drawings of "
        f"{norm.children} children aged {norm.age_band}.",
    )


def _share(assessment: Assessment) -> str:
    """No finer than the number of children can tell."""
    p_value, resolution = assessment.p_value or 0.0, assessment.resolution or 1.0
    if p_value <= resolution:
        return f"fewer than {max(1, round(100 * resolution + 0.5))} in 100"
    return f"about {max(1, round(100 * p_value))} in 100"


def _reasons(assessment: Assessment) -> tuple[str, ...]:
    phrases = {
        "typicality": "its overall look",
        "marks": "its strokes and their layout",
        "age": "how old or young it looks",
        "category": "how little it looks like what it was named",
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


def _domain(assessment: Assessment) -> tuple[str, ...]:
    if assessment.domain.matched:
        return ()
    return (
        f"The norms come from {assessment.norm.domain}; this picture is of another kind, for which "
        "the rate of false flags has not been measured.",
    )


def _no_norm(assessment: Assessment) -> str:
    norm = assessment.norm
    return (
        f"There are too few drawings to compare with: {norm.children} children aged "
        f"{norm.age_band}. No score is given."
    )
