"""Metadata never refuses a picture: whatever surrounds the pixels, the same drawing is read."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from app.errors import UnreadableDrawing
from app.imaging import intake
from tests.support.data.hostile import png_chunk
from tests.support.data.pictures import a_picture, as_bytes, as_heic

DRAWING = a_picture()
COLOURED = Image.merge("RGB", (DRAWING, DRAWING.point(lambda level: level // 2), DRAWING))
MANY = 1_200_000
GARBAGE = b"garbage, and more of it" * 9
PNG, JPEG, GIF = (as_bytes(COLOURED, kind) for kind in ("PNG", "JPEG", "GIF"))
WEBP = as_bytes(COLOURED, "WEBP", lossless=True)


def png_with(name: bytes, body: bytes, *, late: bool = False) -> bytes:
    """The drawing with one more chunk, before its pixels or behind them."""
    place = len(PNG) - 12 if late else 33
    return PNG[:place] + png_chunk(name, body) + PNG[place:]


def wrong_checksum(content: bytes, name: bytes) -> bytes:
    place = content.index(name)
    end = place + 4 + struct.unpack(">I", content[place - 4 : place])[0]
    return content[:end] + b"\0\0\0\0" + content[end + 4 :]


def many_texts() -> bytes:
    """More than Pillow keeps in memory, in chunks that are each short enough."""
    notes = PngImagePlugin.PngInfo()
    for number in range(70):
        notes.add_text(f"note {number}", "a" * 1_000_000, zip=True)
    return as_bytes(COLOURED, pnginfo=notes)


COMPRESSED = zlib.compress(bytes(MANY))
PNGS = {
    "long compressed text": png_with(b"zTXt", b"note\0\0" + COMPRESSED),
    "long compressed text behind the pixels": png_with(b"zTXt", b"n\0\0" + COMPRESSED, late=True),
    "long international text": png_with(b"iTXt", b"note\0\1\0\0\0" + COMPRESSED),
    "long plain text": png_with(b"tEXt", b"note\0" + b"a" * MANY),
    "many long texts": many_texts(),
    "big ICC profile": png_with(b"iCCP", b"icc\0\0" + COMPRESSED),
    "broken ICC profile": png_with(b"iCCP", b"icc\0\0" + GARBAGE),
    "ICC profile coded in an unknown way": png_with(b"iCCP", b"icc\0\7" + GARBAGE),
    "garbage text": png_with(b"iTXt", GARBAGE),
    "garbage EXIF": png_with(b"eXIf", GARBAGE),
    "garbage EXIF as a raw profile": png_with(b"tEXt", b"Raw profile type exif\0\nexif\n8\nzz"),
    "resolution too short": png_with(b"pHYs", b"\0"),
    "gamma too short": png_with(b"gAMA", b""),
    "colours too short": png_with(b"cHRM", b"\0\0"),
    "garbage of an animation": png_with(b"acTL", b"\0"),
    "text with a wrong checksum": wrong_checksum(png_with(b"tEXt", b"note\0text"), b"tEXt"),
    "EXIF with a wrong checksum": wrong_checksum(png_with(b"eXIf", GARBAGE), b"eXIf"),
    "text longer than it says": png_with(b"tEXt", b"note\0" + b"a" * 900).replace(
        struct.pack(">I", 905), struct.pack(">I", 700)
    ),
    "an unknown chunk": png_with(b"noTe", GARBAGE),
    "no end chunk": PNG[:-12],
    "text behind it": PNG + GARBAGE,
}


def jpeg_with(marker: int, *bodies: bytes) -> bytes:
    """The drawing with one more segment for each of ``bodies``."""
    segments = [struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for body in bodies]
    return JPEG[:2] + b"".join(segments) + JPEG[2:]


def exif_of(kind: int, value: bytes) -> bytes:
    """EXIF of one tag, the orientation, of any type."""
    return b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12" + struct.pack(">HI", kind, 1) + value + bytes(4)


ICC = [b"ICC_PROFILE\0" + bytes((n, 21)) + bytes(65_000) for n in range(1, 22)]
JPEGS = {
    "garbage EXIF": jpeg_with(0xE1, b"Exif\0\0" + GARBAGE),
    "EXIF cut short": jpeg_with(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\x09"),
    "empty EXIF": jpeg_with(0xE1, b"Exif\0\0"),
    "an orientation in words": jpeg_with(0xE1, exif_of(2, b"six\0")),
    "an orientation that is a fraction": jpeg_with(0xE1, exif_of(5, b"\0\0\0\x1a")),
    "an orientation that there is not": jpeg_with(0xE1, exif_of(3, b"\0\x63\0\0")),
    "garbage XMP": jpeg_with(0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe" + GARBAGE),
    "big ICC profile": jpeg_with(0xE2, *ICC),
    "ICC profile with a missing part": jpeg_with(0xE2, *ICC[:7]),
    "broken ICC profile": jpeg_with(0xE2, b"ICC_PROFILE\0"),
    "garbage of several pictures": jpeg_with(0xE2, b"MPF\0" + GARBAGE),
    "several pictures that are not there": jpeg_with(
        0xE2, b"MPF\0MM\0*\0\0\0\x08\0\1\xb0\1\0\4\0\0\0\1\0\0\0\5\0\0\0\0"
    ),
    "garbage of Photoshop": jpeg_with(0xED, b"Photoshop 3.0\0" + b"8BIM" + GARBAGE),
    "Photoshop cut short": jpeg_with(0xED, b"Photoshop 3.0\0" + b"8BIM\0"),
    "JFIF too short": jpeg_with(0xE0, b"JFIF"),
    "Adobe too short": jpeg_with(0xEE, b"Adobe"),
    "a long comment": jpeg_with(0xFE, *[GARBAGE * 300] * 20),
    "text behind it": JPEG + GARBAGE,
    "no end marker": JPEG[:-2],
    "half an end marker": JPEG[:-1],
    "text for an end marker": JPEG[:-2] + b"\nthe end\n",
    "a thumbnail with an end marker, and none": jpeg_with(0xE1, b"Exif\0\0" + JPEG)[:-2],
}


def webp_with(name: bytes, body: bytes, says: int | None = None) -> bytes:
    length = len(body) if says is None else says
    chunk = name + struct.pack("<I", length) + body + bytes(len(body) % 2)
    flags = {b"EXIF": 0x08, b"XMP ": 0x04, b"ICCP": 0x20}[name]
    wide = struct.pack("<4sIBxxx", b"VP8X", 10, flags) + (struct.pack("<I", 299)[:3] * 2)
    early, late = (chunk, b"") if name == b"ICCP" else (b"", chunk)
    rest = b"WEBP" + wide + early + WEBP[12:] + late
    return b"RIFF" + struct.pack("<I", len(rest)) + rest


WEBPS = {
    "garbage EXIF": webp_with(b"EXIF", GARBAGE),
    "garbage XMP": webp_with(b"XMP ", b"\xff\xfe" + GARBAGE),
    "broken ICC profile": webp_with(b"ICCP", GARBAGE),
    "big ICC profile": webp_with(b"ICCP", bytes(MANY)),
    "EXIF longer than the file": webp_with(b"EXIF", GARBAGE, says=100_000),
    "text behind it": WEBP + GARBAGE,
}
NOTE = b"\x21\xfe" + b"\xff" + b"a" * 255
GIFS = {
    "a long comment": GIF[:-1] + NOTE[:2] + NOTE[2:] * 900 + b"\0;",
    "garbage of a program": GIF[:-1] + b"\x21\xff\x0bXMP DataXMP" + b"\x04\xff\xff\xff\xff\0;",
    "a comment without its end": GIF[:-1] + NOTE,
    "no end marker": GIF[:-1],
    "text behind it": GIF + GARBAGE,
}

MASKS = {
    "BGR": (0xFF0000, 0xFF00, 0xFF),
    "RGB": (0xFF, 0xFF00, 0xFF0000),
    "XBGR": (0xFF000000, 0xFF0000, 0xFF00),
    "XRGB": (0xFF00, 0xFF0000, 0xFF000000),
}
VERSIONS = {"info": 40, "V2": 52, "V3": 56, "V4": 108, "V5": 124}


def bmp(version: str, order: str, alpha: int, *, upward: bool = True) -> bytes:
    """A bitmap of 32 bits whose masks say where the colours are; nothing is in the fourth byte."""
    size, masks = VERSIONS[version], MASKS[order]
    pixels = np.zeros((300, 300), "<u4")
    for level, mask in zip(np.moveaxis(np.asarray(COLOURED), 2, 0), masks, strict=True):
        pixels |= level.astype("<u4") * np.uint32(mask // 255)
    body = pixels[:: -1 if upward else 1].tobytes()
    height = 300 if upward else -300
    info = struct.pack("<IiiHHIIiiII", size, 300, height, 1, 32, 3, len(body), 0, 0, 0, 0)
    info = (info + struct.pack("<4I", *masks, alpha))[: max(size, 52)].ljust(size, b"\0")
    return struct.pack("<2sIII", b"BM", 14 + len(info + body), 0, 14 + len(info)) + info + body


BMPS = {
    **{f"{version} {order}": bmp(version, order, 0) for version in VERSIONS for order in MASKS},
    **{f"{v} with an empty alpha": bmp(v, "BGR", 0xFF000000) for v in ("V3", "V4", "V5")},
    "V5 from above": bmp("V5", "RGB", 0, upward=False),
    "text behind it": bmp("V5", "RGB", 0) + GARBAGE,
}
PLAIN = {"PNG": PNG, "JPEG": JPEG, "WEBP": WEBP, "GIF": GIF, "BMP": as_bytes(COLOURED, "BMP")}
ODD = {"PNG": PNGS, "JPEG": JPEGS, "WEBP": WEBPS, "GIF": GIFS, "BMP": BMPS}


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's remarks about what it skips
@pytest.mark.parametrize(
    ("kind", "content"),
    [
        pytest.param(kind, content, id=f"{kind}: {name}")
        for kind, files in ODD.items()
        for name, content in files.items()
    ],
)
def test_what_surrounds_the_pixels_does_not_change_the_drawing(kind: str, content: bytes) -> None:
    assert intake.read(content).tobytes() == intake.read(PLAIN[kind]).tobytes()


def test_garbage_in_the_exif_of_a_heic_does_not_refuse_it() -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    content = as_heic(COLOURED, exif=exif)
    spoilt = content.replace(exif[6:], b"\xff" * len(exif[6:]))
    assert spoilt != content
    assert intake.read(spoilt).tobytes() == intake.read(content).tobytes()


@pytest.mark.parametrize("quality", [30, 95])
@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_jpeg_that_lacks_pixels_and_not_only_its_end_is_refused(
    quality: int, options: dict[str, int], share: float
) -> None:
    content = as_bytes(COLOURED, "JPEG", quality=quality, **options)
    with pytest.raises(UnreadableDrawing, match="cut short"):
        intake.read(content[: int(len(content) * share)])


def test_a_turned_picture_is_upright_although_its_text_is_too_long_to_be_read() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("note", "a" * MANY, zip=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = Image.new("L", (40, 20), "white")
    assert intake.read(as_bytes(wide, exif=exif, pnginfo=notes)).size == (20, 40)


def grey16(paper: int) -> bytes:
    """The drawing in 16 bits on paper that is transparent and of another grey below."""
    samples = np.asarray(DRAWING).astype(np.uint16) * 257
    samples[samples == 65535] = paper
    return as_bytes(Image.fromarray(samples), transparency=paper)


@pytest.mark.parametrize("paper", [1, 255, 256, 65535])
def test_transparent_paper_is_white_in_16_bits(paper: int) -> None:
    read = np.asarray(intake.read(grey16(paper)))[:, :, 0]
    assert (read[np.asarray(DRAWING) == 255] == 255).all()
    assert (read == np.asarray(DRAWING)).mean() > 0.99


def png_of(depth: int, colours: int, row: bytes, transparent: bytes) -> bytes:
    """A square of 16 pixels of equal rows."""
    header = struct.pack(">IIBBBBB", 16, 16, depth, colours, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"tRNS", transparent),
        (b"IDAT", zlib.compress((b"\0" + row) * 16)),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in (*parts, (b"IEND", b"")))


@pytest.mark.parametrize(
    "content",
    [
        png_of(16, 2, b"\x12\x34\0\0\xff\xff" * 16, b"\x12\x34\0\0\xff\xff"),
        png_of(8, 2, b"\x12\0\xff" * 16, b"\0\x12\0\0\0\xff"),
        png_of(4, 0, b"\x99" * 8, b"\0\x09"),
        png_of(2, 0, b"\x55" * 4, b"\0\x01"),
        png_of(1, 0, b"\0" * 2, b"\0\0"),
    ],
    ids=["16-bit colour", "8-bit colour", "4-bit grey", "2-bit grey", "1-bit grey"],
)
def test_a_colour_that_stands_for_transparency_is_paper_at_every_depth(content: bytes) -> None:
    assert intake.read(content).getextrema() == ((255, 255),) * 3
