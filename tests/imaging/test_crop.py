"""The crop around a drawing, and the map that is laid over it again."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from app.imaging.marks import CROP_SIDE
from app.imaging.paper import INK, Sheet, find_ink
from app.inference.features import READ_SIDE, Crop, crop_to_ink, laid_over, saliency_map
from tests.support.data.pictures import a_picture

RISING = np.tile(np.arange(8, dtype=np.float32), (8, 1))  # the right of the crop contributes most


def inked(picture: Image.Image) -> tuple[Sheet, Crop]:
    sheet = find_ink(picture.convert("RGB"))
    crop = crop_to_ink(sheet)
    assert crop is not None
    return sheet, crop


def mapped(picture: Image.Image) -> np.ndarray:
    sheet, crop = inked(picture)
    strokes = crop.ink.reshape(128, 2, 128, 2).mean((1, 3))
    return np.asarray(saliency_map(sheet, crop, strokes, RISING, picture.size))


def test_the_map_is_bright_where_the_crop_contributes_and_dark_far_from_the_ink() -> None:
    light, ink = mapped(a_picture()), np.asarray(a_picture()) < 128
    columns = np.flatnonzero(ink.any(0))
    third = (columns[-1] - columns[0]) // 3
    left, right = columns[0] + third, columns[-1] - third
    assert light[:, right:][ink[:, right:]].mean() > 2 * light[:, :left][ink[:, :left]].mean() > 0
    far = np.asarray(a_picture().filter(ImageFilter.MinFilter(31))) == 255
    assert light[far].max() == 0


def test_neither_the_tone_nor_the_width_of_a_stroke_changes_the_map() -> None:
    picture, ink = a_picture(), np.asarray(a_picture()) < 128
    pale = picture.point(lambda tone: 255 - (255 - tone) // 3)
    thick = picture.filter(ImageFilter.MinFilter(5))
    light = mapped(picture)[ink].astype(int)
    assert np.abs(mapped(pale)[ink] - light).max() <= 3
    assert np.abs(mapped(thick)[ink] - light).mean() < 6


def test_a_crop_that_reaches_beyond_the_sheet_is_mapped_on_the_sheet_alone() -> None:
    left, top, right, bottom = ImageOps.invert(a_picture()).getbbox() or (0, 0, 300, 300)
    tight = a_picture().crop((left, top, right, bottom))
    light = mapped(tight)
    assert light.shape == (bottom - top, right - left)
    assert light[np.asarray(tight) < 64].min() > 0


def test_a_large_picture_gets_a_map_of_its_own_size() -> None:
    assert mapped(a_picture().resize((900, 700))).shape == (700, 900)


def test_a_long_strip_is_mapped_from_end_to_end() -> None:
    strip = Image.new("L", (300, 12000), 255)
    strip.paste(a_picture(), (0, 0))
    strip.paste(a_picture(), (0, 11700))
    sheet = find_ink(strip.convert("RGB"))
    crop = crop_to_ink(sheet)
    assert crop is not None
    square = Image.new("L", (CROP_SIDE, CROP_SIDE), 200)
    laid = laid_over(sheet, crop, square, strip.size)
    assert laid.size == strip.size
    assert {laid.getpixel((150, y)) for y in (30, 6000, 11970)} == {200}


def test_a_blank_sheet_has_no_ink_to_crop_to() -> None:
    assert crop_to_ink(find_ink(Image.new("RGB", (200, 300), (240, 238, 230)))) is None


def test_the_crop_holds_the_ink_with_a_margin() -> None:
    _, crop = inked(a_picture())
    assert crop.ink.shape == (READ_SIDE, READ_SIDE)
    assert crop.ink[:8].max() < INK
    assert crop.ink.max() > INK


def test_a_thicker_pen_leaves_the_crop_where_it_was() -> None:
    thin = inked(a_picture())[1]
    thick = inked(a_picture().filter(ImageFilter.MinFilter(7)))[1]
    assert thick.fits((thin.left, thin.top, thin.side))


def test_the_square_around_strokes_is_found_again_from_a_crop_that_held_more() -> None:
    sheet, crop = inked(a_picture())
    wider = Crop.of(sheet, (crop.left - 20, crop.top - 40, crop.side + 60))
    strokes = wider.ink.reshape(128, 2, 128, 2).mean((1, 3))
    found = wider.square_around(strokes)
    assert found is not None
    assert crop.fits(found)
    assert not wider.fits(found)


def test_an_area_wider_than_any_pen_becomes_its_rim_and_a_thick_stroke_stays() -> None:
    picture = Image.new("L", (300, 300), 255)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((100, 60, 150, 110), fill=0)
    draw.line((40, 260, 260, 260), fill=0, width=12)
    _, crop = inked(picture)
    inside, rim, stroke = (crop_value(crop, at) for at in ((125, 85), (125, 62), (150, 260)))
    assert inside < 0.1
    assert rim > 0.5
    assert stroke > 0.9


def crop_value(crop: Crop, at: tuple[int, int]) -> float:
    """The darkest ink at a place of the picture and right around it."""
    x, y = (
        (v - start) * 256 / crop.side for v, start in zip(at, (crop.left, crop.top), strict=True)
    )
    return float(crop.ink[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4].max())
