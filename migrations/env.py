"""Run by Alembic through ``app.storage.schema``, which hands over its open transaction.

Reads neither settings nor files: which database is meant was decided, and its stamp checked,
before this runs.
"""

from alembic import context

from app.storage.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite can alter a table only by copying it
)
with context.begin_transaction():
    context.run_migrations()
