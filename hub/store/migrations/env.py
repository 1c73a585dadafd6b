"""How Alembic runs the steps: on the connection it is given, in that one's transaction."""

from __future__ import annotations

from alembic import context

from hub.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
