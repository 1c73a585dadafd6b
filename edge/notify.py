"""What systemd is told: sd_notify(3), in a few lines that need no library."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Sends READY, STATUS, WATCHDOG and STOPPING to systemd; silent where it isn't systemd's."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # a leading @ stands for the abstract namespace's NUL: sd_notify(3)
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._status = ""

    def ready(self) -> None:
        """Start-up is over."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The service goes down."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """The service is well; due at least every WatchdogSec."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; sent only when it changed."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.connect(self._address)
            sock.sendall(message.encode())
