"""Bytes in, an analysis out: by the shipped bundle, and one at a time."""

import io
import json
import math
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from PIL import Image, ImageOps

from app.errors import Busy, InvalidAge
from app.imaging.synthetic import DEMO_SAMPLES, draw_sample
from app.inference.analysis import Analysis
from app.inference.analyzer import MOST_WAITING, BundleAnalyzer, OneAtATime
from app.inference.bundle import Bundle
from app.scoring.assessment import LEVEL, TERMS, Verdict
from app.scoring.norms import DomainGuard
from app.training.not_drawings import phone_photo, printed_text
from tests.support.data.bundles import BUNDLE
from tests.support.data.pictures import a_picture, as_bytes

FIELDS = {
    "verdict", "reason", "anomaly_score", "p_value", "resolution", "level", "flagged",
    "terms", "stands_out", "apparent_age", "categories", "norm", "domain", "sheet",
    "sentences", "bundle", "processing_ms",
}  # fmt: skip


@pytest.fixture(scope="module")
def analyzer() -> BundleAnalyzer:
    """The bundle that is shipped."""
    return BundleAnalyzer.open(BUNDLE)


def analyze(
    analyzer: BundleAnalyzer, picture: Image.Image, age: float = 6.5, category: str | None = "house"
) -> Analysis:
    return analyzer.analyze(as_bytes(picture), age, category)


def test_a_drawing_gets_the_whole_object(analyzer: BundleAnalyzer) -> None:
    result = analyze(analyzer, a_picture()).as_json()
    assert set(result) == FIELDS
    assert json.loads(json.dumps(result)) == result
    assert result["verdict"] == "drawing"
    assert 0 < result["resolution"] <= result["p_value"] <= 1
    assert 0 <= result["anomaly_score"] <= 100
    assert set(result["terms"]) == set(TERMS)
    assert result["norm"]["children"] >= 60
    assert result["apparent_age"]["low"] < result["apparent_age"]["high"]


@pytest.mark.parametrize("category", [None, "submarine", "bed"])
def test_without_a_known_category_the_category_term_is_unknown_and_said_so(
    analyzer: BundleAnalyzer, category: str | None
) -> None:
    analysis = analyze(analyzer, a_picture(), category=category)
    left_out = analysis.assessment.norm.left_out
    assert analysis.assessment.norm.category is None
    assert (left_out and left_out.name) == category
    assert analysis.as_json()["terms"]["category"] == {"p_value": None}
    assert any("whatever they show" in sentence for sentence in analysis.sentences)


@pytest.mark.parametrize("category", ["ice cream", "Ice  Cream", "ice-cream", " ICE_CREAM "])
def test_a_category_is_known_however_it_is_written(analyzer: BundleAnalyzer, category: str) -> None:
    assert analyze(analyzer, a_picture(), category=category).assessment.norm.category == "ice cream"


def test_naming_a_fish_a_house_makes_the_category_stand_out(analyzer: BundleAnalyzer) -> None:
    named = analyze(analyzer, a_picture("fish", 7), category="fish").as_json()["terms"]["category"]
    wrong = analyze(analyzer, a_picture("fish", 7), category="car").as_json()["terms"]["category"]
    assert wrong["p_value"] < named["p_value"]


@pytest.mark.parametrize("age", [2.0, 3.5, 9.0, 12.0, 18.9])
def test_an_age_with_too_few_children_gets_no_score(analyzer: BundleAnalyzer, age: float) -> None:
    analysis = analyze(analyzer, a_picture(), age)
    assert analysis.assessment.verdict is Verdict.NO_NORM
    assert analysis.as_json()["reason"] == "too_few_references"
    assert analysis.assessment.p_value is None
    assert f"by {int(age)}-year-olds" in analysis.sentences[0]
    assert "aged 4 to 8 can be compared" in analysis.sentences[1]


