import mahotas
import numpy as np
import pytest
from PIL import Image

from app.imaging import synthetic
from app.imaging.marks import (
    CROP_SIDE,
    LEAST_MEASURE,
    MARKS,
    PICTURE_MEASURES,
    mark_statistics,
    picture_measures,
)
from app.imaging.paper import find_ink
from app.inference.features import Inked, Trunk, measure
from tests.support.data.bundles import BUNDLE
from tests.support.data.pictures import a_picture

TRUNK = Trunk(BUNDLE / "trunk.onnx")


def seen(picture: Image.Image) -> Inked:
    found = measure(TRUNK, find_ink(picture.convert("RGB")))
    assert found is not None
    return found


def marks_of(picture: Image.Image) -> np.ndarray:
    return mark_statistics(seen(picture).seen.strokes)


def named(measures: np.ndarray) -> dict[str, float]:
    """The measures themselves, not their logarithms."""
    values = np.exp(measures.astype(float)) - LEAST_MEASURE
    return dict(zip(PICTURE_MEASURES, values.tolist(), strict=True))


def measured(picture: Image.Image) -> dict[str, float]:
    return named(seen(picture).picture)


def shaded(picture: Image.Image) -> Image.Image:
    light = np.linspace(0.45, 0.95, picture.width)[None]
    return Image.fromarray((np.asarray(picture, float) * light).astype(np.uint8))


def test_a_drawing_measures_the_same_wherever_it_lies_on_the_sheet() -> None:
    small = a_picture().resize((150, 150))
    corners = []
    for place in ((0, 0), (150, 150)):
        wide = Image.new("L", (300, 300), 255)
        wide.paste(small, place)
        corners.append(marks_of(wide))
    np.testing.assert_allclose(corners[0], corners[1], atol=0.15)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.6, 0.9])
def test_components_and_holes_are_as_many_as_flooding_ink_and_paper_finds(share: float) -> None:
    marked = np.random.default_rng(8).random((CROP_SIDE, CROP_SIDE)) < share
    marks = mark_statistics(marked.astype(np.float32)).astype(float)
    values = dict(zip(MARKS, np.expm1(marks), strict=True))
    _, components = mahotas.label(marked, np.ones((3, 3)))
    _, papers = mahotas.label(~np.pad(marked, 1))
    assert values["components"] == pytest.approx(components, rel=1e-5)
    assert values["holes"] == pytest.approx(papers - 1, rel=1e-5)


def counted(*strokes: synthetic.Points) -> dict[str, int]:
    """The marks' counts of strokes drawn with a round pen."""
    values = np.expm1(marks_of(synthetic.render(list(strokes))))
    return {name: round(float(value)) for name, value in zip(MARKS, values, strict=True)}


def test_a_cross_has_four_ends_and_its_arms_meet() -> None:
    cross = counted(
        synthetic.line((0.2, 0.25), (0.8, 0.75)), synthetic.line((0.25, 0.8), (0.75, 0.2))
    )
    assert (cross["ends"], cross["holes"], cross["components"]) == (4, 0, 1)
    assert cross["junctions"] >= 1


def test_a_ring_has_one_hole_and_neither_ends_nor_junctions() -> None:
    ring = counted(synthetic.oval(0.5, 0.5, 0.6, 0.5))
    assert (ring["ends"], ring["junctions"], ring["holes"]) == (0, 0, 1)


def test_two_strokes_apart_are_two_components() -> None:
    apart = counted(synthetic.line((0.2, 0.2), (0.3, 0.8)), synthetic.line((0.7, 0.2), (0.6, 0.8)))
    assert (apart["components"], apart["ends"]) == (2, 4)


def test_colour_of_the_ink_is_measured_and_grey_has_none() -> None:
    grey = np.asarray(a_picture())
    blue = np.stack([grey, grey, np.full_like(grey, 255)], -1)
    assert measured(a_picture())["ink_colour"] == pytest.approx(0, abs=1e-6)
    assert measured(Image.fromarray(blue))["ink_colour"] > 0.5


def test_a_shadow_moves_the_picture_away_from_clean_line_art() -> None:
    shadow = measured(shaded(a_picture()))["paper_shading"]
    assert shadow > measured(a_picture())["paper_shading"] + 0.2


def test_ink_that_is_no_stroke_is_measured_as_not_read() -> None:
    found = seen(a_picture())
    half = found.seen.strokes.copy()
    half[:, CROP_SIDE // 2 :] = 0
    spoilt = picture_measures(found.sheet, found.crop.halved, found.crop.side, half)
    assert named(found.picture)["unread_ink"] < 0.02
    assert named(spoilt)["unread_ink"] > 0.2
