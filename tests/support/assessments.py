"""Assessments as they come out of a comparison, without one."""

from app.scoring.assessment import (
    AgeEstimate,
    Assessment,
    DomainMatch,
    NormUsed,
    Reason,
    Verdict,
)


def compared(
    p_value: float, category: str | None = "house", years: float = 6.0, half: float = 2.0
) -> Assessment:
    """A drawing that got a p-value."""
    return Assessment(
        Verdict.DRAWING,
        0.05,
        DomainMatch(True, 0.4),
        NormUsed(category, "6", 400, 240, "line drawings"),
        100 * (1 - p_value),
        p_value,
        0.004,
        p_value <= 0.05,
        apparent_age=AgeEstimate(years, years - half, years + half),
    )


def withheld(reason: Reason) -> Assessment:
    """A drawing that got none."""
    matched = reason is not Reason.UNKNOWN_DOMAIN
    return Assessment(
        Verdict.NO_NORM,
        0.05,
        DomainMatch(matched, 0.4 if matched else 3.0),
        NormUsed(None, "6", 400, 240, "line drawings"),
        reason=reason,
    )
