"""What a target may do with any bytes: answer, or refuse in one sentence."""

from collections.abc import Callable
from typing import TypeVar

from app.errors import Refusal

T = TypeVar("T")


def answered(ask: Callable[[], T]) -> T | None:
    """What is answered; ``None`` if it is refused. Any other exception is an escape."""
    try:
        return ask()
    except Refusal as refusal:
        check_sentence(str(refusal))
        return None


def check_sentence(text: str) -> None:
    """Raise unless a person can read it in one line."""
    assert text.isprintable(), repr(text)
    assert text.endswith("."), repr(text)
