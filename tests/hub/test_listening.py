"""Addresses that can't be listened on."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from hub.listening import why_not_bound


def test_a_port_that_another_program_has_is_told_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.socket() as second:
        with pytest.raises(OSError, match="in use") as found:
            second.bind(first.getsockname())
        assert why_not_bound(found.value) == (
            "Address already in use; give another port, or stop the program that has it"
        )


def test_an_address_of_another_machine_is_told_with_what_to_do() -> None:
    with socket.socket() as one, pytest.raises(OSError, match="assign") as found:
        one.bind(("192.0.2.1", 0))  # RFC 5737: for documentation, of no machine
    assert "give an address of this machine" in why_not_bound(found.value)


def test_what_nobody_foresaw_stands_as_the_system_says_it() -> None:
    error = OSError(errno.EIO, os.strerror(errno.EIO))
    assert why_not_bound(error) == "Input/output error"
