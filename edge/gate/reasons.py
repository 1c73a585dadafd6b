"""Stable names that stand in decisions, outcomes, faults and alarms. Never renamed, only added."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a decision or an outcome is what it is."""

    # the code
    CODE_ACCEPTED = "code_accepted"
    CODE_FLAGGED = "code_flagged"
    CODE_NOT_ACCEPTED = "code_not_accepted"
    CODE_UNREADABLE = "code_unreadable"
    CODE_TOO_LONG = "code_too_long"
    CODE_TIMEOUT = "code_timeout"
    CODE_CHANGED = "code_changed"
    CODE_REPEATED = "code_repeated"
    SEVERAL_CODES = "several_codes"
    CODE_UNPROVED = "code_unproved"
    CODE_SIGNATURE_INVALID = "code_signature_invalid"
    CODE_REVOKED = "code_revoked"
    CODE_EXPIRED = "code_expired"
    CODE_NOT_YET_VALID = "code_not_yet_valid"
    CODE_CLOCK_UNSURE = "code_clock_unsure"
    CODE_INCOMPLETE = "code_incomplete"
    CODE_WRONG_SITE = "code_wrong_site"
    CODE_NOT_POSSESSED = "code_not_possessed"
    CODE_STALE = "code_stale"
    CODE_REPLAYED = "code_replayed"
    NO_CODE_NEEDED = "no_code_needed"
    # the temperature
    TEMPERATURE_NORMAL = "temperature_normal"
    TEMPERATURE_HIGH = "temperature_high"
    TEMPERATURE_LOW = "temperature_low"
    TEMPERATURE_UNSTEADY = "temperature_unsteady"
    TEMPERATURE_TIMEOUT = "temperature_timeout"
    TEMPERATURE_REPEATED = "temperature_repeated"
    NOT_A_FACE = "not_a_face"
    AMBIENT_OUT_OF_RANGE = "ambient_out_of_range"
    SECONDARY_CHECK = "secondary_check"
    SECONDARY_NORMAL = "secondary_normal"
    # hours, modes and doors
    OUT_OF_HOURS = "out_of_hours"
    CLOSED_BY_ORDER = "closed_by_order"
    RECORD_ONLY = "record_only"
    FIRE_RELEASE = "fire_release"
    DOOR_BUSY = "door_busy"
    DOOR_OPEN = "door_open"
    INTERRUPTED = "interrupted"
    # faults
    CAMERA_FAULT = "camera_fault"
    SENSOR_FAULT = "sensor_fault"
    DOOR_FAULT = "door_fault"
    IDENTITY_FAULT = "identity_fault"
    RECORD_NOT_DURABLE = "record_not_durable"


class Device(StrEnum):
    """What can fail, as named in fault events, alarms and the configuration's [faults]."""

    CAMERA = "camera"
    DECODER = "decoder"
    THERMOMETER = "thermometer"
    DOOR = "door"
    SIGNALS = "signals"
    RECORDER = "recorder"
    IDENTITY = "identity"
    PUBLISHER = "publisher"
    SCREEN = "screen"


class Alarm(StrEnum):
    """Alarms a gate raises; each is a record of kind `alarm`."""

    DOOR_FORCED = "door_forced"
    DOOR_HELD_OPEN = "door_held_open"
    SECOND_OPENING = "second_opening"
    FIRE = "fire"
    DEVICE_FAULT = "device_fault"
    RECORD_NOT_DURABLE = "record_not_durable"
    RECORDS_DAMAGED = "records_damaged"
    RECORDS_DROPPED = "records_dropped"
    RECORD_REFUSED = "record_refused"
    RECORDS_NEARLY_FULL = "records_nearly_full"
    CALIBRATION_DUE = "calibration_due"
    TEMPERATURE_DRIFT = "temperature_drift"


class Cause(StrEnum):
    """Why a device is faulted, whatever the device."""

    NOT_FOUND = "not_found"
    PERMISSION = "permission"
    BUSY = "busy"
    UNPLUGGED = "unplugged"
    TIMEOUT = "timeout"
    BUS_ERROR = "bus_error"
    BAD_DATA = "bad_data"
    SELF_CHECK = "self_check"
    CRASHED = "crashed"
    HUNG = "hung"
    MISSING_LIBRARY = "missing_library"
    ENDED = "ended"
    DISK_FULL = "disk_full"
    READ_ONLY = "read_only"
    IO_ERROR = "io_error"
    OTHER = "other"
