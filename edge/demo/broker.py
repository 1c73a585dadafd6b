"""A mosquitto of one's own: on loopback, on a free port, forgotten afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

_START_S = 10.0
# Debian puts it where only root's PATH looks
_SBIN = "/usr/sbin:/usr/local/sbin"


class BrokerError(Exception):
    """No broker: one line that says why and how to mend it."""


class PrivateBroker:
    """Started when made; `port` is where it listens. `folder` holds its configuration and log.

    `settings` are more lines of its configuration.
    """

    def __init__(self, folder: Path, *settings: str) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:{_SBIN}")
        if program is None:
            raise BrokerError("mosquitto is not installed: `sudo apt install mosquitto`")
        self.port = free_port()
        self._log = folder / "mosquitto.log"
        conf = folder / "mosquitto.conf"
        conf.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            f"max_queued_messages 100000\nset_tcp_nodelay true\n"
            + "".join(f"{one}\n" for one in settings),
            encoding="utf-8",
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                # Ctrl-C in a terminal reaches all of its processes: this one ends last
                [program, "-c", conf],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def stop(self) -> None:
        """End it; harmless the second time."""
        self._process.terminate()
        self._process.wait(_START_S)

    def _wait(self) -> None:
        deadline_s = time.monotonic() + _START_S
        while time.monotonic() < deadline_s:
            if self._process.poll() is not None:
                break
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self._process.kill()
        said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise BrokerError(f"mosquitto did not start: {said[-1] if said else 'it said nothing'}")


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
