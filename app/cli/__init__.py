"""``sketchnorm …``: the commands of operators, developers and researchers."""

import sys
from typing import NoReturn

import typer

from app.cli import analysis, backups, bundles, site
from app.cli.console import err
from app.errors import SketchnormError, StorageUnavailable

app = typer.Typer(
    help="How unusual is a child's drawing among drawings by children of the same age?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for part in (site, analysis, bundles, backups):
    app.add_typer(part.commands)


def main(words: list[str] | None = None) -> NoReturn:
    """Run; a refusal or a wrong setting is one sentence on stderr and exit status 1."""
    try:
        app(words)
    except StorageUnavailable as error:
        _end(error.advice)  # who types commands is the one who can mend it
    except SketchnormError as error:
        _end(str(error))
    sys.exit()


def _end(sentence: str) -> NoReturn:
    err.print(f"[red]sketchnorm:[/red] {sentence}", highlight=False)
    sys.exit(1)
