"""The API function. All parts are made while this is imported: that is the cold start."""

from app import cold_start  # isort: split

import os
from pathlib import Path

from app.environment import Settings
from app.serving import open_app
from handlers.gateway import adapt

settings = Settings.load(os.environ, Path.cwd())
handler = adapt(open_app(settings), settings.public_prefix)
cold_start.settle()
