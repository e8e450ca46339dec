"""Where commands print, and the settings they run under."""

import os
from pathlib import Path

from rich.console import Console

from app.environment import Settings

out = Console()
err = Console(stderr=True)


def settings() -> Settings:
    """Read the environment and the .env files of the working folder."""
    return Settings.load(os.environ, Path.cwd())
