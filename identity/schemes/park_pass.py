"""Checking a pass: whose it is, and everything that speaks against it.

Offline and total: whatever the bytes, the answer is a credential whose flags say what is wrong, or
"not mine". What is believed of a pass is only what its signature covers; where that does not hold,
no holder is stated and the canonical identity is the digest of the code.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from identity import base45, canonical, cose
from identity.credential import Credential, Holder, Scheme
from identity.flags import Flag, summarise
from identity.passes.claims import Pass, PassError, read_pass
from identity.passes.code import PREFIX, read_code
from identity.passes.keys import ParkKeys
from identity.passes.phone import PhoneKeyError, Rotating, read_rotating
from identity.schemes.code import Code, NotMine
from identity.validity import Now

_SECOND = timedelta(seconds=1)
_REMEMBERED = 4_096  # passes: whoever came within the last hours at the busiest gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far a phone's clock and the gate's may be apart: `steps` of the pass's own length before
    and after, and `slack_s` more. A code counts for (1 + steps) steps and the slack after it
    began: 22 s with the defaults and steps of 10 s.
    """

    steps: int = 1
    slack_s: float = 2.0


class Replays:
    """Codes that were taken at this gate. Safe from any thread; at a restart all is forgotten.

    Of each pass the newest step is kept, and only a later one is taken (as RFC 6238, section 5.2,
    asks of one-time passwords).
    """

    def __init__(self) -> None:
        self._steps: OrderedDict[bytes, int] = OrderedDict()
        self._lock = threading.Lock()

    def first(self, pass_id: bytes, step: int) -> bool:
        """Whether this step is later than every one taken; it is taken then."""
        with self._lock:
            if step <= self._steps.get(pass_id, -1):
                return False
            self._steps[pass_id] = step
            self._steps.move_to_end(pass_id)
            while len(self._steps) > _REMEMBERED:
                self._steps.popitem(last=False)
            return True


class PassVerifier:
    """Checks passes for one gate, all but their validity, which identity.validity judges as it does
    every code's. May be used from several threads.

    `revoked` tells whether a pass id is revoked; `clock` gives the time. Without `park` or `site`
    any is accepted: at a desk, not at a gate. Without `replays` nothing is remembered.
    """

    def __init__(
        self,
        keys: ParkKeys,
        *,
        clock: Callable[[], Now],
        park: str | None = None,
        site: str | None = None,
        revoked: Callable[[str], bool] = lambda _: False,
        tolerance: Tolerance | None = None,
        replays: Replays | None = None,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._park = park
        self._site = site
        self._revoked = revoked
        self._tolerance = tolerance or Tolerance()
        self._replays = replays

    def now(self) -> Now:
        """The time of the gate's clock."""
        return self._clock()

    def parse(self, code: Code) -> Credential | NotMine:
        """The credential of a pass; a parser of identity.schemes."""
        if not code.text.startswith(PREFIX):
            return NotMine(f"no {PREFIX} in front")
        try:
            outer = cose.read(read_code(code.text))
            rotating = None
            if outer.algorithm == cose.Algorithm.ES256:
                rotating = read_rotating(outer)
                outer = cose.read(rotating.sealed_pass)
        except base45.Base45Error as error:
            return _unproved(code, Flag.BAD_ALPHABET if error.alphabet else Flag.BAD_ENCODING)
        except (cose.CoseError, PassError):
            return _unproved(code, Flag.BAD_CONTENT)
        return self._signed(code, outer, rotating)

    def _signed(self, code: Code, signed: cose.Signed, rotating: Rotating | None) -> Credential:
        if not self._keys:
            return _unproved(code)
        keys = self._keys.named(signed.key_id)
        if not keys:
            return _unproved(code, Flag.SIGNER_UNKNOWN)
        if not any(cose.verified(signed, key) for key in keys):
            return _unproved(code, Flag.SIGNATURE_INVALID)
        try:
            one = read_pass(signed.payload)
            possessed = _possessed(one, rotating)
        except (PassError, PhoneKeyError):
            return _unproved(code, Flag.BAD_CONTENT)
        if not possessed:
            return _unproved(code, Flag.SIGNATURE_INVALID)
        return self._judged(one, rotating)

    def _judged(self, one: Pass, rotating: Rotating | None) -> Credential:
        now = self._clock()
        found = self._refusals(one)
        proved = ["signature"]
        if rotating is not None:
            copied = self._copied(one, rotating, now, taken=not found)
            found += copied
            if now.synced and not copied:
                proved.append("possession")
        elif one.phone is not None:
            # the pass alone, as it was sent to the phone: anyone may have copied it
            found.append(Flag.NOT_POSSESSED)
        return Credential(
            scheme=Scheme.PASS,
            canonical=canonical.pass_holder(one.park, one.holder),
            holder=Holder(name=one.name, document=one.holder),
            proved=tuple(proved),
            category=one.category,
            declaration=None if one.declaration is None else one.declaration.details,
            valid_from=one.not_before,
            valid_until=one.expires - _SECOND,
            issuer=one.park,
            flags=summarise(found),
        )

    def _refusals(self, one: Pass) -> list[Flag]:
        """What speaks against the pass whatever the time is."""
        here = self._park in {None, one.park} and (
            self._site is None or not one.sites or self._site in one.sites
        )
        found = [] if here else [Flag.WRONG_SITE]
        return [*found, Flag.REVOKED] if self._revoked(one.id) else found

    def _copied(self, one: Pass, rotating: Rotating, now: Now, *, taken: bool) -> list[Flag]:
        """Why the code may be a picture of the phone's. `taken`: nothing else speaks against it."""
        if now.synced and not self._in_time(one, rotating.step, now.at):
            return [Flag.STALE]
        if taken and self._replays is not None:
            return [] if self._replays.first(one.pass_id, rotating.step) else [Flag.REPLAYED]
        return []

    def _in_time(self, one: Pass, step: int, at: datetime) -> bool:
        spare_s = self._tolerance.steps * one.step_s + self._tolerance.slack_s
        begins_s = step * one.step_s
        return begins_s - spare_s <= at.timestamp() < begins_s + one.step_s + spare_s


def understand_pass(code: Code) -> Credential | NotMine:
    """A pass where no key is at hand: recognised, its form checked, nothing believed."""
    return _KEYLESS.parse(code)


def _possessed(one: Pass, rotating: Rotating | None) -> bool:
    """Whether the phone of the pass made the code. Raises PhoneKeyError, PassError."""
    if rotating is None:
        return True
    if one.phone is None:
        raise PassError("is no phone's pass")
    return cose.verified(rotating.outer, one.phone.public_key())


def _unproved(code: Code, *found: Flag) -> Credential:
    return Credential(
        scheme=Scheme.PASS,
        canonical=canonical.digest(Scheme.PASS, code.payload),
        flags=summarise([*found, Flag.UNVERIFIED]),
    )


def window_s(step_s: int, tolerance: Tolerance) -> float:
    """How long after its first moment a phone's code is taken, seconds."""
    return step_s * (1 + tolerance.steps) + tolerance.slack_s


def step_at(at: datetime, step_s: int) -> int:
    """The number of the time step: whole steps since 1970."""
    return int(at.timestamp()) // step_s


_KEYLESS = PassVerifier(ParkKeys(()), clock=lambda: Now(at=datetime.now(UTC), synced=False))
