"""`edge-hub serve`: take the feed, until told to stop."""

from __future__ import annotations

import logging
import signal
from pathlib import Path

import click

from hub.beside import Beside
from hub.commands.common import (
    Command,
    Refusal,
    config_option,
    json_option,
    load_config,
    store_option,
)
from hub.commands.logs import set_up
from hub.config import Config, ConfigError
from hub.ingest.service import Service
from hub.link import Link, LinkError
from hub.store.base import StoreError
from hub.store.sqlite import SqliteStore

log = logging.getLogger(__name__)

BROKEN = 1


@click.command(cls=Command, example="edge-hub serve --broker broker.lan:1883 --store hub.db")
@config_option
@click.option("--broker", metavar="HOST:PORT", help="The broker, instead of the configuration's.")
@store_option
@json_option
def serve(config: Path | None, broker: str | None, store: Path | None, *, as_json: bool) -> int:
    """Store the records of all gates, and tell each gate what is stored.

    Runs until SIGTERM or Ctrl-C. A broker that is away is tried again and again. With --json the
    log is JSON lines.
    """
    loaded = load_config(config, broker=broker, store=store)
    set_up(as_json=as_json)
    try:
        service, kept = make(loaded)
    except (ConfigError, StoreError) as error:
        raise Refusal(f"edge-hub serve: {error}") from error
    try:
        beside = Beside(loaded)
    except ConfigError as error:
        kept.close()
        raise Refusal(f"edge-hub serve: {error}") from error
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    mqtt = loaded.mqtt
    log.info("serving %s:%d into %s", mqtt.host, mqtt.port, loaded.store.path)
    try:
        beside.start()
        service.run()
    except LinkError as error:
        log.critical("%s: ending, to be started anew", error)
        return BROKEN
    finally:
        beside.stop()
        kept.close()
    return 0


def make(config: Config) -> tuple[Service, SqliteStore]:
    """The parts of a hub, wired. Raises ConfigError, StoreError."""
    # twice a batch: the next one gathers while one is committed
    link = Link(config.mqtt, window=2 * config.ingest.batch_records)
    store = SqliteStore(config.store.path)
    return Service(store, link, config.ingest), store
