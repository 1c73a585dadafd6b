"""What runs in a hub beside ingest: the monitor and the HTTP interface with its pages, each in
its threads.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from hub.config import Config, ConfigError
from hub.monitor.watch import Watch
from hub.store.engine import connect
from identity.keys import KeyFileError

if TYPE_CHECKING:
    from hub.api.server import Server
    from hub.web.desk import Desk

log = logging.getLogger(__name__)


class Beside:
    """Made before ingest starts, so that what can't work is told at once. Raises ConfigError: a
    password, a certificate, an address that is taken.
    """

    def __init__(self, config: Config, engine: Engine | None = None) -> None:
        self._engine = engine or connect(config.store.where)
        self._watch = Watch(config.mqtt, config.monitor, self._engine)
        self._server: Server | None = None
        self.desk: Desk | None = None  # of the pages, where they are served
        if config.api.listen is not None:
            from hub.api.app import create
            from hub.api.server import Server
            from hub.web.app import mount

            app = create(self._engine, config, broker=self._broker)
            try:
                self.desk = mount(app, self._engine, config)
            except KeyFileError as error:
                raise ConfigError(f"identity.key_file: {error}") from error
            self._server = Server(app, config.api.listen)

    @property
    def url(self) -> str | None:
        return None if self._server is None else self._server.url

    def start(self) -> None:
        """Begin; from here on nothing of it stops ingest."""
        self._watch.start()
        if self._server is not None:
            self._server.start()
            log.info("serving HTTP at %s", self._server.url)

    def stop(self) -> None:
        """End both, and let the store go."""
        if self._server is not None:
            self._server.stop()
        self._watch.stop()
        self._engine.dispose()

    def _broker(self) -> str | None:
        return self._watch.trouble if self._watch.alive else "the monitor's thread ended"
