"""The application behind a socket, served by a thread."""

from __future__ import annotations

import socket
import threading
from typing import Any

import uvicorn

from hub.config import ConfigError
from hub.listening import why_not_bound

_GRACE_S = 5
_BACKLOG = 128


class Server:
    """uvicorn over an application. Raises ConfigError when made: the address is taken then."""

    def __init__(self, app: Any, listen: str) -> None:
        host, _, port = listen.rpartition(":")
        self._socket = _bound(host.removeprefix("[").removesuffix("]"), int(port), listen)
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,  # the hub's own logging
                access_log=False,  # queries may name people
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=10,
                limit_concurrency=200,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _run(self) -> None:
        # in a thread uvicorn leaves the signals alone: they are the command's
        try:
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def start(self) -> None:
        """Serve until `stop`, in a thread."""
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End what is under way, and close."""
        self._uvicorn.should_exit = True
        if self._thread is not None:
            self._thread.join(_GRACE_S + 2)
            if self._thread.is_alive():
                self._uvicorn.force_exit = True


def _bound(host: str, port: int, listen: str) -> socket.socket:
    made = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        # from here on the address is taken, and who comes early waits
        made.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        if made is not None:
            made.close()
        raise ConfigError(f"api.listen: {listen}: {why_not_bound(error)}") from error
    return made
