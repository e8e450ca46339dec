"""``handlers.api`` with the probe."""

import os
from pathlib import Path

from app.environment import Settings
from app.main import open_app
from handlers.gateway import adapt
from tests.packages.probe import with_probe

settings = Settings.load(os.environ, Path.cwd())
handler = adapt(with_probe(open_app(settings)))
