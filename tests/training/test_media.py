"""Simulated pictures of doodles, and the strokes that should be read from them."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from app.imaging import synthetic
from app.imaging.marks import CROP_SIDE
from app.imaging.paper import INK
from app.inference.features import READ_SIDE
from app.training.media import (
    Example,
    centre_lines,
    doodle_lines,
    drawn_by_one_pen,
    example,
    picture,
)
from app.training.papers import bare_sheet

DOODLES = [doodle_lines(synthetic.draw(name, 8.0, 1)) for name in ("house", "cat", "fish")]


def examples(count: int) -> list[Example]:
    made = (example(DOODLES, np.random.default_rng((1, seed))) for seed in range(count))
    return [one for one in made if one is not None]


def test_the_same_seed_makes_the_same_example() -> None:
    one, two = (example(DOODLES, np.random.default_rng(5)) for _ in range(2))
    assert one is not None
    assert two is not None
    assert (one.ink == two.ink).all()
    assert (one.strokes == two.strokes).all()


def test_most_pictures_hold_something_to_read() -> None:
    assert len(examples(24)) >= 18


def test_the_strokes_lie_on_the_ink() -> None:
    """Fills, marks of the sheet and faint pens are in it too, so it holds for most."""
    shares = []
    for made in examples(48):
        truth = made.strokes >= INK * 255
        near = ndimage.maximum_filter(made.ink.reshape(CROP_SIDE, 2, CROP_SIDE, 2).max((1, 3)), 5)
        if truth.any():
            shares.append((near[truth] > 40).mean())
    assert np.median(shares) > 0.95


def test_an_example_is_as_large_as_what_is_read_and_what_is_redrawn() -> None:
    (made, *_) = examples(4)
    assert made.ink.shape == (READ_SIDE, READ_SIDE)
    assert made.strokes.shape == (CROP_SIDE, CROP_SIDE)


def test_a_line_by_the_one_pen_is_about_two_pixels_wide() -> None:
    drawn = drawn_by_one_pen(np.array([[[20.0, 64.0], [108.0, 64.0]]]))
    assert drawn[:, 64].sum() == pytest.approx(2.2, abs=0.5)
    assert drawn[64, 30:100].min() > 0.9


def test_an_area_becomes_its_outline() -> None:
    solid = np.zeros((CROP_SIDE, CROP_SIDE), bool)
    solid[30:90, 40:100] = True
    drawn = drawn_by_one_pen(centre_lines(solid))
    assert drawn[50:70, 60:80].max() < 0.05
    assert drawn[30:33, 50:90].max(0).min() > 0.5


def test_centre_lines_join_neighbours_and_no_others() -> None:
    marked = np.zeros((5, 5), bool)
    marked[1, 1] = marked[2, 2] = marked[4, 4] = True
    assert centre_lines(marked).tolist() == [[[1, 1], [2, 2]]]


def test_pictures_are_of_many_sizes_and_some_are_coloured() -> None:
    rng = np.random.default_rng(2)
    seen = [picture(DOODLES, rng) for _ in range(12)]
    assert len({one.size for one in seen}) > 8
    assert 0 < sum(coloured(one) for one in seen) < 12


def test_bare_sheets_are_the_same_for_the_same_seed_and_differ_otherwise() -> None:
    one, two, other = (bare_sheet(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert one.tobytes() == two.tobytes()
    assert one.tobytes() != other.tobytes()


def coloured(one: Image.Image) -> bool:
    return bool((np.ptp(np.asarray(one).astype(int), axis=2) > 12).mean() > 0.001)
