"""Who may pass, and why: one pure function from what is known to a decision with reasons."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edge.gate.reasons import Device, Reason
from edge.gate.rules import CODE_DEVICES, LaneRules, Rules
from edge.gate.screening import ReadingFlag
from feed.record import Decision, Reading
from identity.credential import Credential
from identity.flags import Flag

_DENYING = frozenset(
    {
        Reason.CODE_NOT_ACCEPTED,
        Reason.CODE_UNREADABLE,
        Reason.CODE_TOO_LONG,
        Reason.CODE_TIMEOUT,
        Reason.CODE_CHANGED,
        Reason.SEVERAL_CODES,
        Reason.CODE_UNPROVED,
        Reason.CODE_SIGNATURE_INVALID,
        Reason.CODE_REVOKED,
        Reason.CODE_EXPIRED,
        Reason.CODE_NOT_YET_VALID,
        Reason.CODE_CLOCK_UNSURE,
        Reason.CODE_INCOMPLETE,
        Reason.CODE_WRONG_SITE,
        Reason.CODE_NOT_POSSESSED,
        Reason.CODE_STALE,
        Reason.CODE_REPLAYED,
        Reason.TEMPERATURE_HIGH,
        Reason.TEMPERATURE_LOW,
        Reason.TEMPERATURE_UNSTEADY,
        Reason.TEMPERATURE_TIMEOUT,
        Reason.NOT_A_FACE,
        Reason.OUT_OF_HOURS,
        Reason.CLOSED_BY_ORDER,
        Reason.DOOR_FAULT,
        Reason.DOOR_BUSY,
        Reason.DOOR_OPEN,
    }
)

_OF_VERDICT = {
    "normal": Reason.TEMPERATURE_NORMAL,
    "high": Reason.TEMPERATURE_HIGH,
    "low": Reason.TEMPERATURE_LOW,
    "unsteady": Reason.TEMPERATURE_UNSTEADY,
    "not_a_face": Reason.NOT_A_FACE,
}

# what is known to be bad about a code, the weightiest first
_OF_FLAG = {
    Flag.REVOKED: Reason.CODE_REVOKED,
    Flag.SIGNATURE_INVALID: Reason.CODE_SIGNATURE_INVALID,
    Flag.SIGNER_USE_DIFFERS: Reason.CODE_SIGNATURE_INVALID,
    Flag.EXPIRED: Reason.CODE_EXPIRED,
    Flag.NOT_YET_VALID: Reason.CODE_NOT_YET_VALID,
    Flag.WRONG_SITE: Reason.CODE_WRONG_SITE,
    Flag.STALE: Reason.CODE_STALE,
    Flag.REPLAYED: Reason.CODE_REPLAYED,
    Flag.NOT_POSSESSED: Reason.CODE_NOT_POSSESSED,
}

# forged, withdrawn or copied: refused by the policy `flag` too, which is for doubt, not for fraud
_FRAUD = frozenset(
    {
        Flag.REVOKED,
        Flag.SIGNATURE_INVALID,
        Flag.SIGNER_USE_DIFFERS,
        Flag.STALE,
        Flag.REPLAYED,
        Flag.NOT_POSSESSED,
    }
)

# what `screening.enforce = "flag"` only writes down
_OF_TEMPERATURE = frozenset({*_OF_VERDICT.values(), Reason.TEMPERATURE_TIMEOUT})

_DOUBTFUL = frozenset({Flag.DAMAGED, Flag.UNVERIFIED, Flag.CLOCK_UNSURE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a person when the decision falls.

    `refused` is why a code in view was not taken as a credential; `timed_out` says that the
    missing part was waited for in vain; `changed` that another code took its place; `secondary`
    that an attendant's clinical thermometer found them normal; `closed` why the gate is closed
    for them; `unidentified` that no token could be taken; `blocked` why the door could not be had.
    """

    credential: Credential | None = None
    refused: Reason | None = None
    reading: Reading | None = None
    faults: frozenset[Device] = frozenset()
    timed_out: bool = False
    changed: bool = False
    unidentified: bool = False
    blocked: Reason | None = None
    secondary: bool = False
    closed: Reason | None = None


