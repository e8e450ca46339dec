"""The service's process."""

import os
import signal
from pathlib import Path
from types import FrameType

from app import uncollected


def main() -> None:
    """Open everything and serve; what takes long is imported once SIGTERM is heard."""
    signal.signal(signal.SIGTERM, _end)
    with uncollected():
        from app.environment import Settings
        from app.main import open_app
        from ecs.server import run

        settings = Settings.load(os.environ, Path.cwd())
        app = open_app(settings)
    run(app, settings)


def _end(signal_number: int, frame: FrameType | None) -> None:
    """As the first process of a container this one would not even be ended by the signal.

    Nothing is raised: an extension module that is being imported makes an error of its own of a
    SystemExit, or loses it. There is nothing yet to bring to an end.
    """
    os._exit(0)


if __name__ == "__main__":
    main()
