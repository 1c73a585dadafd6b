"""The command `secondary`: what an attendant's clinical thermometer said."""

from __future__ import annotations

import math

from edge.gate.events import SecondaryReading
from feed.messages import Command

# What a clinical thermometer shows at all, °C (ISO 80601-2-56: at least 34.0 to 42.0)
LOWEST_C, HIGHEST_C = 32.0, 43.0


def read_secondary(command: Command) -> SecondaryReading:
    """The event of a command. Raises ValueError on one line."""
    reader, value_c, seq = (command.args.get(key) for key in ("reader", "value_c", "seq"))
    if not isinstance(reader, str):
        raise ValueError("secondary needs 'reader', the name of one")  # noqa: TRY004
    if isinstance(value_c, bool) or not isinstance(value_c, int | float):
        raise ValueError("secondary needs 'value_c', a number")  # noqa: TRY004
    if not (math.isfinite(value_c) and LOWEST_C <= value_c <= HIGHEST_C):
        raise ValueError(
            f"value_c: {value_c} is not what a clinical thermometer shows, {LOWEST_C:g} to "
            f"{HIGHEST_C:g} °C"
        )
    if seq is not None and (isinstance(seq, bool) or not isinstance(seq, int) or seq < 1):
        raise ValueError("seq: the number of a record, from 1")
    return SecondaryReading(reader=reader, value_c=round(float(value_c), 2), seq=seq)
