"""Untrusted bytes: what is read as a picture, what is kept of it, and small ones for a form."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageDraw, ImageOps, PngImagePlugin

from app.errors import DrawingTooLarge, MissingDrawing, UnreadableDrawing
from app.imaging import intake
from tests.support.data.pictures import a_picture, as_bytes, as_heic

SIDE = intake.THUMBNAIL_SIDE


def png_of_claimed_size(side: int) -> bytes:
    """A tiny PNG whose header claims a square of ``side`` pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * 200_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "HEIC", "BMP", "WEBP", "GIF"])
def test_every_promised_format_is_read_as_rgb(kind: str) -> None:
    drawing = a_picture()
    content = as_heic(drawing) if kind == "HEIC" else as_bytes(drawing, kind)
    picture = intake.read(content)
    assert (picture.mode, picture.size) == ("RGB", (300, 300))


def test_a_sideways_photo_is_turned_upright_and_loses_its_metadata() -> None:
    sideways = Image.new("RGB", (40, 20), "white")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise
    exif[0x010E] = "a child's name"
    content = as_bytes(sideways, "JPEG", exif=exif)
    picture = intake.read(content)
    kept, _ = intake.encode(picture, content)
    assert picture.size == (20, 40)
    assert not Image.open(io.BytesIO(kept)).getexif()
    assert b"a child's name" not in kept


