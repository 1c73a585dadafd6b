"""The configuration as the decision core sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import tzinfo
from zoneinfo import ZoneInfo

from edge.config.model import Config, HoursTable, ScreeningTable
from edge.gate.estimate import Calibration, Correction
from edge.gate.reasons import Device
from edge.gate.rules import LaneRules, Rules
from edge.gate.screening import ScreeningRules
from edge.hours import Span, Timetable
from identity.credential import Scheme


def _screening(table: ScreeningTable) -> ScreeningRules:
    values = table.model_dump(include={key.name for key in fields(ScreeningRules)})
    correction = table.model_dump(include={key.name for key in fields(Correction)})
    return ScreeningRules(**values, correction=Correction(**correction))


def to_timetable(table: HoursTable, machine_zone: tzinfo) -> Timetable:
    """The opening hours; in the machine's zone unless they name one."""
    return Timetable(
        zone=machine_zone if table.zone is None else ZoneInfo(table.zone),
        week=tuple(tuple(Span.parse(span) for span in spans) for spans in table.week),
        closed_on=frozenset(table.closed_on),
    )


def to_rules(config: Config, calibrations: Mapping[str, Calibration] | None = None) -> Rules:
    """The rules of the machine, from all the tables; `calibrations` of the readers' sensors."""
    known = calibrations or {}
    schemes = config.schemes.model_dump(by_alias=True, exclude={"require"})
    required = config.schemes.require.model_dump(by_alias=True)
    if config.trust.park_keys is not None:
        # or whoever signs with a key of their own would pass, flagged
        required["pass"] = (*required["pass"], "signature")
    times = config.timeouts
    return Rules(
        lanes=tuple(
            LaneRules(
                name=reader.name,
                direction=reader.direction,
                mode=reader.mode,
                order=reader.order,
                calibration=known.get(reader.name),
            )
            for reader in config.reader
        ),
        schemes={Scheme(name): policy for name, policy in schemes.items()},
        required={Scheme(name): frozenset(proofs) for name, proofs in required.items()},
        clock_unsure=config.trust.clock_unsure,
        screening=_screening(config.screening),
        fault_policy={
            Device.CAMERA: config.faults.camera,
            Device.THERMOMETER: config.faults.thermometer,
            Device.RECORDER: config.faults.record,
            Device.IDENTITY: config.faults.identity,
        },
        always_in=frozenset(config.hours.always if config.hours else ()),
        contact_fitted=config.door.contact_pin is not None,
        fire_reset=config.door.fire_reset,
        repeat_s=config.scan.repeat_s,
        temperature_wait_s=times.temperature_wait_s,
        measuring_s=times.measuring_s,
        code_wait_s=times.code_wait_s,
        identify_s=times.identify_s,
        record_s=config.records.deadline_ms / 1000,
        door_wait_s=times.door_wait_s,
        open_s=config.door.open_s,
        held_open_s=config.door.held_open_s,
        second_opening_s=config.door.second_opening_s,
        denied_s=times.denied_s,
        cool_down_s=times.cool_down_s,
    )
