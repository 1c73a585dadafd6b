"""The schema's steps: the same end on both databases, whole or not at all, never backwards."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations.ops import UpgradeOps
from sqlalchemy import Connection, inspect

from hub.store import migrations
from hub.store.base import StoreError
from hub.store.engine import connect
from hub.store.opening import open_store
from hub.store.schema import metadata
from tests.hub.support import execute, rows


@pytest.fixture
def opened(nowhere: str | Path) -> Iterator[Connection]:
    open_store(nowhere).close()
    engine = connect(nowhere)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _ours(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    return not (kind == "table" and name is not None and name.startswith("records_p"))


def test_the_steps_end_in_the_schema_that_the_code_is_written_against(opened: Connection) -> None:
    context = MigrationContext.configure(opened, opts={"include_object": _ours})
    ops = produce_migrations(context, metadata).upgrade_ops
    assert isinstance(ops, UpgradeOps)
    # what fails here is the text of the step that is missing
    assert ops.is_empty(), render_python_code(ops)


def test_every_key_is_as_the_schema_says(opened: Connection) -> None:
    """What Alembic does not compare. PostgreSQL's partitions want their column in the key."""
    found = inspect(opened)
    for table in metadata.sorted_tables:
        key = found.get_pk_constraint(table.name)["constrained_columns"]
        wanted = [column.name for column in table.primary_key]
        if table.name == "records" and opened.dialect.name == "postgresql":
            wanted.append("arrived_ms")
        assert key == wanted, table.name


def test_a_second_opening_changes_nothing(nowhere: str | Path) -> None:
    open_store(nowhere).close()
    store = open_store(nowhere)
    epoch = store.epoch()
    store.close()
    store = open_store(nowhere)
    assert store.epoch() == epoch
    store.close()


def test_a_store_of_a_newer_hub_is_refused_and_left_as_it_is(nowhere: str | Path) -> None:
    open_store(nowhere).close()
    execute(nowhere, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"written by a newer hub .schema 9999, this one knows 0"):
        open_store(nowhere)
    assert rows(nowhere, "SELECT version_num FROM alembic_version") == [("9999",)]


def test_someone_elses_database_is_refused_and_left_as_it_is(nowhere: str | Path) -> None:
    execute(nowhere, "CREATE TABLE orders (id INTEGER)")
    with pytest.raises(StoreError, match="holds tables that are no hub's"):
        open_store(nowhere)
    engine = connect(nowhere)
    assert inspect(engine).get_table_names() == ["orders"]
    engine.dispose()


STEP = """
from alembic import op

revision = "9998"
down_revision = "{before}"

def upgrade() -> None:
    op.execute("CREATE TABLE extra (x INTEGER)")
    op.execute("{last}")
"""


def test_a_step_is_done_whole_or_not_at_all(
    nowhere: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(nowhere).close()
    before = migrations.known()[-1]
    folder = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, folder)
    monkeypatch.setattr(migrations, "_FOLDER", folder)
    step = folder / "versions" / "9998_extra.py"
    step.write_text(STEP.format(before=before, last="CREATE broken"))
    with pytest.raises(StoreError, match="syntax error"):
        open_store(nowhere)
    assert rows(nowhere, "SELECT version_num FROM alembic_version") == [(before,)]
    step.write_text(STEP.format(before=before, last="SELECT 1"))
    open_store(nowhere).close()
    assert rows(nowhere, "SELECT version_num FROM alembic_version") == [("9998",)]
    assert rows(nowhere, "SELECT * FROM extra") == []
