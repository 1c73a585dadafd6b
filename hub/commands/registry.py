"""`edge-hub registry`: sites, gates and the roster, in from files and out again."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from hub import audit
from hub.clock import now_ms
from hub.commands.beside import (
    opened,
    purpose_option,
    read_file,
    show_table,
    tokeniser_of,
    write_result,
)
from hub.commands.common import (
    Command,
    Group,
    Refusal,
    acting,
    config_option,
    json_option,
    store_option,
    write_json,
)
from hub.registry import book
from hub.registry.columns import Kind, exported
from hub.registry.faults import RegistryError
from hub.registry.files import read_listing
from hub.reports.scope import ScopeError, find_scope
from hub.roles import Right
from hub.sheets import write_csv, write_xlsx
from hub.store.engine import writing

_KINDS = click.Choice([str(kind) for kind in Kind])


@click.group("registry", cls=Group, example="edge-hub registry import sites.csv")
def registry() -> None:
    """Sites, gates and the roster of people: import, export, look.

    Everything comes from CSV or XLSX files with a heading, Vietnamese or English.
    """


@click.command("import", cls=Command, example="edge-hub registry import roster.xlsx --kind roster")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--kind", type=_KINDS, help="What the file lists.  [default: by its columns]")
@click.option("--check", is_flag=True, help="Find every fault and change nothing.")
@click.option(
    "--replace", is_flag=True, help="Take out what the parks of the file have beyond the file."
)
@click.option(
    "--token-key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The park's token key, instead of the configuration's identity.key_file.",
)
@purpose_option
@config_option
@store_option
@json_option
def import_(
    file: Path,
    kind: str | None,
    token_key: Path | None,
    purpose: str,
    config: Path | None,
    store: str | Path | None,
    *,
    check: bool,
    replace: bool,
    as_json: bool,
) -> None:
    """Take a file into the registry: all of it, or nothing.

    Every bad line is named with its column, what is wrong and how to mend it. A column `credential`
    of a roster becomes a token with the park's key; the credential itself is not stored.
    """
    raw = read_file(file, "registry import")
    with opened("registry import", config, store) as (engine, loaded):
        role = acting(loaded, Right.REGISTRY, "registry import")
        try:
            listing = read_listing(raw, str(file), Kind(kind) if kind else None)
            tokens = book.take_tokens(listing, tokeniser_of(loaded, "registry import", token_key))
            with writing(engine) as connection:
                done = book.take(connection, listing, tokens, at_ms=now_ms(), replace=replace)
                if check:
                    connection.rollback()
                else:
                    audit.write(
                        connection,
                        who=audit.user(),
                        role=role,
                        action="registry import",
                        purpose=purpose,
                        asked={"kind": str(listing.kind), "lines": len(listing.entries),
                               "replace": replace},
                        seen=asdict(done),
                        at_ms=now_ms(),
                    )  # fmt: skip
        except RegistryError as error:
            if as_json:
                write_json({"taken": False, "faults": [asdict(one.told()) for one in error.faults]})
            raise Refusal(str(error)) from error
    if as_json:
        write_json({"taken": not check, **asdict(done)})
    else:
        removed = f", {done.removed} taken out" if replace else ""
        head = "nothing is changed; there would be " if check else ""
        click.echo(
            f"{head}{done.kind}: {done.added} added, {done.changed} changed, "
            f"{done.unchanged} unchanged{removed}"
        )


@click.command("export", cls=Command, example="edge-hub registry export sites --out sites.xlsx")
@click.argument("kind", type=_KINDS)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file: .csv, .xlsx or .json.  [default: CSV on standard output]",
)
@click.option("--park", help="Of this park alone.")
@purpose_option
@config_option
@store_option
@json_option
def export(
    kind: str,
    out: Path | None,
    park: str | None,
    purpose: str,
    config: Path | None,
    store: str | Path | None,
    *,
    as_json: bool,
) -> None:
    """Give the registry out, in the form that `import` takes.

    Text that a spreadsheet would calculate is defused with an apostrophe, which `import` takes
    away again. Tokens of people go along, credentials were never stored.
    """
    which = Kind(kind)
    columns = exported(which)
    with opened("registry export", config, store, ScopeError) as (engine, loaded):
        role = acting(loaded, Right.REGISTRY, "registry export")
        with writing(engine) as connection:
            find_scope(connection, park, None)
            rows = list(book.read(connection, which, park=park))
            audit.write(
                connection,
                who=audit.user(),
                role=role,
                action="registry export",
                purpose=purpose,
                asked={"kind": kind, "park": park},
                seen={"lines": len(rows)},
                at_ms=now_ms(),
            )
    cells = [[row[name] for name in columns] for row in rows]
    if out is None and as_json:
        write_json(rows)
    elif out is None:
        sys.stdout.buffer.write(write_csv(columns, cells))
        sys.stdout.buffer.flush()
    else:
        write_result(out, _file(which, columns, cells, rows, out), "registry export")
        click.echo(f"{out}: {len(rows)} lines")


def _file(
    kind: Kind,
    columns: tuple[str, ...],
    cells: list[list[object]],
    rows: list[dict[str, Any]],
    out: Path,
) -> bytes:
    ending = out.suffix.lower()
    if ending == ".csv":
        return write_csv(columns, cells)  # type: ignore[arg-type] # text and numbers alone
    if ending == ".xlsx":
        return write_xlsx([(str(kind), columns, cells)])  # type: ignore[list-item]
    if ending == ".json":
        return json.dumps(rows, ensure_ascii=False, indent=1).encode()
    raise Refusal(f"edge-hub registry export: --out {out}: ends in none of .csv, .xlsx, .json")


@click.command("list", cls=Command, example="edge-hub registry list --json")
@config_option
@store_option
@json_option
def list_(config: Path | None, store: str | Path | None, *, as_json: bool) -> None:
    """How many sites, gates and people each park has; and what sends records unregistered."""
    with opened("registry list", config, store) as (engine, loaded):
        acting(loaded, Right.SEE, "registry list")
        with engine.connect() as connection:
            found = book.counts(connection)
    if as_json:
        write_json([asdict(one) for one in found])
        return
    heading = ["park", "sites", "gates", "people", "with token", "sites not registered",
               "gates not registered"]  # fmt: skip
    show_table(heading, [list(asdict(one).values()) for one in found])


for command in (import_, export, list_):
    registry.add_command(command)
