"""Serve the site."""

from typing import Annotated

import typer

from app.cli.console import out, settings

commands = typer.Typer()


@commands.command()
def serve(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    reload: Annotated[bool, typer.Option(help="Start again when the code changes.")] = False,
) -> None:
    """Serve the site and the API; a local database is migrated and seeded by itself."""
    import uvicorn

    from app.serving import local_app, prepare

    prepare(settings())
    out.print(f"Sketchnorm is at [bold]http://{host}:{port}[/bold] (Ctrl+C stops it)")
    if reload:
        uvicorn.run(
            "app.serving:local_app", factory=True, host=host, port=port, reload=True,
            reload_dirs=["app"], log_level="warning",
        )  # fmt: skip
    else:
        uvicorn.run(local_app(), host=host, port=port, log_level="warning")