@pytest.mark.parametrize("age", [math.nan, math.inf, -1.0, 1.9, 19.0])
def test_an_age_outside_two_to_eighteen_is_refused(analyzer: BundleAnalyzer, age: float) -> None:
    with pytest.raises(InvalidAge, match="between 2 and 18"):
        analyze(analyzer, a_picture(), age)


def test_blank_paper_and_print_are_no_drawings_and_get_no_map(analyzer: BundleAnalyzer) -> None:
    rng = np.random.default_rng(99)
    for picture in (Image.new("RGB", (300, 300), "white"), printed_text(rng), printed_text(rng)):
        analysis = analyze(analyzer, picture)
        assert analysis.assessment.verdict is Verdict.NOT_A_DRAWING
        assert analysis.saliency_map is None
        assert analysis.assessment.p_value is None


def test_a_picture_whose_strokes_are_unclear_gets_no_score_and_is_told_why() -> None:
    shipped = Bundle.open(BUNDLE)
    clean_only = DomainGuard(shipped.norms.guard.name, shipped.norms.guard.limits - 7)
    analyzer = BundleAnalyzer(replace(shipped, norms=replace(shipped.norms, guard=clean_only)))
    photo = phone_photo(a_picture(), np.random.default_rng(3))
    analysis = analyze(analyzer, photo)
    assert analysis.assessment.verdict is Verdict.NO_NORM
    assert analysis.as_json()["reason"] == "unclear_strokes"
    assert analysis.assessment.p_value is None
    assert analysis.assessment.apparent_age is None
    assert "could not be told surely enough" in analysis.sentences[0]
    assert "sharp photograph in even light" in analysis.sentences[1]


def test_a_synthetic_line_drawing_is_of_the_kind_the_norms_come_from(
    analyzer: BundleAnalyzer,
) -> None:
    assert analyze(analyzer, a_picture()).assessment.domain.matched


def test_the_map_lies_on_the_upright_original_and_lights_ink_only(analyzer: BundleAnalyzer) -> None:
    tall = ImageOps.expand(a_picture(), (0, 100), 255)
    mapped = Image.open(io.BytesIO(analyze(analyzer, tall).saliency_map or b""))
    assert (mapped.mode, mapped.size) == ("L", (300, 500))
    light, ink = np.asarray(mapped), np.asarray(tall) < 128
    assert light[ink].min() > 0
    assert light[:90].max() == 0
    assert light.max() > 200


def test_no_two_drawings_share_a_map(analyzer: BundleAnalyzer) -> None:
    maps = [
        analyzer.analyze(draw_sample(s), s.age_years, s.category).saliency_map for s in DEMO_SAMPLES
    ]
    assert None not in maps
    assert len(set(maps)) == len(DEMO_SAMPLES)


def test_the_same_drawing_gets_the_same_answer(analyzer: BundleAnalyzer) -> None:
    answers = [analyze(analyzer, a_picture()).as_json() | {"processing_ms": 0} for _ in range(2)]
    assert answers[0] == answers[1]


class Slow:
    """Notes how many analyses ran at once."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.open = threading.Event()

    def analyze(
        self, content: bytes, age_years: float, category: str | None, level: float = LEVEL
    ) -> Analysis:
        self.running += 1
        self.most = max(self.most, self.running)
        self.open.wait(10)
        self.running -= 1
        return cast(Analysis, None)


def test_one_analysis_runs_few_wait_and_more_are_sent_away() -> None:
    slow = Slow()
    analyzer = OneAtATime(slow)
    with ThreadPoolExecutor(MOST_WAITING + 2) as threads:
        asked = [threads.submit(analyzer.analyze, b"", 6.0, None) for _ in range(MOST_WAITING + 2)]
        (refused,) = wait(asked, timeout=10, return_when=FIRST_COMPLETED).done
        slow.open.set()
    assert isinstance(refused.exception(), Busy)
    assert slow.most == 1
    assert sum(one.exception() is None for one in asked) == MOST_WAITING + 1
