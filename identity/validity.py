"""Whether a credential holds good now, by a clock that may itself be wrong.

Parsing knows no time; this is asked where the code was seen. A Raspberry Pi has no clock battery:
before its first synchronisation after a boot its time is mostly behind, by as long as it was off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from identity.credential import Credential
from identity.flags import Flag

# an issuer's clock may run ahead of the gate's by so much
LEEWAY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The time of day, UTC, and whether the clock that says so is synchronised."""

    at: datetime
    synced: bool


def judged(credential: Credential, now: Now) -> Credential:
    """The credential with what the time says about it in its flags.

    Synced: `expired` or `not_yet_valid` where it is, and then it proves nothing any more. Unsynced:
    `clock_unsure` for every code that holds for a time only. By such a clock an expired one is
    `expired` as well and proves nothing (that clock is mostly behind, so it most likely is); one
    that seems too early may be good, and keeps what it proves.
    """
    if credential.valid_from is None and credential.valid_until is None:
        return credential
    expired = credential.valid_until is not None and now.at > credential.valid_until
    early = credential.valid_from is not None and now.at < credential.valid_from - LEEWAY
    found: list[Flag] = []
    if not now.synced:
        found.append(Flag.CLOCK_UNSURE)
    if expired:
        found.append(Flag.EXPIRED)
    elif early and now.synced:
        found.append(Flag.NOT_YET_VALID)
    lapsed = expired or (early and now.synced)
    return replace(
        credential,
        proved=() if lapsed else credential.proved,
        flags=(*credential.flags, *(flag.value for flag in found)),
    )
