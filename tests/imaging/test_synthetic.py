import numpy as np
import pytest

from app.imaging import synthetic
from app.imaging.synthetic import DEMO_SAMPLES, draw_sample


@pytest.mark.parametrize("category", synthetic.CATEGORIES)
def test_the_same_seed_draws_the_same_pixels_and_another_does_not(category: str) -> None:
    drawn = [np.asarray(synthetic.draw(category, 5.5, seed)) for seed in (1, 1, 2)]
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).any()
    assert (drawn[0] < 128).sum() > 300


def test_older_hands_draw_steadier() -> None:
    assert synthetic.Hand.of_age(8).tremor < synthetic.Hand.of_age(4).tremor


def test_an_unknown_category_is_refused_with_those_known() -> None:
    with pytest.raises(ValueError, match="house"):
        synthetic.draw("submarine", 5, 1)


def test_the_demonstration_has_twelve_different_pictures_of_several_categories_and_ages() -> None:
    assert len({draw_sample(sample) for sample in DEMO_SAMPLES}) == 12
    assert len({sample.category for sample in DEMO_SAMPLES}) >= 6
    assert len({int(sample.age_years) for sample in DEMO_SAMPLES}) >= 4
    assert len({sample.slug for sample in DEMO_SAMPLES}) == 12
