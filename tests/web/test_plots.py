"""Plots that need no script and no style of their own, and that can be read out."""

from xml.etree import ElementTree

import pytest

from app.web.plots import HEIGHT, WIDTH, Bar, bar_plot

SVG = "{http://www.w3.org/2000/svg}"
SIDES = ("x", "y", "width", "height")
DAYS = [Bar("2026-11-24", 3), Bar("2026-11-25", None), Bar("2026-11-26", 12)]


def drawn(bars: list[Bar], title: str = "Analyses") -> ElementTree.Element:
    text = str(bar_plot("analyses", title, bars))
    return ElementTree.fromstring(text.replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))  # noqa: S314


def heights(plot: ElementTree.Element) -> list[float]:
    return [float(bar.attrib["height"]) for bar in plot.iter(f"{SVG}rect")]


def test_a_bar_is_as_high_as_its_value_and_what_was_not_measured_has_none() -> None:
    first, last = heights(drawn(DAYS))
    assert last == pytest.approx(4 * first, abs=0.3)


def test_everything_lies_within_the_picture() -> None:
    for bars in (DAYS, [Bar(str(n), n * 1234.5) for n in range(90)], [Bar("a", 0)]):
        for bar in drawn(bars).iter(f"{SVG}rect"):
            x, y, width, height = (
                float(bar.attrib[name]) for name in ("x", "y", "width", "height")
            )
            assert 0 <= x <= x + width <= WIDTH
            assert 0 <= y <= y + height <= HEIGHT


def test_a_plot_says_what_it_shows_to_who_cannot_see_it() -> None:
    plot = drawn(DAYS)
    named = plot.attrib["aria-labelledby"].split()
    said = [part.text for name in named for part in plot if part.attrib.get("id") == name]
    assert said == [
        "Analyses",
        "From 2026-11-24 to 2026-11-26: at most 12, in 2026-11-26; last 12, in 2026-11-26.",
    ]


def test_the_axis_has_a_few_round_marks_and_few_names() -> None:
    plot = drawn([Bar(f"day {n}", n * 7) for n in range(90)])
    texts = [text.text for text in plot.iter(f"{SVG}text")]
    assert [text for text in texts if not str(text).startswith("day")] == [
        "0",
        "200",
        "400",
        "600",
        "800",
    ]
    names = [text for text in texts if str(text).startswith("day")]
    assert len(names) <= 6
    assert names[-1] == "day 89"


@pytest.mark.parametrize("bars", [[], [Bar("2026-11-26", None)]], ids=["no bars", "unknown"])
def test_nothing_measured_is_said(bars: list[Bar]) -> None:
    assert "Nothing was measured yet." in bar_plot("a", "Analyses", bars)


def test_no_name_can_bring_markup_or_style() -> None:
    plot = bar_plot("a", "<script>", [Bar('"><script>', 1)])
    assert "<script>" not in plot
    assert "style" not in plot
