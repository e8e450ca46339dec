"""Where commands print, and the settings they run under."""

import os
from datetime import datetime
from pathlib import Path

from rich.console import Console

from app.environment import Settings

out = Console()
err = Console(stderr=True)


def settings() -> Settings:
    """Read the environment and the .env files of the working folder."""
    return Settings.load(os.environ, Path.cwd())


def say(sentence: str) -> None:
    """Print a sentence on one line, as it is."""
    out.print(sentence, highlight=False, soft_wrap=True)


def instant(moment: datetime | None, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """A time in UTC, or nothing."""
    return "" if moment is None else f"{moment:{form}}"
