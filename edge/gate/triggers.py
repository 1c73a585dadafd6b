"""What can happen to a door and to a lane: the columns of their transition tables."""

from __future__ import annotations

from enum import StrEnum


class DoorTrigger(StrEnum):
    """What happens to a door."""

    GRANT = "grant"
    EXIT = "exit"
    FOUND_OPEN = "found_open"
    OPENED = "opened"
    CLOSED = "closed"
    TIMEOUT = "timeout"
    FIRE = "fire"
    FIRE_OVER = "fire_over"
    FAULT = "fault"
    RECOVERED = "recovered"


class LaneTrigger(StrEnum):
    """What happens to a lane. CHECK follows every event: has what was waited for come about?
    OPENING: the gate opened or closed for entry, by its timetable or by order.
    """

    CODE = "code"
    REFUSED = "refused"
    PRESENT = "present"
    ABSENT = "absent"
    READING = "reading"
    OPENING = "opening"
    CHECK = "check"
    DURABLE = "durable"
    NOT_DURABLE = "not_durable"
    DOOR_OPENED = "door_opened"
    GRANT_OVER = "grant_over"
    TIMEOUT = "timeout"
    FAULT = "fault"
    RECOVERED = "recovered"
    FIRE = "fire"
    FIRE_OVER = "fire_over"
