import numpy as np
from PIL import Image, ImageOps

from app.imaging.overlay import saliency_map
from app.imaging.paper import crop_to_ink, find_ink
from tests.support.data.pictures import a_picture

RISING = np.tile(np.arange(8, dtype=np.float32), (8, 1))  # the right of the crop contributes most


def mapped(picture: Image.Image) -> np.ndarray:
    sheet = find_ink(picture.convert("RGB"))
    crop = crop_to_ink(sheet)
    assert crop is not None
    return np.asarray(saliency_map(sheet, crop, RISING, picture.size))


def test_the_map_is_bright_where_the_crop_contributes_and_dark_off_the_ink() -> None:
    light, ink = mapped(a_picture()), np.asarray(a_picture()) < 128
    columns = np.flatnonzero(ink.any(0))
    third = (columns[-1] - columns[0]) // 3
    left, right = columns[0] + third, columns[-1] - third
    assert light[:, right:][ink[:, right:]].mean() > 2 * light[:, :left][ink[:, :left]].mean() > 0
    assert light[np.asarray(a_picture()) == 255].max() == 0


def test_a_crop_that_reaches_beyond_the_sheet_is_mapped_on_the_sheet_alone() -> None:
    left, top, right, bottom = ImageOps.invert(a_picture()).getbbox() or (0, 0, 300, 300)
    tight = a_picture().crop((left, top, right, bottom))
    light = mapped(tight)
    assert light.shape == (bottom - top, right - left)
    assert light[np.asarray(tight) < 64].min() > 0


def test_a_large_picture_gets_a_map_of_its_own_size() -> None:
    assert mapped(a_picture().resize((900, 700))).shape == (700, 900)
