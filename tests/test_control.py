"""The socket of this machine: answers, whatever is said to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.control import NAME, LocalCommands, NobodyAnswersError, _near, ask
from feed.messages import Command, Reply


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    # longer than the 107 bytes that a socket's address may have
    made = tmp_path / ("deep" * 20) / ("er" * 40)
    made.mkdir(parents=True)
    worker = LocalCommands(made, lambda command: Reply(id=command.id, ok=True, result=command.args))
    worker.start()
    wait_for(made / NAME)
    yield made
    assert worker.stop()
    assert worker.error is None
    assert not (made / NAME).exists()


def wait_for(path: Path) -> None:
    for _ in range(500):
        if path.exists():
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{path} never came")


def test_a_command_is_answered_again_and_again(folder: Path) -> None:
    for number in range(3):
        reply = ask(folder, Command(id=f"c{number}", command="secondary", args={"value_c": 36.8}))
        assert reply == Reply(id=f"c{number}", ok=True, result={"value_c": 36.8})


def test_only_the_daemons_user_and_group_may_command(folder: Path) -> None:
    assert (folder / NAME).stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize("said", [b"", b"\n", b"nonsense\n", b"{}\n", b"x" * 20_000, b"\xff\n"])
def test_nonsense_is_answered_and_the_next_one_is_served(folder: Path, said: bytes) -> None:
    with _near(folder) as name, socket.socket(socket.AF_UNIX) as connection:
        connection.connect(name)
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        assert b'"ok":false' in connection.recv(4096)
    assert ask(folder, Command(id="a", command="state")).ok


def test_without_a_daemon_it_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NobodyAnswersError, match="is it running"):
        ask(tmp_path, Command(id="a", command="state"))


def test_the_socket_of_a_daemon_that_was_killed_is_no_obstacle(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left, _near(tmp_path) as name:
        left.bind(name)
    worker = LocalCommands(tmp_path, lambda command: Reply(id=command.id, ok=True))
    worker.start()
    served = False
    try:
        for _ in range(200):
            try:
                served = ask(tmp_path, Command(id="a", command="state")).ok
            except NobodyAnswersError:
                threading.Event().wait(0.01)
            else:
                break
        assert served
    finally:
        worker.stop()
