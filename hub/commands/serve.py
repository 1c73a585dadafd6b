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
    log_in_option,
    show_log_in,
    store_option,
)
from hub.commands.logs import set_up
from hub.config import Config, ConfigError
from hub.derive.process import Companion
from hub.ingest.service import Service
from hub.link import Link, LinkError
from hub.store.base import Store, StoreError
from hub.store.opening import open_store

log = logging.getLogger(__name__)

BROKEN = 1


@click.command(cls=Command, example="edge-hub serve --broker broker.lan:1883 --store hub.db")
@config_option
@click.option("--broker", metavar="HOST:PORT", help="The broker, instead of the configuration's.")
@store_option
@log_in_option
@json_option
def serve(
    config: Path | None,
    broker: str | None,
    store: str | Path | None,
    log_in: tuple[str, ...],
    *,
    as_json: bool,
) -> int:
    """Store the records of all gates, and tell each gate what is stored.

    A process of its own beside it makes passages, visits and people of the records.
    Runs until SIGTERM or Ctrl-C. A broker that is away is tried again and again. With --json the
    log is JSON lines.
    """
    loaded = load_config(config, broker=broker, store=store)
    if log_in and loaded.api.listen is None:
        raise Refusal("edge-hub serve: --log-in: no pages are served; give api.listen in hub.toml")
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
    log.info("serving %s:%d into %s", mqtt.host, mqtt.port, loaded.store.where)
    companion = Companion(_derive_command(config, loaded.store.where, as_json=as_json))
    companion.start()
    try:
        beside.start()
        if log_in and beside.url and beside.desk:
            show_log_in(beside.url, beside.desk, log_in, as_json=as_json)
        service.run()
    except LinkError as error:
        log.critical("%s: ending, to be started anew", error)
        return BROKEN
    finally:
        beside.stop()
        companion.stop()
        kept.close()
    return 0


def _derive_command(config: Path | None, store: str | Path, *, as_json: bool) -> list[str]:
    command = [sys.executable, "-m", "hub", "derive", "--follow", "--with-parent"]
    command += ["--store", str(store)]
    if config is not None:
        command += ["--config", str(config)]
    return [*command, "--json"] if as_json else command


def make(config: Config) -> tuple[Service, Store]:
    """The parts of a hub, wired. Raises ConfigError, StoreError."""
    # twice a batch: the next one gathers while one is committed
    link = Link(config.mqtt, window=2 * config.ingest.batch_records)
    store = open_store(config.store.where)
    return Service(store, link, config.ingest, keep_days=config.store.keep_days), store
