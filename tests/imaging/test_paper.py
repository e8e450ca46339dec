import mahotas
import numpy as np
import pytest
from PIL import Image

from app.imaging import synthetic
from app.imaging.marks import DOMAIN_MEASURES, MARKS, domain_measures, mark_statistics
from app.imaging.paper import CROP_SIDE, INK, Crop, Sheet, crop_to_ink, find_ink
from tests.support.data.pictures import a_picture


def inked(picture: Image.Image) -> tuple[Sheet, Crop]:
    sheet = find_ink(picture.convert("RGB"))
    crop = crop_to_ink(sheet)
    assert crop is not None
    return sheet, crop


def shaded(picture: Image.Image) -> Image.Image:
    light = np.linspace(0.45, 0.95, picture.width)[None]
    return Image.fromarray((np.asarray(picture, float) * light).astype(np.uint8))


def test_ink_is_where_the_pen_was_and_nowhere_else() -> None:
    picture = a_picture()
    sheet, _ = inked(picture)
    pen = np.asarray(picture) < 128
    assert (sheet.marked == pen).mean() > 0.995


def test_a_shadow_over_the_sheet_changes_hardly_any_ink() -> None:
    sheet, _ = inked(a_picture())
    in_shadow, _ = inked(shaded(a_picture()))
    assert (sheet.marked == in_shadow.marked).mean() > 0.99


def test_a_blank_sheet_has_no_ink_to_crop_to() -> None:
    assert crop_to_ink(find_ink(Image.new("RGB", (200, 300), (240, 238, 230)))) is None


def test_coloured_ink_counts_as_ink() -> None:
    grey = np.asarray(a_picture())
    yellow = np.stack([np.full_like(grey, 250), np.full_like(grey, 240), grey], -1)
    assert inked(Image.fromarray(yellow))[0].marked.sum() > 0.8 * (grey < 128).sum()


def test_one_coloured_pixel_does_not_change_the_ink_of_a_grey_drawing() -> None:
    grey = a_picture().convert("RGB")
    tinted = grey.copy()
    tinted.putpixel((2, 2), (255, 255, 254))
    assert np.abs(find_ink(grey).ink - find_ink(tinted).ink).max() < 0.01


def test_a_tint_of_the_sheet_changes_no_ink() -> None:
    tint = np.asarray(a_picture(), float)[..., None] / 255 * (250, 240, 200)
    tinted = find_ink(Image.fromarray(tint.round().astype(np.uint8)))
    assert np.abs(find_ink(a_picture().convert("RGB")).ink - tinted.ink).mean() < 0.005


def test_the_grain_of_the_paper_is_no_ink() -> None:
    grain = np.random.default_rng(5).normal(235, 4, (300, 300))
    pen = np.asarray(a_picture()) < 128
    photo = Image.fromarray(np.where(pen, 40, grain.clip(0, 255)).astype(np.uint8))
    assert (inked(photo)[0].marked == pen).mean() > 0.995


def test_a_wide_grey_area_turns_into_paper_and_a_stroke_does_not() -> None:
    picture = Image.new("L", (384, 384), 255)
    picture.paste(80, (20, 20, 150, 150))
    picture.paste(0, (200, 200, 210, 380))
    marked = find_ink(picture.convert("RGB")).marked
    assert not marked[80:90, 80:90].any()
    assert marked[210:370, 202:208].all()


def test_a_large_picture_has_the_ink_of_its_small_version() -> None:
    small = a_picture().convert("RGB").resize((384, 384), Image.Resampling.BICUBIC)
    large = a_picture().convert("RGB").resize((1536, 1536), Image.Resampling.BICUBIC)
    from_small, from_large = find_ink(small), find_ink(large)
    assert from_large.scale == 0.25
    assert (from_small.marked == from_large.marked).mean() > 0.99


@pytest.mark.parametrize("size", [(16, 16), (16, 3000), (301, 299), (385, 16)])
def test_any_shape_of_sheet_is_measured(size: tuple[int, int]) -> None:
    picture = Image.new("L", size, 250)
    picture.paste(10, (5, 5, 12, 11))
    sheet = find_ink(picture.convert("RGB"))
    assert sheet.tone.shape == sheet.paper.shape == (*sheet.ink.shape, 3)
    assert max(sheet.ink.shape) <= 384


def test_specks_are_dropped() -> None:
    picture = a_picture()
    before = inked(picture)[1].box
    picture.putpixel((2, 2), 0)
    assert inked(picture)[1].box == before


def test_the_crop_holds_the_ink_with_a_margin() -> None:
    _, crop = inked(a_picture())
    assert crop.ink.shape == (CROP_SIDE, CROP_SIDE)
    assert crop.ink[:4].max() < INK
    assert crop.ink.max() > INK


def test_a_drawing_measures_the_same_wherever_it_lies_on_the_sheet() -> None:
    small = a_picture().resize((150, 150))
    corners = []
    for place in ((0, 0), (150, 150)):
        wide = Image.new("L", (300, 300), 255)
        wide.paste(small, place)
        corners.append(mark_statistics(*inked(wide)))
    moved = [MARKS.index(name) for name in ("box_x", "box_y")]
    np.testing.assert_allclose(
        np.delete(corners[0], moved), np.delete(corners[1], moved), atol=0.15
    )


@pytest.mark.parametrize("share", [0.1, 0.4, 0.6, 0.9])
def test_components_and_holes_are_as_many_as_flooding_ink_and_paper_finds(share: float) -> None:
    marked = np.random.default_rng(8).random((CROP_SIDE, CROP_SIDE)) < share
    sheet, _ = inked(a_picture())
    crop = Crop(marked.astype(np.float32), 0, 0, CROP_SIDE, (0, 0, CROP_SIDE, CROP_SIDE))
    values = dict(zip(MARKS, np.expm1(mark_statistics(sheet, crop).astype(float)), strict=True))
    _, components = mahotas.label(marked, np.ones((3, 3)))
    _, papers = mahotas.label(~np.pad(marked, 1))
    assert values["components"] == pytest.approx(components, rel=1e-5)
    assert values["holes"] == pytest.approx(papers - 1, rel=1e-5)


def test_colour_of_the_ink_is_measured_and_grey_has_none() -> None:
    grey = np.asarray(a_picture())
    blue = np.stack([grey, grey, np.full_like(grey, 255)], -1)
    colour = DOMAIN_MEASURES.index("ink_colour")
    assert domain_measures(*inked(a_picture()))[colour] == 0
    assert domain_measures(*inked(Image.fromarray(blue)))[colour] > 0.5


def counted(*strokes: synthetic.Points) -> dict[str, int]:
    """The marks' counts of strokes drawn with a round pen."""
    values = np.expm1(mark_statistics(*inked(synthetic.render(list(strokes)))))
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


def test_a_shadow_moves_the_picture_away_from_clean_line_art() -> None:
    clean = dict(zip(DOMAIN_MEASURES, domain_measures(*inked(a_picture())), strict=True))
    photo = dict(zip(DOMAIN_MEASURES, domain_measures(*inked(shaded(a_picture()))), strict=True))
    assert photo["paper_shading"] > clean["paper_shading"] + 0.2
