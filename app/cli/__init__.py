"""``sketchnorm …``: the commands of operators, developers and researchers."""

import os
import sys
from typing import NoReturn

import typer

from app.cli import access, analysis, backups, bundles, cost, site
from app.cli.console import Status, warn
from app.errors import SketchnormError, StorageUnavailable

app = typer.Typer(
    help="How unusual is a child's drawing among drawings by children of the same age?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for part in (site, analysis, bundles, backups, access, cost):
    app.add_typer(part.commands)


def main(words: list[str] | None = None) -> NoReturn:
    """Run; a refusal or a wrong setting is one sentence on stderr and exit status 1."""
    try:
        status = _run(words)
        sys.stdout.flush()
    except StorageUnavailable as error:
        _end(error.advice)  # who types commands is the one who can mend it
    except SketchnormError as error:
        _end(str(error))
    except OSError as error:
        what = "What was printed" if error.filename is None else error.filename
        _end(f"{what} could not be read or written: {error.strerror or error}.")
    sys.exit(status)


def _run(words: list[str] | None) -> str | int | None:
    try:
        app(words)
    except SystemExit as end:
        return end.code
    return 0


def _end(sentence: str) -> NoReturn:
    warn(f"sketchnorm: {sentence}")
    try:
        sys.stdout.flush()
    except OSError:  # Python tries again when it ends, and would fail with a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(Status.REFUSED)
