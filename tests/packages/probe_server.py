"""``ecs.serve`` with the probe; the argument is the port."""

import os
import sys
from pathlib import Path

from app.environment import Settings
from app.serving import open_app
from ecs.serve import run
from tests.packages.probe import with_probe

if __name__ == "__main__":
    settings = Settings.load(os.environ, Path.cwd())
    run(with_probe(open_app(settings)), settings, port=int(sys.argv[1]))
