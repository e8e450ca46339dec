"""The API function. All parts are made while this is imported: that is the cold start."""

import os
from pathlib import Path

from app import uncollected

with uncollected():
    from app.environment import Settings
    from app.main import open_app
    from handlers.gateway import adapt

    handler = adapt(open_app(Settings.load(os.environ, Path.cwd())))
