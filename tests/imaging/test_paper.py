import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from app.errors import UnreadableDrawing
from app.imaging.paper import SHADOWS, Sheet, find_drawing, find_ink
from app.inference.features import Crop, crop_to_ink
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
    before = inked(picture)[1]
    picture.putpixel((2, 2), 0)
    after = inked(picture)[1]
    assert (after.left, after.top, after.side) == (before.left, before.top, before.side)


def a_shadowed(picture: Image.Image, depth: float = 0.3) -> Image.Image:
    """The sharp edge of a shadow runs down the middle, a little slanted."""
    y, x = np.mgrid[: picture.height, : picture.width]
    light = 1 - depth * np.clip((x - picture.width / 2 - y / 9) / 4, 0, 1)
    return Image.fromarray((np.asarray(picture, float) * light).astype(np.uint8))


def test_the_edge_of_a_shadow_is_no_ink_and_strokes_that_cross_it_are() -> None:
    plain, _ = inked(a_picture())
    shadowed = find_ink(a_shadowed(a_picture()).convert("RGB"))
    assert shadowed.notes == (SHADOWS,)
    assert (shadowed.marked == plain.marked).mean() > 0.99
    assert shadowed.marked[plain.marked].mean() > 0.9


@pytest.mark.parametrize("colour", [(240, 200, 40), (60, 150, 70)], ids=["yellow", "green"])
def test_a_coloured_area_that_runs_out_of_the_picture_is_no_shadow(
    colour: tuple[int, int, int],
) -> None:
    picture = Image.new("RGB", (384, 384), "white")
    picture.paste(colour, (0, 300, 384, 330))
    assert find_ink(picture).marked[305:325].mean() > 0.9


@pytest.mark.parametrize("size", [2, 9, 12])
def test_a_speck_on_a_bare_sheet_is_no_drawing(size: int) -> None:
    sheet = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(sheet).ellipse((100, 100, 100 + size, 100 + size), fill="black")
    assert not find_drawing(sheet).marked.any()


def test_a_drawing_of_too_few_pixels_is_refused_with_their_number() -> None:
    sheet = Image.new("RGB", (300, 300), "white")
    sheet.paste(a_picture().resize((40, 40), Image.Resampling.BOX).convert("RGB"), (90, 90))
    with pytest.raises(UnreadableDrawing, match=r"only \d+ pixels .* at least 32"):
        find_drawing(sheet)


@pytest.mark.parametrize("size", [(20, 3000), (3000, 20)])
def test_a_long_strip_is_seen_up_to_its_end(size: tuple[int, int]) -> None:
    strip = Image.new("RGB", size, "white")
    end = (size[0] - 18, size[1] - 18, size[0] - 2, size[1] - 2)
    ImageDraw.Draw(strip).ellipse((2, 2, 18, 18), outline="black", width=3)
    ImageDraw.Draw(strip).ellipse(end, outline="black", width=3)
    found = find_drawing(strip)
    seen = max(found.ink.shape) / found.scale
    assert seen == pytest.approx(3000, rel=0.02)


def test_a_blackboard_is_read_as_dark_and_white_paper_is_not() -> None:
    board = ImageOps.invert(a_picture().convert("RGB"))
    assert find_drawing(board).dark
    assert not find_drawing(a_picture().convert("RGB")).dark
    dark, light = (find_drawing(one).ink for one in (board, a_picture().convert("RGB")))
    np.testing.assert_allclose(dark, light, atol=0.02)
