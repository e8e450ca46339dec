"""What a month on AWS costs, by the templates of a checkout."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from app.cli.console import out, say
from app.errors import InvalidRequest

if TYPE_CHECKING:
    from app.costs.usage import Usage

commands = typer.Typer()
FACTORS = (1, 10, 100)


@commands.command()
def cost(
    folder: Annotated[Path, typer.Option(help="The checkout that is deployed.")] = Path(),
    measured: Annotated[
        Path | None, typer.Option(help="A load run's usage of a month, as JSON.")
    ] = None,
) -> None:
    """Print the month by service, for demo use and for 10 and 100 times as much."""
    from app.costs.month import Prices, total
    from app.costs.usage import DEMO
    from app.costs.ways import USUAL, Templates, bill, ways
    from app.telemetry import Metric

    prices = Prices.read()
    usage = _measured(measured) if measured else DEMO
    found = dict(ways(Templates.read(folder), len(Metric)))
    bills = [bill(USUAL, found[USUAL], usage.times(factor), prices) for factor in FACTORS]
    table = Table("service", "what", *(f"{factor} ×" for factor in FACTORS), "free each month")
    for lines in zip(*bills, strict=True):
        figures = (f"{line.dollars:.2f}" for line in lines)
        table.add_row(lines[0].service, lines[0].what, *figures, lines[0].covered)
    table.add_row("total", "", *(f"{total(lines):.2f}" for lines in bills))
    out.print(table)
    others = Table("way", *(f"{factor} ×" for factor in FACTORS))
    for name, made in found.items():
        totals = (total(bill(name, made, usage.times(factor), prices)) for factor in FACTORS)
        others.add_row(name, *(f"{one:.2f}" for one in totals))
    out.print(others)
    cheapest = min(found, key=lambda name: total(bill(name, found[name], usage, prices)))
    say(
        f"Dollars a month in {prices.tables['region']}, prices of {prices.tables['dated']}, "
        f"without tax. {usage.requests:,.0f} requests and {usage.stored_gb:g} GB at 1 ×. "
        f"The cheapest is {cheapest}; docs/aws.md says what each way gives up."
    )


def _measured(file: Path) -> "Usage":
    from app.costs.usage import Usage

    try:
        run = json.loads(file.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{file.name} is no JSON; give what a load run wrote.") from error
    if not isinstance(run, dict):
        raise InvalidRequest(f"{file.name} is no object of JSON; give what a load run wrote.")
    return Usage.measured(run)
