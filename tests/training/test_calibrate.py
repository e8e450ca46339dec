import csv
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.errors import InvalidRequest
from app.inference import self_test
from app.inference.analyzer import BundleAnalyzer
from app.inference.bundle import Bundle
from app.training.calibrate import CalibrationReport, calibrate
from app.training.not_drawings import phone_photo
from tests.support.data.bundles import BUNDLE
from tests.support.data.pictures import a_picture, as_bytes

TODAY = date(2026, 11, 23)
CHILDREN = 62


def write_manifest(folder: Path, rows: list[tuple[object, ...]]) -> Path:
    path = folder / "manifest.csv"
    with path.open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows([("file", "age_years", "category", "child"), *rows])
    return path


def photographed(seed: int) -> bytes:
    """A drawing as the kindergarten's telephone sees it."""
    rng = np.random.default_rng(seed)
    return as_bytes(phone_photo(a_picture("house", 5.5 + seed % 2, seed), rng), "JPEG")


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CalibrationReport]:
    """Photographs by 62 children of 5 and 6 years, a blank sheet and a child of 12."""
    folder = tmp_path_factory.mktemp("kindergarten")
    rows: list[tuple[object, ...]] = []
    for child in range(CHILDREN):
        (folder / f"{child}.jpg").write_bytes(photographed(child))
        rows.append((f"{child}.jpg", 5.5 + child % 2, "house", f"c{child}"))
    (folder / "blank.png").write_bytes(as_bytes(Image.new("L", (300, 300), 255)))
    rows += [("blank.png", 5.5, "", "c0"), ("0.jpg", 12, "", "c99")]
    out = folder / "bundle"
    report = calibrate(BUNDLE, write_manifest(folder, rows), "Our Kindergarten", out, TODAY)
    return out, report


def test_a_new_photograph_is_compared_with_the_kindergartens_own(
    calibrated: tuple[Path, CalibrationReport],
) -> None:
    analysis = BundleAnalyzer.open(calibrated[0]).analyze(photographed(1000), 5.5, "house")
    result = analysis.as_json()
    assert result["verdict"] == "drawing"
    assert result["norm"] == {
        "category": "house", "age_band": "5", "references": CHILDREN, "children": CHILDREN,
        "domain": "Our Kindergarten", "local": True, "same_category": None,
            "category_left_out": None, "ages": [4, 8],
    }  # fmt: skip
    assert result["resolution"] == round(1 / (1 + CHILDREN), 5)
    assert result["resolution"] <= result["p_value"] <= 1
    assert abs(result["anomaly_score"] - 100 * (1 - result["p_value"])) < 3
    assert "“Our Kindergarten”" in analysis.sentences[0]


def test_the_guard_matches_the_pictures_that_were_calibrated_on(
    calibrated: tuple[Path, CalibrationReport],
) -> None:
    guard = Bundle.open(calibrated[0]).norms.guard
    assert (guard.limits >= Bundle.open(BUNDLE).norms.guard.limits).all()
    analyzer = BundleAnalyzer.open(calibrated[0])
    assert all(
        analyzer.analyze(photographed(seed), 5.5, None).assessment.domain.matched
        for seed in range(3)
    )


def test_an_age_without_references_has_no_norm_here_either(
    calibrated: tuple[Path, CalibrationReport],
) -> None:
    result = BundleAnalyzer.open(calibrated[0]).analyze(photographed(0), 12, None).as_json()
    assert (result["verdict"], result["reason"]) == ("no_norm", "too_few_references")
    assert not result["norm"]["local"]


def test_the_bundle_says_what_it_was_calibrated_on_and_passes_its_self_test(
    calibrated: tuple[Path, CalibrationReport],
) -> None:
    bundle = Bundle.open(calibrated[0])
    self_test.check(bundle)
    assert bundle.version == bundle.card["version"] == f"{_shipped()}+our-kindergarten"
    assert bundle.card["local"] == {
        "name": "Our Kindergarten", "of": _shipped(), "drawings": CHILDREN, "children": CHILDREN,
        "children_with_category": CHILDREN, "drawings_without_child": 0, "left_out": 2,
        "calibrated_on": "2026-11-23",
    }  # fmt: skip


def test_what_cannot_be_compared_is_left_out_and_reported(
    calibrated: tuple[Path, CalibrationReport],
) -> None:
    assert [(row.file, row.why.split(",")[0]) for row in calibrated[1].left_out] == [
        ("blank.png", "It has no ink that could be found."),
        ("0.jpg", "Only 0 reference children are aged 12"),
    ]


def test_a_calibrated_bundle_is_not_calibrated_again(
    calibrated: tuple[Path, CalibrationReport], tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match="calibrated on “Our Kindergarten” already"):
        calibrate(calibrated[0], tmp_path / "m.csv", "again", tmp_path / "out", TODAY)


def test_fewer_than_sixty_children_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    for child in range(3):
        (tmp_path / f"{child}.png").write_bytes(as_bytes(a_picture(seed=child)))
    manifest = write_manifest(tmp_path, [(f"{c}.png", 6.5, "", f"c{c % 2}") for c in range(3)])
    with pytest.raises(InvalidRequest, match=r"at least 60 children; these 3 usable .* are of 2"):
        calibrate(BUNDLE, manifest, "small", tmp_path / "out", TODAY)
    assert not (tmp_path / "out").exists()


def test_files_and_ages_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "good.png").write_bytes(as_bytes(a_picture()))
    rows: list[tuple[object, ...]] = [
        ("text.png", 5, "", "a"), ("none.png", 5, "", "b"), ("good.png", "five", "", "c"),
        ("good.png", 6.5, "", "d"),
    ]  # fmt: skip
    with pytest.raises(InvalidRequest, match="3 of 4 rows cannot be used") as refusal:
        calibrate(BUNDLE, write_manifest(tmp_path, rows), "bad", tmp_path / "out", TODAY)
    assert all(part in str(refusal.value) for part in ("text.png", "none.png", "“five”"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["", "!?", "k" * 80], ids=["empty", "marks", "long"])
def test_a_name_that_cannot_be_part_of_a_version_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot name a calibration"):
        calibrate(BUNDLE, tmp_path / "m.csv", name, tmp_path / "out", TODAY)


def test_a_folder_that_holds_something_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(InvalidRequest, match="is not empty"):
        calibrate(BUNDLE, tmp_path / "m.csv", "here", tmp_path, TODAY)


def _shipped() -> str:
    return Bundle.open(BUNDLE).version
