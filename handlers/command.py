"""``sketchnorm …`` on Lambda: an adapter over the command line, for where no task can be started.

Only for where Lambda is the sole writer; beside Fargate commands are one-off tasks of its image.
"""

import io
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from app.cli import main
from app.errors import CommandFailed
from app.telemetry import make_logger
from handlers import deployment

logger = make_logger()


def handler(event: dict[str, Any], context: object) -> object:
    """Run ``{"command": ["restore", "--at", "…"]}`` and return what it printed.

    Where it fails that is raised. A deployment asks with an event of its own.
    """
    if "ResponseURL" in event:
        return deployment.answer(event)
    logger.info("command", command=event["command"])
    return run(event["command"])


def run(words: list[str]) -> str:
    """What the command printed; raise ``CommandFailed`` with that unless its status is 0."""
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            main(words)
    except SystemExit as end:
        if end.code:
            raise CommandFailed(said.getvalue()) from end
    return said.getvalue()
