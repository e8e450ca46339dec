"""Files that are no accident: bombs, polyglots, absurd shapes and metadata; and names as tricks."""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping

import pillow_heif
from PIL import Image

from tests.support.data.hostile import png_chunk
from tests.support.data.pictures import a_picture, as_bytes, as_heic

MIB = 1024 * 1024
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST = 9 * MIB  # that the service takes


def a_flat_png(width: int, height: int, *, depth: int = 1) -> bytes:
    """All white; kilobytes, whatever its size."""
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    rows, row = zlib.compressobj(9), b"\0" + b"\xff" * ((width * depth + 7) // 8)
    pixels = b"".join(rows.compress(row) for _ in range(height)) + rows.flush()
    parts = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return SIGNATURE + b"".join(png_chunk(*part) for part in parts)


def a_png_that_says(width: int, height: int) -> bytes:
    """A size in its header, and next to no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b""))
    return SIGNATURE + b"".join(png_chunk(*part) for part in parts)


def a_png_with(name: bytes, body: bytes) -> bytes:
    """A drawing with one more chunk behind its header."""
    whole = as_bytes(a_picture())
    return whole[:33] + png_chunk(name, body) + whole[33:]


def a_photo(megapixels: float, encode: Callable[[Image.Image], bytes]) -> bytes:
    """A large photo of a drawing, such as phones make it."""
    side = int((megapixels * 1e6) ** 0.5)
    return encode(a_picture().convert("RGB").resize((side, side)))


def a_jpeg_with_exif(entries: bytes, count: int) -> bytes:
    """A drawing with an image file directory of our own making."""
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", count) + entries
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    return b"\xff\xd8" + segment + as_bytes(a_picture(), "JPEG")[2:]


def _as_transparent_heic(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture.convert("RGBA")).save(buffer)
    return buffer.getvalue()


def _entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


def _a_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../etc/passwd", "root::0:0::/:/bin/sh")
    return buffer.getvalue()


def _bombs() -> Mapping[str, bytes]:
    zeros = zlib.compress(b"\0" * 64 * MIB, 9)
    frames = [Image.new("P", (300, 300), level % 2) for level in range(400)]
    return {
        "a PNG of 400 megapixels": a_flat_png(20_000, 20_000),
        "a PNG that says 4,294,967,295 pixels a side": a_png_that_says(2**32 - 1, 2**32 - 1),
        "a PNG that says 2,147,483,647 pixels a side": a_png_that_says(2**31 - 1, 2**31 - 1),
        "a PNG with a text of 64 MB": a_png_with(b"zTXt", b"note\0\0" + zeros),
        "a PNG with a profile of 64 MB": a_png_with(b"iCCP", b"icc\0\0" + zeros),
        "a PNG with an international text of 64 MB": a_png_with(b"iTXt", b"note\0\1\0\0\0" + zeros),
        "a GIF of 400 frames": as_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "a GIF of 65,535 pixels a side": b"GIF89a" + b"\xff" * 4 + as_bytes(frames[0], "GIF")[10:],
        "a JPEG that says 65,500 pixels a side": _said_to_be_large(as_bytes(a_picture(), "JPEG")),
        "a WebP of 100 megapixels": as_bytes(Image.new("RGB", (10_000, 10_000)), "WEBP"),
        "a BMP that says 30,000 pixels a side": _resized_bmp(30_000, 30_000),
        "a BMP that says a negative height": _resized_bmp(300, -(2**31)),
    }


def _said_to_be_large(jpeg: bytes) -> bytes:
    place = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:place] + struct.pack(">HH", 65_500, 65_500) + jpeg[place + 4 :]


def _resized_bmp(width: int, height: int) -> bytes:
    whole = as_bytes(a_picture(), "BMP")
    return whole[:18] + struct.pack("<ii", width, height) + whole[26:]


def _shapes() -> Mapping[str, bytes]:
    on_its_side = Image.Exif()
    on_its_side[0x0112] = 6
    return {
        "30,000 × 1": a_flat_png(30_000, 1),
        "1 × 30,000": a_flat_png(1, 30_000),
        "30,000 × 16": a_flat_png(30_000, 16),
        "16 × 30,000": a_flat_png(16, 30_000),
        "1,000,000 × 25": a_flat_png(1_000_000, 25),
        "25 megapixels of PNG": a_flat_png(5_000, 5_000, depth=8),
        "75 megapixels of PNG": a_flat_png(8_660, 8_660, depth=8),
        "49 megapixels of JPEG, on their side": a_photo(
            49, lambda one: as_bytes(one, "JPEG", exif=on_its_side)
        ),
        "36 megapixels, transparent and on their side": a_photo(
            36, lambda one: as_bytes(one.convert("RGBA"), exif=on_its_side)
        ),
        "24 megapixels of JPEG": a_photo(24, lambda one: as_bytes(one, "JPEG")),
        "24 megapixels of JPEG, on their side": a_photo(
            24, lambda one: as_bytes(one, "JPEG", progressive=True, exif=on_its_side)
        ),
        "24 megapixels of JPEG, for a printer": a_photo(
            24, lambda one: as_bytes(one.convert("CMYK"), "JPEG")
        ),
        "24 megapixels of HEIC": a_photo(24, as_heic),
        "11 megapixels of HEIC with transparency": a_photo(11, _as_transparent_heic),
        "24 megapixels of WebP": a_photo(24, lambda one: as_bytes(one, "WEBP", method=0)),
        "9.9 megapixels of WebP": a_photo(9.9, lambda one: as_bytes(one, "WEBP", method=0)),
        "24 megapixels, transparent and on their side": a_photo(
            24, lambda one: as_bytes(one.convert("RGBA"), exif=on_its_side)
        ),
        "24 megapixels of a palette with paper": a_photo(
            24, lambda one: as_bytes(one.convert("L").convert("P"), transparency=255)
        ),
        "one pixel": as_bytes(Image.new("L", (1, 1))),
        "noise": as_bytes(Image.frombytes("RGB", (1100, 1100), os.urandom(3 * 1100**2))),
        "9 MiB of nothing": bytes(LARGEST),
        "9 MiB of noise": os.urandom(LARGEST),
        "a byte too many": bytes(LARGEST + 1),
    }


def _polyglots() -> Mapping[str, bytes]:
    png, gif = as_bytes(a_picture()), as_bytes(a_picture(), "GIF")
    script = b"<script>alert(1)</script>"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
    return {
        "a PNG and a ZIP": png + _a_zip(),
        "a PNG and a page": png + b"<html>" + script,
        "a PNG with a script in its text": a_png_with(b"tEXt", b"Title\0" + script),
        "a GIF that is a script": gif[:6] + b"/*" + gif[8:] + b"*/=1;alert(1)",
        "a JPEG and PHP": as_bytes(a_picture(), "JPEG") + b"<?php system('id'); ?>",
        "a PDF and a PNG": b"%PDF-1.7\n" + png,
        "a page": b"<!doctype html>" + script,
        "an SVG": svg,
        "an SVG with an entity bomb": b'<!DOCTYPE s [<!ENTITY a "' + b"a" * 999 + b'">]>' + svg,
        "a ZIP": _a_zip(),
        "a TIFF": as_bytes(a_picture(), "TIFF"),
        "an ICO": as_bytes(a_picture(), "ICO"),
        "a PostScript program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nquit\n",
        "a program": b"\x7fELF" + os.urandom(500),
        "a text": "häuschen ✏ 家".encode(),
    }


def _metadata() -> Mapping[str, bytes]:
    picture, turned = a_picture(), Image.Exif()
    turned[0x0112] = 99
    many = b"".join(_entry(tag, 4, 1, tag) for tag in range(0xB000, 0xB7D0))
    return {
        "an orientation of 99": as_bytes(picture, "JPEG", exif=turned),
        "an orientation of 4,294,967,295": a_jpeg_with_exif(_entry(0x0112, 4, 1, 2**32 - 1), 1),
        "an orientation that is an array": a_jpeg_with_exif(_entry(0x0112, 3, 2**31, 8), 1),
        "2,000 tags": a_jpeg_with_exif(many, 2000),
        "65,535 tags, none there": a_jpeg_with_exif(b"", 65_535),
        "a directory that is its own next": a_jpeg_with_exif(
            _entry(0x8769, 4, 1, 8) + struct.pack("<I", 8), 1
        ),
        "a place at 4,294,967,295": a_jpeg_with_exif(_entry(0x8825, 4, 1, 2**32 - 1), 1),
        "a note of 60 KB": as_bytes(picture, "JPEG", comment=b"\xff\0" * 30_000),
        "XMP of 60 KB": as_bytes(picture, "JPEG", xmp=b"<x:xmpmeta>" * 5_500),
        "EXIF of noise in a PNG": a_png_with(b"eXIf", os.urandom(60_000)),
        "a resolution of nothing": a_png_with(b"pHYs", bytes(9)),
        "a gamma of nothing": a_png_with(b"gAMA", bytes(4)),
    }


def awkward_pictures() -> Mapping[str, bytes]:
    """Each by what it is."""
    return {**_bombs(), **_shapes(), **_polyglots(), **_metadata()}


# As they stand between the quotes of a multipart heading.
NAMES: Mapping[str, bytes] = {
    "steps upwards": b"../../../../etc/passwd",
    "steps upwards, Windows": rb"..\..\..\windows\win.ini",
    "steps upwards, encoded": b"%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "a whole path": b"/dev/stdout",
    "a drive": b"C:\\CON.png",
    "a network path": b"\\\\evil.example\\share\\a.png",
    "only dots": b"..",
    "nothing": b"",
    "a NUL": b"a.png\0.exe",
    "a line break, encoded": b"a%0d%0aSet-Cookie: a=b.png",
    "turned by Unicode": "a\u202egnp.exe".encode(),
    "no width": "a\u200b\ufeff.png".encode(),
    "many accents": ("a" + "\u0301" * 500 + ".png").encode(),
    "letters beyond the plane": "😀𝒶\U000e0041.png".encode(),
    "no UTF-8": b"\xff\xfe\xed\xa0\x80.png",
    "UTF-8 that is too long": b"\xc0\xae\xc0\xae\xc0\xaf.png",
    "very long": b"a" * 3000 + b".png",
    "a script": b"<script>alert(1)</script>.png",
    "SQL": b"'; DROP TABLE drawings; --.png",
    "a command": b"$(reboot);`id`|sh.png",
    "a template": b"{{ 7 * 7 }}${7*7}.png",
    "a format": b"%s%n%x.png",
}
