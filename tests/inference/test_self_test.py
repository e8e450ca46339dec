"""A bundle must answer what it answered when it was written."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.errors import BundleError
from app.inference import self_test
from app.inference.bundle import Bundle
from app.scoring.norms import FloatArray
from tests.support.data.bundles import BUNDLE


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """The shipped one."""
    return Bundle.open(BUNDLE)


class OtherRuntime:
    """The runtime of a trunk, on another processor or of another release."""

    def __init__(self, runtime: Any, change: Callable[[FloatArray], FloatArray]) -> None:  # noqa: ANN401 - onnxruntime has no types
        self.runtime = runtime
        self.change = change

    def run(self, names: list[str] | None, inputs: dict[str, FloatArray]) -> list[FloatArray]:
        return [self.change(output) for output in self.runtime.run(names, inputs)]


def computed(bundle: Bundle, change: Callable[[FloatArray], FloatArray]) -> Bundle:
    """The bundle where every output of its trunk is changed."""
    trunk = copy.copy(bundle.trunk)
    trunk._runtime = OtherRuntime(trunk._runtime, change)
    return replace(bundle, trunk=trunk)


def with_answer(bundle: Bundle, **changes: object) -> Bundle:
    """The bundle with another answer recorded for its first drawing."""
    first, *others = bundle.self_test["drawings"]
    changed = first | {"answer": first["answer"] | changes}
    return replace(bundle, self_test={"drawings": [changed, *others]})


def measures(bundle: Bundle) -> dict[str, Any]:
    recorded: dict[str, Any] = bundle.self_test["drawings"][0]["answer"]["measures"]
    return recorded


def test_the_shipped_bundle_answers_as_it_did(bundle: Bundle) -> None:
    self_test.check(bundle)


def test_the_self_test_holds_a_score_a_missing_norm_and_a_sheet_that_is_no_drawing(
    bundle: Bundle,
) -> None:
    recorded = self_test.record(bundle.trunk, bundle.norms)["drawings"]
    verdicts = {drawing["answer"]["verdict"] for drawing in recorded}
    assert verdicts == {"drawing", "no_norm", "not_a_drawing"}


def test_the_last_digits_of_another_processor_are_no_difference(bundle: Bundle) -> None:
    rng = np.random.default_rng(1)

    def rounded(output: FloatArray) -> FloatArray:
        noise = rng.normal(0, 1e-5, output.shape)
        return (output * (1 + noise)).astype(np.float32)

    self_test.check(computed(bundle, rounded))


def test_another_trunk_is_a_difference(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="fails its self-test"):
        self_test.check(computed(bundle, lambda output: output * np.float32(1.05)))


@pytest.mark.parametrize("name", ["p_value", "anomaly_score", "apparent_age", "marks"])
@pytest.mark.parametrize("by", [0.02, -0.02], ids=["more", "less"])
def test_another_number_is_a_difference_and_is_named(bundle: Bundle, name: str, by: float) -> None:
    changed = measures(bundle)[name] * (1 + 5 * by) + by
    other = with_answer(bundle, measures=measures(bundle) | {name: changed})
    with pytest.raises(BundleError, match=f"of drawing 1 it now says {name}"):
        self_test.check(other)


def test_what_was_measured_and_no_longer_is_is_a_difference(bundle: Bundle) -> None:
    recorded = measures(bundle) | {"colour": 0.5}
    with pytest.raises(BundleError, match=r"colour None instead of 0\.5"):
        self_test.check(with_answer(bundle, measures=recorded))


def test_another_verdict_is_a_difference(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="drawing instead of no_norm"):
        self_test.check(with_answer(bundle, verdict="no_norm"))


@pytest.mark.parametrize(
    "malformed",
    [{}, {"drawings": []}, {"drawings": [{}]}, {"drawings": ["x"]}, {"drawings": 3}],
    ids=str,
)
def test_a_self_test_that_tests_nothing_is_not_passed(
    bundle: Bundle, malformed: dict[str, Any]
) -> None:
    with pytest.raises(BundleError, match="cannot be run by this release"):
        self_test.check(replace(bundle, self_test=malformed))


def test_norms_for_another_trunk_are_refused_in_a_sentence(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="cannot be run by this release"):
        self_test.check(computed(bundle, lambda output: output[:, :50]))