def decide(rules: Rules, lane: LaneRules, known: Known) -> Decision:
    """Grant or deny; a denial carries what denied, a grant everything that was looked at.

    Raises ValueError when a needed part is neither there, faulted, nor waited for.
    """
    if known.changed:
        return Decision(result="denied", reasons=(Reason.CODE_CHANGED,))
    if Device.DOOR in known.faults:
        return Decision(result="denied", reasons=(Reason.DOOR_FAULT,))
    if known.closed is not None:
        return Decision(result="denied", reasons=(known.closed,))
    reasons = _code_reasons(rules, lane, known)
    if lane.mode == "record_only" and known.refused is None:
        reasons = [reason for reason in reasons if not _denies(rules, reason)]
        reasons.append(Reason.RECORD_ONLY)
    elif not any(_denies(rules, reason) for reason in reasons):
        reasons += _temperature_reasons(lane, known)
    if known.unidentified:
        reasons.append(Reason.IDENTITY_FAULT)
    if known.blocked is not None:
        reasons.append(known.blocked)
    against = _against(rules, reasons)
    if against:
        return Decision(result="denied", reasons=against)
    return Decision(result="granted", reasons=tuple(reasons))


def _against(rules: Rules, reasons: list[Reason]) -> tuple[Reason, ...]:
    """What denies, and what whoever reads it should know beside."""
    against = tuple(reason for reason in reasons if _denies(rules, reason))
    if set(against) & _OF_TEMPERATURE and Reason.AMBIENT_OUT_OF_RANGE in reasons:
        against += (Reason.AMBIENT_OUT_OF_RANGE,)
    if Reason.TEMPERATURE_HIGH in against and rules.screening.secondary_s > 0:
        against += (Reason.SECONDARY_CHECK,)
    return against


def code_denies(rules: Rules, credential: Credential) -> bool:
    """Whether the code alone refuses its holder, so that nothing more need be measured."""
    return _of_credential(rules, credential) in _DENYING


def _denies(rules: Rules, reason: Reason) -> bool:
    if reason is Reason.CAMERA_FAULT:
        return not rules.admits(Device.CAMERA)
    if reason is Reason.SENSOR_FAULT:
        return not rules.admits(Device.THERMOMETER)
    if reason is Reason.IDENTITY_FAULT:
        return not rules.admits(Device.IDENTITY)
    if reason in _OF_TEMPERATURE and rules.screening.enforce == "flag":
        return False
    return reason in _DENYING


def _code_reasons(rules: Rules, lane: LaneRules, known: Known) -> list[Reason]:
    if known.refused is not None:
        return [known.refused]
    if known.credential is not None:
        return [_of_credential(rules, known.credential)]
    if not lane.needs_code:
        return [Reason.NO_CODE_NEEDED]
    if known.faults & CODE_DEVICES:
        return [Reason.CAMERA_FAULT]
    if known.timed_out:
        return [Reason.CODE_TIMEOUT]
    raise ValueError("undecided: the code is neither there, faulted, nor waited for")


def _of_credential(rules: Rules, credential: Credential) -> Reason:
    policy = rules.schemes.get(credential.scheme, "deny")
    flags = set(credential.flags)
    if policy == "deny":
        return Reason.CODE_NOT_ACCEPTED
    if Flag.MULTI_PART in flags:
        return Reason.CODE_INCOMPLETE
    if Flag.CLOCK_UNSURE in flags and rules.clock_unsure == "deny":
        return Reason.CODE_CLOCK_UNSURE
    missing = rules.required.get(credential.scheme, frozenset()) - set(credential.proved)
    if missing:
        return _known_bad(flags) or Reason.CODE_UNPROVED
    if policy == "flag":
        return _known_bad(flags & _FRAUD) or Reason.CODE_FLAGGED
    if Flag.CLOCK_UNSURE in flags:
        flags.discard(Flag.EXPIRED)  # by a clock that may be wrong
    # whatever could not be checked is not passed off as accepted
    accepted = Reason.CODE_FLAGGED if _DOUBTFUL & flags else Reason.CODE_ACCEPTED
    return _known_bad(flags) or accepted


def _known_bad(flags: AbstractSet[str]) -> Reason | None:
    return next((reason for flag, reason in _OF_FLAG.items() if flag in flags), None)


def _temperature_reasons(lane: LaneRules, known: Known) -> list[Reason]:
    if not lane.needs_temperature:
        return []
    if known.secondary:
        return [Reason.SECONDARY_NORMAL]
    if known.reading is not None:
        return _of_reading(known.reading)
    if Device.THERMOMETER in known.faults:
        return [Reason.SENSOR_FAULT]
    if known.timed_out:
        return [Reason.TEMPERATURE_TIMEOUT]
    raise ValueError("undecided: the temperature is neither there, faulted, nor waited for")


def _of_reading(reading: Reading) -> list[Reason]:
    reasons = [_OF_VERDICT[reading.verdict]]
    if reading.rounds_c is not None:
        reasons.append(Reason.TEMPERATURE_REPEATED)
    if ReadingFlag.AMBIENT_OUT_OF_RANGE in (reading.flags or ()):
        reasons.append(Reason.AMBIENT_OUT_OF_RANGE)
    return reasons
