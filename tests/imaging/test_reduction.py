"""Large pictures are read reduced, and are the same pictures."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from app.errors import DrawingTooLarge, UnreadableDrawing
from app.imaging import intake, reduction
from tests.support.data.hostile import png_chunk
from tests.support.data.pictures import a_picture, as_bytes, as_heic

SIZE = (1501, 1103)  # of several bands, and of odd sides
LARGE = (5003, 5001)  # just more than is read as it is
QUARTER_TURN = 6


def drawn(size: tuple[int, int] = SIZE) -> Image.Image:
    """In colour, with light that changes from side to side."""
    picture = Image.linear_gradient("L").resize(size).point(lambda value: 200 + value // 5)
    picture = picture.convert("RGB")
    width, height = size
    ImageDraw.Draw(picture).ellipse((9, 9, width - 40, height - 99), outline="#a02030", width=9)
    return picture


def layered() -> Image.Image:
    """Strokes on nothing."""
    layer = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    ImageDraw.Draw(layer).ellipse((9, 9, 1400, 1000), outline=(160, 32, 48, 200), width=9)
    return layer


GREY = drawn().convert("L")
NUMBERED = drawn().quantize(200)
KINDS: dict[str, bytes] = {
    "PNG": as_bytes(drawn()),
    "grey PNG": as_bytes(GREY),
    "PNG of 1 bit": as_bytes(GREY.convert("1")),
    "PNG of 16 greys": as_bytes(drawn().quantize(16), bits=4),
    "PNG of 16 bits": as_bytes(Image.fromarray(np.asarray(GREY).astype(np.uint16) * 257)),
    "PNG with a palette": as_bytes(NUMBERED),
    "PNG whose palette is partly transparent": as_bytes(NUMBERED, transparency=3),
    "PNG with a transparent grey": as_bytes(GREY, transparency=220),
    "PNG with a transparent colour": as_bytes(drawn(), transparency=drawn().getpixel((2, 900))),
    "PNG with alpha": as_bytes(layered()),
    "grey PNG with alpha": as_bytes(layered().convert("LA")),
    "GIF": as_bytes(NUMBERED, "GIF"),
    "GIF with a transparent colour": as_bytes(NUMBERED, "GIF", transparency=3),
    "BMP": as_bytes(NUMBERED, "BMP"),
    "BMP of 1 bit": as_bytes(GREY.convert("1"), "BMP"),
    "JPEG": as_bytes(drawn(), "JPEG", quality=95),
    "grey JPEG": as_bytes(GREY, "JPEG", quality=95),
    "CMYK JPEG": as_bytes(drawn().convert("CMYK"), "JPEG", quality=95),
}
WHOLE: dict[str, bytes] = {
    "progressive JPEG": as_bytes(GREY, "JPEG", progressive=True),
    "progressive JPEG in colour": as_bytes(drawn(), "JPEG", progressive=True),
    "WebP": as_bytes(GREY, "WEBP"),
    "BMP in colour": as_bytes(drawn(), "BMP"),
}


def reduced(content: bytes, factor: int) -> Image.Image:
    picture = intake.open_as(content)
    return intake.opaque(*reduction.read_reduced(picture, content, factor))


def is_reduced(content: bytes) -> bool:
    return reduction.can_be_reduced(intake.open_as(content), content)


def oriented(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = number
    return exif


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_reduced_is_the_mean_of_what_is_read_whole(kind: str, factor: int) -> None:
    content = KINDS[kind]
    assert is_reduced(content)
    whole, small = intake.read(content).reduce(factor), reduced(content, factor)
    assert small.size == whole.size
    difference = np.abs(np.asarray(small, int) - np.asarray(whole, int))
    assert difference.mean() < 1
    assert np.quantile(difference, 0.999) <= (25 if "JPEG" in kind else 3)


@pytest.mark.parametrize("kind", WHOLE)
def test_what_a_library_holds_as_a_whole_is_not_read_reduced(kind: str) -> None:
    assert not is_reduced(WHOLE[kind])


def test_an_interlaced_png_and_one_of_16_bits_a_colour_are_not_read_reduced() -> None:
    content = KINDS["PNG"]
    header = content[16:29]
    interlaced = png_chunk(b"IHDR", header[:12] + b"\1")
    deep = png_chunk(b"IHDR", header[:8] + b"\x10" + header[9:])
    for other in (interlaced, deep):
        assert not is_reduced(content[:8] + other + content[33:])


def test_a_jpeg_whose_colours_lie_in_scans_of_their_own_is_not_read_reduced() -> None:
    content = KINDS["JPEG"]
    scan = content.index(b"\xff\xda")
    of_one = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    assert not is_reduced(content[:scan] + of_one + content[scan + 14 :])


def test_a_small_picture_within_a_jpeg_is_not_taken_for_its_first_scan() -> None:
    exif = as_bytes(a_picture(), "JPEG", progressive=True)[:40_000]
    content = KINDS["JPEG"]
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    assert is_reduced(content[:2] + segment + content[2:])


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_that_lies_on_its_side_is_turned_upright(kind: str) -> None:
    content = as_bytes(drawn(), kind, exif=oriented(QUARTER_TURN))
    small, whole = reduced(content, 2), intake.read(content).reduce(2)
    assert small.size == whole.size == (552, 751)
    assert np.abs(np.asarray(small, int) - np.asarray(whole, int)).mean() < 1


def test_how_a_png_lies_may_be_told_behind_its_pixels_and_among_broken_texts() -> None:
    content = KINDS["PNG"]
    exif = png_chunk(b"eXIf", oriented(QUARTER_TURN).tobytes().removeprefix(b"Exif\0\0"))
    broken = png_chunk(b"zTXt", b"name\0\0no deflated data")
    late = content[:-12] + broken + exif + content[-12:]
    assert reduced(late, 2).size == (552, 751)


def test_a_png_whose_pixels_end_early_is_refused_and_so_is_one_of_noise() -> None:
    content = KINDS["PNG"]
    start = content.index(b"IDAT")
    length = struct.unpack_from(">I", content, start - 4)[0]
    half = content[start + 4 : start + 4 + length // 2]
    for pixels in (half, b"", b"no deflated data", half + b"\xff" * 99):
        cut = content[: start - 4] + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")
        with pytest.raises(UnreadableDrawing, match="damaged or cut short"):
            reduced(cut, 2)


def test_the_pixels_may_lie_in_many_chunks() -> None:
    content = KINDS["PNG"]
    start = content.index(b"IDAT")
    pixels = content[start + 4 : -16]
    parts = (pixels[at : at + 997] for at in range(0, len(pixels), 997))
    many = b"".join(png_chunk(b"IDAT", part) for part in (b"", *parts))
    split = content[: start - 4] + many + content[-12:]
    assert reduced(split, 2).tobytes() == reduced(content, 2).tobytes()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_more_than_25_million_pixels_are_read_at_half_the_size_and_say_so(kind: str) -> None:
    content = as_bytes(drawn(LARGE).convert("L"), kind)
    picture = intake.read(content)
    assert (picture.mode, picture.size) == ("RGB", (2502, 2501))
    assert intake.reduction_of(picture) == 2
    assert intake.reduction_of(intake.read(as_bytes(a_picture()))) == 1


def test_what_is_kept_of_a_large_picture_says_nothing_but_pixels() -> None:
    secret = b"a child's name"
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Author", secret.decode())
    content = as_bytes(drawn(LARGE).convert("L"), pnginfo=notes)
    picture = intake.read(content)
    kept, _ = intake.encode(picture, content)
    assert secret in content
    assert secret not in kept
    assert not Image.open(io.BytesIO(kept)).info


@pytest.mark.parametrize(("kind", "most"), [("WEBP", 10), ("HEIC", 25), ("JPEG", 25)])
def test_what_cannot_be_read_reduced_is_refused_with_what_to_do(kind: str, most: int) -> None:
    picture = Image.new("L", LARGE, "white")
    options = {"progressive": True} if kind == "JPEG" else {}
    content = as_heic(picture) if kind == "HEIC" else as_bytes(picture, kind, **options)
    said = rf"5003 × 5001 pixels, more than the {most} million .* an ordinary JPEG"
    with pytest.raises(DrawingTooLarge, match=said):
        intake.read(content)


@pytest.mark.parametrize(
    ("size", "factor"),
    [((5003, 5001), 2), ((4960, 7016), 2), ((8160, 6120), 4), ((7016, 9921), 4)],
    ids=["25 megapixels", "A4 at 600 dpi", "50 megapixels", "A3 at 600 dpi"],
)
def test_the_larger_a_picture_the_smaller_it_is_read(size: tuple[int, int], factor: int) -> None:
    assert reduction.factor_of(size) == factor
