"""``sketchnorm …``: the commands of operators, developers and researchers."""

import sys

import typer

from app.cli import analysis, backups, bundles, calibration, site, training, upkeep
from app.cli.console import err
from app.errors import SketchnormError

app = typer.Typer(
    help="How unusual is a child's drawing among drawings by children of the same age?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for part in (site, analysis, calibration, training, bundles, backups, upkeep):
    app.add_typer(part.commands)


def main() -> None:
    """Run; a refusal or a wrong setting is one sentence on stderr and exit status 1."""
    try:
        app()
    except SketchnormError as error:
        err.print(f"[red]sketchnorm:[/red] {error}", highlight=False)
        sys.exit(1)
