"""`edge-hub serve`: take the feed, until told to stop."""

from __future__ import annotations

import logging
import signal
import sys
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
from hub.derive.process import Companion
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

    A process of its own beside it makes passages, visits and people of the records.
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
    companion = Companion(_derive_command(config, store or loaded.store.path, as_json=as_json))
    companion.start()
    try:
        beside.start()
        service.run()
    except LinkError as error:
        log.critical("%s: ending, to be started anew", error)
        return BROKEN
    finally:
        beside.stop()
        companion.stop()
        kept.close()
    return 0


def _derive_command(config: Path | None, store: Path, *, as_json: bool) -> list[str]:
    command = [sys.executable, "-m", "hub", "derive", "--follow", "--with-parent"]
    command += ["--store", str(store)]
    if config is not None:
        command += ["--config", str(config)]
    return [*command, "--json"] if as_json else command


def make(config: Config) -> tuple[Service, SqliteStore]:
    """The parts of a hub, wired. Raises ConfigError, StoreError."""
    # twice a batch: the next one gathers while one is committed
    link = Link(config.mqtt, window=2 * config.ingest.batch_records)
    store = SqliteStore(config.store.path)
    return Service(store, link, config.ingest), store
