"""`edge-hub link`: say that two tokens are one person, or take that back."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy import delete

from hub import audit
from hub.clock import now_ms
from hub.commands.beside import opened
from hub.commands.common import (
    Command,
    Refusal,
    acting,
    config_option,
    json_option,
    store_option,
    write_json,
)
from hub.derive.follower import Follower
from hub.derive.turns import BusyError, leading
from hub.roles import Right
from hub.store.schema import links
from hub.store.sql import insert_new
from hub.trace import lookup

AUTHORITY = "authority"


@click.command(
    cls=Command,
    example='edge-hub link 3q2-7wAA X0f9aKd2 --purpose "case 2021-0815: masked code and card"',
)
@click.argument("token")
@click.argument("other")
@config_option
@store_option
@click.option("--remove", is_flag=True, help="Take a link back that was entered so.")
@click.option("--purpose", default="", help="Why, for the audit. Required.")
@json_option
def link(
    token: str,
    other: str,
    config: Path | None,
    store: str | Path | None,
    purpose: str,
    *,
    remove: bool,
    as_json: bool,
) -> None:
    """Say that two tokens are one person: from then on traces follow both.

    Tokens may be shortened to their beginning. Visits are made anew at once, or by the hub that
    derives for this store within seconds.
    """
    mendable = (audit.RefusedError, lookup.UnknownError)
    with opened("link", config, store, *mendable) as (engine, loaded):
        role = acting(loaded, Right.TRACE, "link")
        stated = audit.purpose_of(purpose)
        with engine.connect() as connection:
            ids = sorted(lookup.id_of_token(connection, one) for one in (token, other))
        if ids[0] == ids[1]:
            raise Refusal("edge-hub link: that is one token: name two")
        audit.write(
            engine,
            who=audit.user(),
            role=role,
            action="unlink" if remove else "link",
            purpose=stated,
            asked={"tokens": ids},
            seen={},
        )
        with engine.begin() as tx:
            if remove:
                here = (links.c.person == ids[0]) & (links.c.other == ids[1])
                gone = tx.execute(delete(links).where(here, links.c.source == AUTHORITY)).rowcount
                if not gone:
                    raise Refusal("edge-hub link: there is no such link that was entered by hand")
            else:
                row = {"person": ids[0], "other": ids[1], "source": AUTHORITY, "at_ms": now_ms()}
                insert_new(tx, links, [row])
        try:
            with leading(engine):
                Follower(engine, longest_stay_h=loaded.visits.longest_stay_h).catch_up()
        except BusyError:
            pass  # the one that derives sees it
    if as_json:
        write_json({"person": ids[0], "other": ids[1], "linked": not remove})
    else:
        click.echo("taken back" if remove else "linked")
