"""The gate's password for the broker."""

from __future__ import annotations

from edge.config.model import MqttTable
from feed.connection import SetupError, password_in


def read_password(table: MqttTable) -> str | None:
    """The password of the environment or the file. Raises SetupError."""
    if table.password is not None:
        password: str | None = table.password.get_secret_value()
    elif table.password_file is not None:
        password = password_in(table.password_file)
    else:
        password = None
    if password is not None and table.username is None:
        raise SetupError("mqtt.username is missing: a password needs one")
    return password
