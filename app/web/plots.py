"""Plots as SVG, made here: no script draws them, and a page needs no style of its own for them.

Colours come from classes of the site's style sheet (``plot``, ``bar``, ``axis``, ``label``), as the
policy of our pages forbids inline styles. What a screen reader is to say is the title and the
description; the figures themselves belong in a table beside the plot.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 12, 24
GAP: Final = 0.2  # of the width that one bar has
MOST_MARKS: Final = 4  # on the upright axis
MOST_NAMES: Final = 6  # below the other
STEPS: Final = (1, 2, 5, 10)


@dataclass(frozen=True)
class Bar:
    """``value`` is at least 0; ``None`` if nothing was measured, which is a gap and not a zero."""

    name: str
    value: float | None


def bar_plot(key: str, title: str, bars: Sequence[Bar]) -> Markup:
    """An SVG element for a page; ``key`` is unique on it. With nothing measured it says so."""
    known = [bar.value for bar in bars if bar.value is not None]
    step = _step(max(known, default=0), whole=all(value == int(value) for value in known))
    top = step * max(1, math.ceil(max(known, default=0) / step))
    parts = [
        *_marks(step, top),
        *(_bar(place, len(bars), bar, top) for place, bar in enumerate(bars)),
        *_names(bars),
    ]
    return Markup(  # noqa: S704 - whatever is not a number here is escaped
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="{escape(key)}-title {escape(key)}-about">'
        f'<title id="{escape(key)}-title">{escape(title)}</title>'
        f'<desc id="{escape(key)}-about">{escape(_about(bars))}</desc>{"".join(parts)}</svg>'
    )


def _about(bars: Sequence[Bar]) -> str:
    known = [(bar.value, bar.name) for bar in bars if bar.value is not None]
    if not known:
        return "Nothing was measured yet."
    (most, when), (last, now) = max(known, key=lambda one: one[0]), known[-1]
    first = f"From {bars[0].name} to {bars[-1].name}"
    return f"{first}: at most {_number(most)}, in {when}; last {_number(last)}, in {now}."


def _bar(place: int, count: int, bar: Bar, top: float) -> str:
    if bar.value is None:
        return ""
    whole = (WIDTH - LEFT - RIGHT) / count
    height = (HEIGHT - TOP - BOTTOM) * bar.value / top
    x, width = LEFT + whole * (place + GAP / 2), whole * (1 - GAP)
    return (
        f'<rect class="bar" x="{x:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}"><title>{escape(bar.name)}: {_number(bar.value)}</title></rect>'
    )


def _marks(step: float, top: float) -> Sequence[str]:
    marks = [step * place for place in range(round(top / step) + 1)]
    places = [HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * mark / top for mark in marks]
    return [
        f'<line class="axis" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        f'<text class="label" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(mark)}'
        "</text>"
        for mark, y in zip(marks, places, strict=True)
    ]


def _names(bars: Sequence[Bar]) -> Sequence[str]:
    """Of some bars, the last one among them."""
    every = max(1, math.ceil(len(bars) / MOST_NAMES))
    whole = (WIDTH - LEFT - RIGHT) / max(1, len(bars))
    return [
        f'<text class="label" x="{min(LEFT + whole * (place + 0.5), WIDTH - 34):.1f}" '
        f'y="{HEIGHT - 8}" text-anchor="middle">{escape(bar.name)}</text>'
        for place, bar in enumerate(bars)
        if (len(bars) - 1 - place) % every == 0
    ]


def _step(most: float, *, whole: bool) -> float:
    """1, 2 or 5 times a power of ten, so that few marks reach ``most``; at least 1 for counts."""
    if most <= 0:
        return 1
    rough = max(1, most / MOST_MARKS) if whole else most / MOST_MARKS
    power: float = 10 ** math.floor(math.log10(rough))
    return next(power * one for one in STEPS if power * one >= rough)


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
