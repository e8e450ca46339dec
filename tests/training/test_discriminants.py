import numpy as np
import pytest

from app.scoring.norms import DAMAGE, FloatArray
from app.training.discriminants import (
    fit_category,
    fit_orientation,
    fit_parts,
    turned_variants,
    with_temperature,
)
from app.training.examples import SIDEWAYS, UPSIDE_DOWN, VARIANTS
from app.training.references import References

DEPTH, EACH = 12, 40


def planted(turn: FloatArray) -> References:
    """Three categories, of which the last has no drawing; ``turn`` (2, d) is added upside down."""
    rng = np.random.default_rng(1)
    category = np.repeat([0, 1], EACH).astype(np.int32)
    features = rng.normal(size=(2 * EACH, DEPTH)) + 2 * np.eye(DEPTH)[category]
    variants = np.repeat(features[:, None], len(VARIANTS), axis=1) + 0.1 * rng.normal(
        size=(2 * EACH, len(VARIANTS), DEPTH)
    )
    for place, name in enumerate(VARIANTS):
        if name in (UPSIDE_DOWN, SIDEWAYS):
            variants[:, place] += turn[category]
    count = 2 * EACH
    return References(
        features.astype(np.float32), DEPTH, np.full(count, 5, np.float32), category,
        np.arange(count, dtype=np.int32), ("bird", "cup", "spider"), np.array([True, True, False]),
        variants.astype(np.float32),
    )  # fmt: skip


def test_planted_categories_are_told_apart_and_the_probabilities_sum_to_one() -> None:
    references = planted(np.zeros((2, DEPTH)))
    said = fit_category(references.shown, references).log_probabilities(references.features)
    assert np.exp(said).sum(1) == pytest.approx(1, abs=1e-5)
    assert (said.argmax(1) == references.category).mean() > 0.85


def test_a_category_without_drawings_is_hardly_ever_likely() -> None:
    references = planted(np.zeros((2, DEPTH)))
    said = fit_category(references.shown, references).log_probabilities(references.features)
    assert np.exp(said[:, 2]).max() < 0.01


def test_a_turn_that_differs_by_category_is_noticed_only_with_the_category() -> None:
    opposite = np.zeros((2, DEPTH))
    opposite[0, 5], opposite[1, 5] = 4, -4
    references = planted(opposite)
    fitted = fit_orientation(references, references.features, turned_variants(references))
    upright = [fitted.log_odds(x, 0) for x in references.features[:EACH]]
    turned = [fitted.log_odds(x, 0) for x in references.variant(UPSIDE_DOWN)[0, :EACH]]
    without = [fitted.log_odds(x, None) for x in references.variant(UPSIDE_DOWN)[0, :EACH]]
    assert np.mean(turned) > np.mean(upright) + 1
    assert np.mean(without) < np.mean(turned)


def test_damage_that_shows_in_the_features_is_named() -> None:
    rng = np.random.default_rng(2)
    whole = rng.normal(size=(80, DEPTH)).astype(np.float32)
    damaged = [whole[None] + 4 * np.eye(DEPTH)[k] for k in range(1, len(DAMAGE))]
    fitted = fit_parts(whole, damaged)
    for place, stack in enumerate(damaged, start=1):
        assert (fitted.log_probabilities(stack[0]).argmax(1) == place).mean() > 0.8


def test_the_temperature_cools_what_was_too_sure() -> None:
    references = planted(np.zeros((2, DEPTH)))
    fitted = fit_category(references.shown, references)
    rng = np.random.default_rng(3)
    truth = rng.integers(2, size=2 * EACH)  # the classifier knows nothing of these
    assert with_temperature(fitted, references.features, truth.astype(np.int32)).temperature > 2
