"""`edge-hub muster`: who is inside, for an evacuation; or how many are, everywhere."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import click

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
from hub.commands.questions import clock, moment
from hub.commands.trace import show
from hub.roles import Right
from hub.trace import lookup, output, presence


@click.command(cls=Command, example="edge-hub muster --site kcn-tan-thuan/nha-may-a")
@config_option
@store_option
@click.option("--site", help="The site (park/site).")
@click.option(
    "--at", "at_text", help="At this moment instead of now; without a zone by the park's clocks."
)
@click.option("--counts", is_flag=True, help="Only how many, of --site or of every site.")
@json_option
def muster(
    config: Path | None,
    store: str | Path | None,
    site: str | None,
    at_text: str | None,
    *,
    counts: bool,
    as_json: bool,
) -> None:
    """Tell who is inside a site as far as its gates saw, and how far that can be wrong.

    Names stand where the roster knows them. With --counts nothing is told of a person.
    """
    if site is None and not counts:
        raise Refusal("edge-hub muster: name the --site, or ask for --counts of every site")
    with opened("muster", config, store, lookup.UnknownError) as (engine, loaded):
        role = acting(loaded, Right.SEE if counts else Right.MUSTER, "muster")
        zone = ZoneInfo(loaded.park.time_zone)
        at_ms = now_ms()
        if at_text is not None:
            at_ms = round(moment(at_text, "edge-hub muster: --at", zone).timestamp() * 1000)
        with engine.connect() as connection:
            place = lookup.place(connection, site) if site else None
            if counts or place is None:
                answer = presence.occupancy(connection, at_ms, place)
                sheet, plain = (
                    output.occupancy_sheet(answer, clock(zone)),
                    output.occupancy_json(answer),
                )
            else:
                found = presence.muster(connection, place, at_ms)
                sheet, plain = output.muster_sheet(found, clock(zone)), output.muster_json(found)
        if not counts:
            audit.write(
                engine,
                who=audit.user(),
                role=role,
                action="muster",
                purpose="muster",
                asked={"site": site, "at": output.utc(at_ms)},
                seen={"people": len(sheet.rows)},
            )
    if as_json:
        write_json(plain)
    else:
        show(sheet)
