"""Bodies of ``multipart/form-data``, whole or not, as the form and programs send them."""

from typing import Final

from tests.support.people.visitors import a_png

TYPE: Final = "multipart/form-data; boundary=B"
DRAWING: Final = a_png(24)
Field = tuple[str, bytes]
IMAGE: Final[Field] = ('name="image"; filename="a.png"', DRAWING)
AGE: Final[Field] = ('name="age_years"', b"6")
CATEGORY: Final[Field] = ('name="category"', b"house")
UNKEPT: Final[Field] = ('name="keep"', b"false")


def body(*fields: Field, end: bytes = b"--B--\r\n") -> bytes:
    """A part for each field: how it is headed, and its value."""
    parts = [
        f"--B\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n"
        for head, value in fields
    ]
    return b"".join(parts) + end
