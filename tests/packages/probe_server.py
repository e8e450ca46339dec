"""``ecs.serve`` with the probe."""

import os
from pathlib import Path

from app.environment import Settings
from app.main import open_app
from ecs.server import run
from tests.packages.probe import with_probe

if __name__ == "__main__":
    settings = Settings.load(os.environ, Path.cwd())
    run(with_probe(open_app(settings)), settings)
