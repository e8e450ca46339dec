"""A small picture for a form, at little cost."""

import io

import pytest
from PIL import Image

from app.imaging.intake import THUMBNAIL_SIDE as SIDE
from app.imaging.intake import thumbnail
from tests.support.data.pictures import as_bytes


def opened(content: bytes | None) -> Image.Image:
    assert content is not None
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_any_readable_picture_becomes_a_small_jpeg(kind: str) -> None:
    small = opened(thumbnail(as_bytes(Image.new("RGB", (800, 400), "white"), kind)))
    assert (small.format, small.size) == ("JPEG", (SIDE, SIDE // 2))


def test_a_photo_is_shown_upright_and_tells_nothing_else() -> None:
    exif = Image.Exif()
    exif[274] = 6  # to be turned by a quarter
    photo = as_bytes(Image.new("RGB", (800, 400)), "JPEG", exif=exif.tobytes())
    small = opened(thumbnail(photo))
    assert small.size == (SIDE // 2, SIDE)
    assert not small.getexif()


def test_what_is_transparent_is_shown_white() -> None:
    small = opened(thumbnail(as_bytes(Image.new("RGBA", (50, 50), (0, 0, 0, 0)))))
    assert small.getpixel((25, 25)) == (255, 255, 255)


def test_a_large_photo_is_shown_and_what_would_cost_much_is_not() -> None:
    large = Image.new("L", (4000, 3000))
    assert opened(thumbnail(as_bytes(large, "JPEG"))).size == (SIDE, SIDE * 3 // 4)
    assert thumbnail(as_bytes(large, "PNG")) is None
    assert thumbnail(as_bytes(Image.new("L", (6000, 6000)), "JPEG")) is None


@pytest.mark.parametrize("content", [b"", b"text", as_bytes(Image.new("L", (90, 90)))[:60]])
def test_what_is_no_picture_is_shown_as_none(content: bytes) -> None:
    assert thumbnail(content) is None
