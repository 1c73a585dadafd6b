"""The schema as numbered steps, for SQLite and PostgreSQL: done when a hub opens its store.

`alembic_version` in the store tells how far it is. A step is `versions/NNNN_name.py`, whose
`revision` is NNNN; what the schema is in the end stands in hub.store.schema, and a test holds the
two together.
"""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from hub.store.base import StoreError
from hub.store.schema import metadata

log = logging.getLogger(__name__)

_FOLDER = Path(__file__).parent
# any number that nothing else in this database locks: two hubs that start together take turns
_LOCK = 0x656467652D687562


def known() -> tuple[str, ...]:
    """The numbers of the steps that this hub knows, in order."""
    return tuple(sorted(path.name[:4] for path in _FOLDER.glob("versions/[0-9]*.py")))


def upgrade(engine: Engine, name: str) -> None:
    """Do the steps that are missing: all or nothing. Raises StoreError, SQLAlchemyError.

    `name` is the store's, for messages.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        _upgrade(connection, name)


def check(version: str | None, name: str) -> None:
    """Raises StoreError where the store is of a newer hub."""
    if version is not None and version not in known():
        raise StoreError(
            f"{name} was written by a newer hub (schema {version}, this one knows "
            f"{known()[-1]}): install that version again"
        )


def check_ready(connection: Connection, name: str) -> None:
    """Raises StoreError where questions can't be asked: the store is of a newer hub, whose tables
    may mean something else, or of an older one, or no hub's at all.
    """
    tables = set(inspect(connection).get_table_names())
    check(version_of(connection), name)
    if lacking := set(metadata.tables) - tables:
        raise StoreError(
            f"{name}: has no table {min(lacking)}; start `edge-hub serve` of this version once, "
            "which brings the store up to date"
        )


def version_of(connection: Connection) -> str | None:
    """The newest step that was done; None where there was none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _upgrade(connection: Connection, name: str) -> None:
    tables = inspect(connection).get_table_names()
    version = version_of(connection)
    if version is None and tables:
        raise StoreError(
            f"{name} holds tables that are no hub's, or of a hub before its first release: "
            "name an empty store"
        )
    check(version, name)
    if version != known()[-1]:
        # questions never come here, and loading it takes longer than most of them
        from alembic import command
        from alembic.config import Config

        log.info("%s: schema %s becomes %s", name, version or "none", known()[-1])
        config = Config()
        config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
