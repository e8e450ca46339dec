"""Where commands print and what they end with, and the settings they run under."""

import os
from datetime import datetime
from enum import IntEnum
from pathlib import Path

from rich.console import Console

from app.environment import Settings

out = Console()
err = Console(stderr=True)


class Status(IntEnum):
    """What a command ends with: 0 if all went well, 2 if its words were not understood."""

    REFUSED = 1
    PARTLY_FAILED = 3
    ALL_FAILED = 4
    INTERRUPTED = 130


def settings() -> Settings:
    """Read the environment and the .env files of the working folder."""
    return Settings.load(os.environ, Path.cwd())


def say(sentence: str) -> None:
    """Print a sentence on one line, as it is."""
    _print(out, sentence)


def warn(sentence: str) -> None:
    """The same on standard error."""
    _print(err, sentence)


def instant(moment: datetime | None, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """A time in UTC, or nothing."""
    return "" if moment is None else f"{moment:{form}}"


def _print(console: Console, sentence: str) -> None:
    """Names of files are no markup, whatever brackets and colons they have."""
    console.print(sentence, markup=False, emoji=False, highlight=False, soft_wrap=True)
