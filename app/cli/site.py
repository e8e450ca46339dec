"""Serve the site and keep its database current."""

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


@commands.command()
def migrate() -> None:
    """Bring the database to this release's schema."""
    from app.storage import schema
    from app.storage.database import Database

    used = settings()
    database = Database.open(
        used.environment.database_url, used.environment.environment, used.database_journal
    )
    try:
        schema.migrate(database)
    finally:
        database.close()
    out.print("The database has the schema of this release.")
