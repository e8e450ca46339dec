"""Files that were once answered with a fault: damaged ones are refused, odd ones are read."""

from pathlib import Path

import pytest

from app.actions.analyze_manifest import analyze_rows
from app.inference.manifest import read_manifest
from tests.cases.conftest import shipped
from tests.conftest import StoredCount
from tests.support.people.visitors import JSON, Visitor

CASES = Path(__file__).parent
AGE, CATEGORY = 5.4, "house"
DAMAGED = ("avif_major_mif1.avif", "heic_500_4.heic")
ODD = (
    "png_ztxt_1.2MB.png",
    "png_iccp_1.3MB.png",
    "png_rawprofile_badhex.png",
    "badexif_garbage.png",
    "badexif_garbage.jpg",
)
NEAR = 0.1  # of a p-value


def p_value(name: str) -> float:
    content = (CASES / name).read_bytes()
    said = shipped().analyze(content, AGE, CATEGORY).assessment
    assert said.p_value is not None
    return said.p_value


def lines_of(folder: Path, *names: str) -> list[dict[str, object]]:
    rows = [f"{CASES / name},{AGE},{CATEGORY}" for name in names]
    manifest = folder / "manifest.csv"
    manifest.write_text("\n".join(("file,age_years,category", *rows)))
    return list(analyze_rows(shipped(), read_manifest(manifest), folder, None))


@pytest.mark.parametrize("name", DAMAGED)
def test_what_a_decoder_fails_on_is_refused_and_not_kept(
    visitor: Visitor, stored: StoredCount, name: str
) -> None:
    answer = visitor.submits((CASES / name).read_bytes(), age_years=str(AGE))
    assert answer.status_code == 415
    assert answer.json()["detail"].endswith(".")
    assert stored() == (0, 0)


def test_what_a_decoder_fails_on_is_an_error_of_its_row_and_the_run_goes_on(
    tmp_path: Path,
) -> None:
    first, *refused, last = lines_of(tmp_path, "base.png", *DAMAGED, "base.png")
    assert all("error" in line and "p_value" not in line for line in refused)
    assert first["p_value"] == last["p_value"]


@pytest.mark.parametrize("name", ODD)
def test_metadata_does_not_change_the_answer(name: str) -> None:
    assert p_value(name) == pytest.approx(p_value("base.png"), abs=NEAR)


@pytest.mark.parametrize("name", ODD)
def test_metadata_never_refuses_a_picture_over_http(visitor: Visitor, name: str) -> None:
    answer = visitor.submits((CASES / name).read_bytes(), age_years=str(AGE), category=CATEGORY)
    assert answer.status_code == 201


def test_transparent_paper_in_16_bits_is_answered_as_in_8() -> None:
    sixteen, eight = (p_value(f"grey{bits}_paper_is_0_trns0.png") for bits in (16, 8))
    assert sixteen == pytest.approx(eight, abs=NEAR)


def test_a_body_without_its_end_is_refused_and_its_drawing_not_kept(
    visitor: Visitor, stored: StoredCount
) -> None:
    answer = visitor.asks(
        "POST",
        "/api/drawings",
        headers={**JSON, "Content-Type": "multipart/form-data; boundary=B"},
        content=(CASES / "multipart_without_end.bin").read_bytes(),
    )
    assert answer.status_code == 400
    assert stored() == (0, 0)
