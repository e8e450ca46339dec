"""Serve the site, and seed its demonstration."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import out, settings

if TYPE_CHECKING:
    from fastapi import FastAPI

commands = typer.Typer()


@commands.command()
def serve(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    reload: Annotated[bool, typer.Option(help="Start again when the code changes.")] = False,
) -> None:
    """Serve the site and the API; a local database is migrated and seeded by itself."""
    import uvicorn

    from app.serving import open_app

    settings()  # a wrong setting is one sentence, before anything else is said
    out.print(f"Sketchnorm is at [bold]http://{host}:{port}[/bold] (Ctrl+C stops it)")
    if reload:
        uvicorn.run(
            "app.cli.site:reloaded_app", factory=True, host=host, port=port, reload=True,
            reload_dirs=["app"], log_level="warning",
        )  # fmt: skip
    else:
        uvicorn.run(open_app(settings()), host=host, port=port, log_level="warning")


def reloaded_app() -> "FastAPI":
    """Made anew by uvicorn in each process that it starts."""
    from app.serving import open_app

    return open_app(settings())


@commands.command()
def seed() -> None:
    """Put the demonstration's drawings through the bundle in use, where that was not done yet."""
    from app import serving
    from app.bootstrap import bootstrap

    services = bootstrap(settings())
    try:
        count = serving.seed(services)
    finally:
        services.database.close()
    out.print(f"{count} drawings of the demonstration were analysed anew.")