def test_turning_works_the_same_in_every_format_that_can_ask_for_it() -> None:
    sideways = Image.new("RGB", (40, 20), "white")
    sideways.paste("black", (0, 0, 10, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("PNG", "JPEG", "WEBP"):
        upright = intake.read(as_bytes(sideways, kind, exif=exif)).convert("L")
        assert (upright.size, upright.getpixel((10, 2))) == ((20, 40), 0), kind


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_what_is_kept_says_nothing_but_pixels(kind: str, mode: str) -> None:
    secret = b"a child's name"
    exif = Image.Exif()
    exif[0x010E] = secret.decode()
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Author", secret.decode())
    content = as_bytes(
        a_picture().convert(mode), kind, exif=exif, icc_profile=secret, xmp=secret,
        comment=secret, pnginfo=notes,
    )  # fmt: skip
    kept, _ = intake.encode(intake.read(content), content)
    assert secret in content
    assert secret not in kept
    assert set(Image.open(io.BytesIO(kept)).info) <= {
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
    }


def test_what_is_kept_of_a_heic_says_nothing_but_pixels() -> None:
    secret = b"a child's name"
    exif = Image.Exif()
    exif[0x010E] = secret.decode()
    content = as_heic(a_picture(), exif=exif.tobytes(), xmp=secret, icc_profile=secret)
    kept, kind = intake.encode(intake.read(content), content)
    assert kind == "image/jpeg"
    assert secret in content
    assert secret not in kept


@pytest.mark.parametrize("colour", [(0, 0, 0), (200, 30, 30)], ids=["grey", "coloured"])
def test_a_lossless_picture_is_kept_pixel_by_pixel(colour: tuple[int, int, int]) -> None:
    drawing = a_picture().convert("RGB")
    drawing.paste(colour, (5, 5, 40, 9))
    content = as_bytes(drawing)
    kept, _ = intake.encode(intake.read(content), content)
    assert Image.open(io.BytesIO(kept)).convert("RGB").tobytes() == drawing.tobytes()


def test_transparent_pixels_are_paper() -> None:
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    assert intake.read(as_bytes(clear)).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("outline", "fill", "sheet"),
    [("white", None, (0, 0, 0)), ("black", None, (255,) * 3), ("black", "white", (255,) * 3)],
)
def test_light_strokes_on_nothing_lie_on_black_and_outlined_ones_on_white(
    outline: str, fill: str | None, sheet: tuple[int, int, int]
) -> None:
    layer = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    ImageDraw.Draw(layer).ellipse((40, 40, 120, 120), outline=outline, fill=fill, width=3)
    assert intake.on_white(layer).getpixel((2, 2)) == sheet


def test_a_colour_of_a_palette_that_stands_for_transparency_is_paper() -> None:
    clear = Image.new("P", (20, 20), 1)
    clear.putpalette([255, 255, 255, 0, 0, 0])
    for kind in ("PNG", "GIF"):
        content = as_bytes(clear, kind, transparency=1)
        assert intake.read(content).getpixel((5, 5)) == (255, 255, 255), kind


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    grey = Image.new("I;16", (20, 20), 32768)
    assert intake.read(as_bytes(grey)).getpixel((5, 5)) == (128, 128, 128)


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        pytest.param(b"", MissingDrawing, id="empty"),
        pytest.param(b"once upon a time", UnreadableDrawing, id="text"),
        pytest.param(as_bytes(a_picture())[:2000], UnreadableDrawing, id="truncated"),
        pytest.param(as_bytes(Image.new("L", (3, 3))), UnreadableDrawing, id="three pixels"),
        pytest.param(png_of_claimed_size(14_200), DrawingTooLarge, id="200 megapixels"),
        pytest.param(png_of_claimed_size(8_700), DrawingTooLarge, id="76 megapixels"),
        pytest.param(png_of_claimed_size(8_600), UnreadableDrawing, id="74, and no pixels"),
        pytest.param(b"\0" * (intake.MAX_BYTES + 1), DrawingTooLarge, id="too many bytes"),
        pytest.param(b"\0\0\0\x18ftypheic" + b"\0" * 40, UnreadableDrawing, id="broken HEIC"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnreadableDrawing, id="svg"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(
    content: bytes, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal, match=r"^[A-Z][^\n]+\.$"):
        intake.read(content)


@pytest.mark.parametrize(
    "error",
    [RuntimeError(), IndexError(), MemoryError(), RecursionError(), AssertionError(), OSError()],
    ids=repr,
)
def test_whatever_a_library_raises_becomes_the_refusal_of_its_place(error: Exception) -> None:
    with pytest.raises(UnreadableDrawing, match="save it anew"), intake.refusing("save it anew."):
        raise error


def test_an_interruption_is_no_refusal() -> None:
    with pytest.raises(KeyboardInterrupt), intake.refusing("save it anew."):
        raise KeyboardInterrupt


def test_a_jpeg_of_countless_scans_is_refused_before_they_are_decoded() -> None:
    content = as_bytes(a_picture().convert("RGB"), "JPEG", progressive=True)
    start, end = content.rindex(b"\xff\xda"), len(content) - 2
    with pytest.raises(UnreadableDrawing, match="too many scans"):
        intake.read(content[:end] + content[start:end] * 600 + content[end:])


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_are_refused_or_read_but_never_crash(seed: int) -> None:
    content = bytearray(as_bytes(a_picture(), ["PNG", "JPEG", "GIF", "WEBP", "BMP"][seed % 5]))
    for place in range(seed, len(content), 97 + seed):
        content[place] ^= 1 + seed % 255
    with contextlib.suppress(UnreadableDrawing, DrawingTooLarge):
        assert intake.read(bytes(content)).mode == "RGB"


def test_a_heic_is_turned_upright_once() -> None:
    sideways = Image.new("L", (40, 20), "white")
    sideways.paste("black", (0, 0, 10, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = intake.read(as_heic(sideways, exif=exif.tobytes())).convert("L")
    assert upright.size == (20, 40)
    assert max(upright.crop((0, 0, 20, 8)).tobytes()) < 20


def test_a_heic_that_claims_too_many_pixels_is_refused_by_its_header() -> None:
    honest = struct.pack(">4sIII", b"ispe", 0, 300, 300)
    content = as_heic(a_picture()).replace(honest, struct.pack(">4sIII", b"ispe", 0, 6000, 6000))
    with pytest.raises(DrawingTooLarge, match="6000 × 6000 pixels"):
        intake.read(content)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_heic_that_is_cut_short_is_refused(share: float) -> None:
    content = as_heic(a_picture())
    with pytest.raises(UnreadableDrawing, match="cut short"):
        intake.read(content[: int(len(content) * share)])


def opened(content: bytes | None) -> Image.Image:
    assert content is not None
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_any_readable_picture_becomes_a_small_jpeg(kind: str) -> None:
    small = opened(intake.thumbnail(as_bytes(Image.new("RGB", (800, 400), "white"), kind)))
    assert (small.format, small.size) == ("JPEG", (SIDE, SIDE // 2))


def test_a_photo_is_shown_upright_and_tells_nothing_else() -> None:
    exif = Image.Exif()
    exif[274] = 6  # to be turned by a quarter
    photo = as_bytes(Image.new("RGB", (800, 400)), "JPEG", exif=exif.tobytes())
    small = opened(intake.thumbnail(photo))
    assert small.size == (SIDE // 2, SIDE)
    assert not small.getexif()


def test_what_is_transparent_is_shown_white() -> None:
    small = opened(intake.thumbnail(as_bytes(Image.new("RGBA", (50, 50), (0, 0, 0, 0)))))
    assert small.getpixel((25, 25)) == (255, 255, 255)


def test_a_large_photo_is_shown_and_what_would_cost_much_is_not() -> None:
    large = Image.new("L", (4000, 3000))
    assert opened(intake.thumbnail(as_bytes(large, "JPEG"))).size == (SIDE, SIDE * 3 // 4)
    assert intake.thumbnail(as_bytes(large, "PNG")) is None
    assert intake.thumbnail(as_bytes(Image.new("L", (6000, 6000)), "JPEG")) is None


@pytest.mark.parametrize("content", [b"", b"text", as_bytes(Image.new("L", (90, 90)))[:60]])
def test_what_is_no_picture_is_shown_as_none(content: bytes) -> None:
    assert intake.thumbnail(content) is None


def test_a_large_transparent_picture_is_the_same_as_laid_on_white_at_once() -> None:
    """It is laid on white in parts, which must not show."""
    rng = np.random.default_rng(1)
    picture = Image.fromarray(rng.integers(0, 256, (700, 900, 4), dtype=np.uint8), "RGBA")
    whole = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    assert intake.on_white(picture).tobytes() == whole.tobytes()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK", "L", "P"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_picture_of_any_mode_is_turned_as_its_note_says(mode: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    picture = a_picture().convert("RGB").resize((610, 450)).convert(mode)
    content = as_bytes(picture, "JPEG" if mode == "CMYK" else "PNG", exif=exif)
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    assert intake.read(content).tobytes() == turned.tobytes()


def test_a_webp_takes_much_memory_and_is_read_up_to_ten_million_pixels() -> None:
    large = as_bytes(Image.new("RGB", (3300, 3100), "white"), "WEBP", method=0)
    with pytest.raises(DrawingTooLarge, match="more than the 10 million that are read"):
        intake.read(large)
