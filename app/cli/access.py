"""Who is let in: the admin's password, and researchers' tokens."""

import sys
from contextlib import closing
from datetime import timedelta
from getpass import getpass
from typing import Annotated

import typer
from rich.table import Table

from app.cli.console import instant, out, say, settings, warn
from app.errors import SecretUnavailable, WeakPassword

commands = typer.Typer()
tokens = typer.Typer(no_args_is_help=True, help="API tokens of researchers' programs.")
commands.add_typer(tokens, name="token")


@commands.command("admin-password")
def admin_password(
    print_hash: Annotated[
        bool, typer.Option(help="Only print the hash, for somebody else to put in place.")
    ] = False,
) -> None:
    """Set the admin's password, typed twice or read from standard input; every login ends."""
    from app.access.password import check_strength, hashed
    from app.access.secrets import AdminSecret
    from app.bootstrap import open_secret

    used = settings()
    password = _typed()
    check_strength(password)
    if print_hash:
        say(hashed(password))
        return
    source = open_secret(used)
    try:
        before = source.read()
        new = hashed(password)
        source.write(before.with_password(new) if before else AdminSecret(new, session_epoch=1))
    except SecretUnavailable as error:
        raise SecretUnavailable(error.advice, error.advice) from error
    say("The password is set, and every login has ended; a running site knows within 5 minutes.")


def _typed() -> str:
    """Never an argument: these are seen in lists of processes and kept by shells."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass("New password: ")
    if getpass("The same again: ") != password:
        raise WeakPassword("The two were not the same; nothing was changed. Try again.")
    return password


@tokens.command("make")
def make(
    name: Annotated[str, typer.Argument(help="What it is called in lists, such as a study.")],
    days: Annotated[int | None, typer.Option(help="Days until it expires; else never.")] = None,
    per_minute: Annotated[int, typer.Option(help="Requests a minute that it may make.")] = 60,
) -> None:
    """Make a token and print it, this once."""
    from app.access.tokens import make_token
    from app.storage.tables import now
    from app.stores import Stores

    at = now()
    with closing(Stores.open(settings())) as stores:
        token = make_token(
            stores.database, name, at,
            expires_at=at + timedelta(days=days) if days is not None else None,
            per_minute=per_minute,
        )  # fmt: skip
    warn("Copy the token now; it is shown this once.")
    say(token)


@tokens.command("list")
def list_() -> None:
    """List all tokens that were ever made, without what would let anybody use them."""
    from app.access.tokens import list_tokens
    from app.stores import Stores

    with closing(Stores.open(settings())) as stores:
        found = list_tokens(stores.database)
    if not found:
        say("No token was made yet.")
        return
    table = Table("name", "made", "expires", "revoked", "a minute")
    for token in found:
        table.add_row(
            token.name, instant(token.made_at), instant(token.expires_at),
            instant(token.revoked_at), str(token.per_minute),
        )  # fmt: skip
    out.print(table)


@tokens.command("revoke")
def revoke(name: Annotated[str, typer.Argument(help="The token's name.")]) -> None:
    """Revoke a token, at once and for good."""
    from app.access.tokens import revoke_token
    from app.storage.tables import now
    from app.stores import Stores

    with closing(Stores.open(settings())) as stores:
        revoke_token(stores.database, stores.blobs, name, now())
    say(f"The token {name} is revoked.")
