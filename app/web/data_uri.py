"""Bytes as an address."""

import base64


def data_uri(content: bytes, media_type: str) -> str:
    """The bytes themselves as an address, for what is kept nowhere."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
