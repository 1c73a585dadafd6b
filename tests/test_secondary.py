"""What an attendant may enter."""

from __future__ import annotations

import pytest

from edge.gate.events import SecondaryReading
from edge.secondary import read_secondary
from feed.messages import Command


def test_a_value_is_taken_to_a_hundredth():
    command = Command(id="a", command="secondary", args={"reader": "in", "value_c": 36.789})
    assert read_secondary(command) == SecondaryReading(reader="in", value_c=36.79)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"value_c": 36.8}, "reader"),
        ({"reader": "in"}, "value_c"),
        ({"reader": "in", "value_c": "36.8"}, "a number"),
        ({"reader": "in", "value_c": True}, "a number"),
        ({"reader": "in", "value_c": 98.2}, "not what a clinical thermometer shows"),
        ({"reader": "in", "value_c": float("nan")}, "not what"),
        ({"reader": "in", "value_c": 36.8, "seq": 0}, "seq"),
    ],
)
def test_what_is_no_value_is_refused_in_one_line(args, why):
    with pytest.raises(ValueError, match=why):
        read_secondary(Command(id="a", command="secondary", args=args))
