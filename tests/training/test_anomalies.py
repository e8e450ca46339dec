from collections.abc import Callable

import numpy as np
import pytest

from app.imaging import synthetic
from app.imaging.paper import INK
from app.scoring.norms import FloatArray
from app.training.anomalies import (
    Pen,
    Spoilt,
    half_erased,
    ink_box,
    intruded,
    measured_pen,
    patch_erased,
    redrawn,
    scribbled,
    turned,
)


def ink_of(category: str, seed: int = 1) -> FloatArray:
    return 1 - np.asarray(synthetic.draw(category, 6.0, seed).convert("L"), np.float32) / 255


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


HOUSE, FISH = ink_of("house"), ink_of("fish")


def test_half_of_the_inks_box_is_white_and_the_other_half_untouched(
    rng: np.random.Generator,
) -> None:
    ink = half_erased(HOUSE, rng).ink
    kept = ink > 0
    assert (ink[kept] == HOUSE[kept]).all()
    before, after = ink_box(HOUSE), ink_box(ink)
    shares = [
        (after[1] - after[0]) / (before[1] - before[0]),
        (after[3] - after[2]) / (before[3] - before[2]),
    ]
    assert min(shares) < 0.55


def test_an_erased_patch_takes_some_ink_and_not_much(rng: np.random.Generator) -> None:
    left = patch_erased(HOUSE, rng).ink.sum() / HOUSE.sum()
    assert 0.4 < left < 1


def test_turning_twice_upside_down_changes_nothing() -> None:
    assert (turned(turned(HOUSE, 2).ink, 2).ink == HOUSE).all()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(scribbled, id="scribble"),
        pytest.param(lambda ink, rng: intruded(ink, FISH, rng), id="intruder"),
    ],
)
def test_added_ink_is_marked_and_the_hosts_is_not(
    spoil: Callable[[FloatArray, np.random.Generator], Spoilt], rng: np.random.Generator
) -> None:
    spoilt = spoil(HOUSE, rng)
    assert spoilt.foreign.any()
    assert not (spoilt.foreign & (spoilt.ink != np.maximum(spoilt.ink, HOUSE))).any()
    assert (spoilt.ink >= HOUSE).all()


@pytest.mark.parametrize("thickness", [3.0, 6.0, 9.0])
def test_what_is_redrawn_has_the_pen_it_was_asked_for(thickness: float) -> None:
    host = redrawn(HOUSE, Pen(thickness, 0.3))
    assert measured_pen(host).width == pytest.approx(thickness, abs=1.1)


def test_an_intruder_is_drawn_with_the_hosts_pen(rng: np.random.Generator) -> None:
    thick = redrawn(HOUSE, Pen(8.0, 0.3))
    spoilt = intruded(thick, FISH, rng)
    alone = np.where(spoilt.foreign, spoilt.ink, 0)
    assert measured_pen(alone).width == pytest.approx(measured_pen(thick).width, abs=2)


def test_the_pen_of_an_empty_sheet_is_some_pen() -> None:
    assert measured_pen(np.zeros((50, 50), np.float32)).width > 0


def test_a_scribble_stays_on_the_sheet_and_adds_ink(rng: np.random.Generator) -> None:
    spoilt = scribbled(HOUSE, rng)
    assert spoilt.ink.shape == HOUSE.shape
    assert (spoilt.ink >= INK).sum() > (HOUSE >= INK).sum()
