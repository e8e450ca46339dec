"""What databases say of their tables; the table of Alembic's own is left out."""

from typing import Any

from sqlalchemy import DateTime, Double, inspect
from sqlalchemy.types import TypeEngine

from app.storage.database import Database

PARTS = ("columns", "pk_constraint", "indexes", "foreign_keys", "unique_constraints",
         "check_constraints")  # fmt: skip
# That a column is of the primary key or numbered by itself follows from the other parts.
ONLY_ONE_SAYS = ("autoincrement", "primary_key", "comment", "include_columns", "dialect_options")
Reflected = dict[str, Any]
Schema = dict[tuple[str, str], str]


def reflected(database: Database) -> Schema:
    """All of it, by table and part, in the words of that kind of database."""
    return {key: repr(said) for key, said in _said(database).items()}


def portable(database: Database) -> Schema:
    """The same in words that both kinds of database share, in the order of the names."""
    return {key: "\n".join(sorted(map(_plain, said))) for key, said in _said(database).items()}


def _said(database: Database) -> dict[tuple[str, str], list[Reflected]]:
    found = inspect(database.engine)
    return {
        (table, part): _listed(getattr(found, f"get_{part}")(table))
        for table in found.get_table_names()
        if table != "alembic_version"
        for part in PARTS
    }


def _listed(said: Reflected | list[Reflected]) -> list[Reflected]:
    """A table has one primary key, and of all else any number."""
    listed = [said] if isinstance(said, dict) else said
    # PostgreSQL lists the index of a unique constraint besides the constraint.
    return [one for one in listed if "duplicates_constraint" not in one]


def _plain(entry: Reflected) -> str:
    """What is not said is as what is said to be nothing; a sequence is how rows are numbered."""
    said = {name: _word(name, value) for name, value in sorted(entry.items())}
    return repr({name: word for name, word in said.items() if word and name not in ONLY_ONE_SAYS})


def _word(name: str, value: object) -> object:
    if isinstance(value, DateTime):
        return "DateTime"  # SQLite knows of no zones; UtcDateTime sees to them on either
    if isinstance(value, Double):
        return "Double"  # 53 bits on either, of which only PostgreSQL tells
    if isinstance(value, TypeEngine):
        return repr(value.as_generic())
    if name == "default" and str(value).startswith("nextval("):
        return None
    return bool(value) if name == "unique" else value
