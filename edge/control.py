"""Commands from this machine: a socket beside the records, for `edge-gate secondary` and `close`.

One line of JSON in, one out: the command and reply of the feed (feed.messages). It works without
broker or network; who may write to the socket (the daemon's user and group) may command.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.worker import Worker
from feed.messages import (
    LONGEST_COMMAND_BYTES,
    Command,
    MessageError,
    Reply,
    decode_command,
    decode_reply,
    encode_message,
)

log = logging.getLogger(__name__)

NAME = "control.sock"
_TALK_S = 2.0
_ACCEPT_S = 0.5
_RETRY_S = 5.0


class NobodyAnswersError(Exception):
    """The daemon of this gate can't be reached. One line."""


class LocalCommands(Worker):
    """Answers the socket's commands with `handler`, which is soon back."""

    def __init__(
        self,
        folder: Path,
        handler: Callable[[Command], Reply],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("commands", hang_s=30.0, monotonic=monotonic)
        self._folder = folder
        self._handler = handler
        self._told = False

    def run(self) -> None:
        while not self.stopping.is_set():
            self.beat()
            try:
                with _listening(self._folder) as server:
                    self._told = False
                    self._serve(server)
            except OSError as error:
                if not self._told:
                    self._told = True
                    log.warning("action=no_control_socket folder=%s: %s", self._folder, error)
                self.stopping.wait(_RETRY_S)

    def _serve(self, server: socket.socket) -> None:
        while not self.stopping.is_set():
            self.beat()
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(_TALK_S)
                # whoever hangs up in mid-word gets no answer
                with contextlib.suppress(OSError):
                    connection.sendall(encode_message(self._answer(_line(connection))) + b"\n")

    def _answer(self, line: bytes) -> Reply:
        try:
            command = decode_command(line)
        except MessageError as error:
            return Reply(id=None, ok=False, error=str(error))
        return self._handler(command)


def ask(folder: Path, command: Command) -> Reply:
    """Have the daemon of this records folder do something. Raises NobodyAnswersError."""
    try:
        with _near(folder) as name, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_TALK_S)
            connection.connect(name)
            connection.sendall(encode_message(command) + b"\n")
            return decode_reply(_line(connection))
    except (OSError, MessageError) as error:
        raise NobodyAnswersError(
            f"the daemon does not answer at {folder / NAME}: {error}; is it running, and are you "
            "in its group?"
        ) from error


@contextmanager
def _listening(folder: Path) -> Iterator[socket.socket]:
    with _near(folder) as name, socket.socket(socket.AF_UNIX) as server:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108 - of a daemon that was killed; only one can hold the records
        server.bind(name)
        try:
            os.chmod(name, 0o660)  # noqa: PTH101
            server.listen(4)
            server.settimeout(_ACCEPT_S)
            yield server
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108


@contextmanager
def _near(folder: Path) -> Iterator[str]:
    """A name of the socket that is short whatever the folder: 107 bytes are the most."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


def _line(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n") and len(received) <= LONGEST_COMMAND_BYTES:
        part = connection.recv(4096)
        if not part:
            break
        received += part
    return received
