"""What a pass says, and its claims as bytes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from identity import cose
from identity.passes.phone import PhoneKey, PhoneKeyError

# IANA, CWT claims (RFC 8392, section 3.1; RFC 8747, section 3.1); names below -65536 are private
_CTI, _CNF = 7, 8
_OURS = -65_537
# within _OURS
_CATEGORY, _SITES, _NAME, _DECLARATION, _STEP = 1, 2, 3, 4, 5
_COSE_KEY = 1  # within _CNF

PASS_ID_BYTES = 8  # random: nobody meets or guesses another pass's id
LONGEST_HOLDER = 64  # characters
LONGEST_NAME = 64
MOST_SITES = 16
MOST_ANSWERS = 8
LONGEST_ANSWER = 32
# A code must change often to be worth nothing when copied, and stay long enough to be read
STEP_S = 10
SHORTEST_STEP_S, LONGEST_STEP_S = 5, 60

NAME_OF_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_CATEGORY_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_ANSWER_NAME = re.compile(r"[a-z][a-z0-9_]{0,15}")
_EPOCH = date(1970, 1, 1)
_LAST_DAY = (date(9999, 12, 31) - _EPOCH).days

Answer = bool | int | str


class PassError(ValueError):
    """What can't stand in a pass, on one line that names the part and never its holder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A health declaration: its day, and up to 8 answers by short stable names (`fever`)."""

    date: date
    answers: Mapping[str, Answer] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if len(self.answers) > MOST_ANSWERS:
            raise PassError(f"declaration: more than {MOST_ANSWERS} answers")
        for name, answer in self.answers.items():
            if not isinstance(name, str) or not _ANSWER_NAME.fullmatch(name) or name == "date":
                raise PassError("declaration: a name is a-z, 0-9, _, at most 16, and not 'date'")
            if isinstance(answer, str):
                check_text("declaration", answer, LONGEST_ANSWER)
            elif not isinstance(answer, bool | int) or abs(answer) >= 2**53:
                raise PassError(f"declaration: {name} is neither yes/no, a number nor text")

    @property
    def details(self) -> dict[str, Answer]:
        """As it stands in a record."""
        return {"date": self.date.isoformat(), **self.answers}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass. `holder` is the park's own id of a person (a staff number), never a citizen's.

    `sites` empty means every site of the park. Valid from `not_before` until just before
    `expires`, whole seconds of UTC. With `phone` the pass counts only together with a code that
    the phone of this key signed, a new one every `step_s` seconds. Raises PassError for what can't
    stand in a pass.
    """

    park: str
    holder: str = field(repr=False)
    pass_id: bytes
    category: str
    not_before: datetime
    expires: datetime
    sites: tuple[str, ...] = ()
    name: str | None = field(default=None, repr=False)
    declaration: Declaration | None = None
    phone: PhoneKey | None = None
    step_s: int = STEP_S

    def __post_init__(self) -> None:
        check_text("holder", self.holder, LONGEST_HOLDER)
        if self.name is not None:
            check_text("name", self.name, LONGEST_NAME)
        for what, value in (("park", self.park), *(("sites", site) for site in self.sites)):
            if not NAME_OF_PLACE.fullmatch(value):
                raise PassError(f"{what}: a name is letters, digits, '_', '.', '-', at most 64")
        if not _CATEGORY_NAME.fullmatch(self.category):
            raise PassError("category: one word of a-z, 0-9, '_', '-', at most 32 (staff, pupil)")
        if len(self.sites) > MOST_SITES:
            raise PassError(f"sites: more than {MOST_SITES}; name none for every site of the park")
        if len(self.pass_id) != PASS_ID_BYTES:
            raise PassError(f"id: not {PASS_ID_BYTES} bytes")
        if self.not_before >= self.expires:
            raise PassError("validity: it ends before it begins")
        if not SHORTEST_STEP_S <= self.step_s <= LONGEST_STEP_S:
            raise PassError(f"step: not {SHORTEST_STEP_S} to {LONGEST_STEP_S} s")

    @property
    def id(self) -> str:
        """The pass's id as it stands in lists and registers: 16 hexadecimal digits."""
        return self.pass_id.hex()


def write_pass(one: Pass) -> bytes:
    """The claims of a pass as canonical CBOR."""
    ours: dict[int, Any] = {_CATEGORY: one.category}
    if one.sites:
        ours[_SITES] = list(one.sites)
    if one.name is not None:
        ours[_NAME] = one.name
    if one.declaration is not None:
        days = (one.declaration.date - _EPOCH).days
        ours[_DECLARATION] = [days, dict(one.declaration.answers)]
    others: dict[Any, Any] = {_CTI: one.pass_id, _OURS: ours}
    if one.phone is not None:
        others[_CNF] = {_COSE_KEY: one.phone.cose_key()}
        if one.step_s != STEP_S:
            ours[_STEP] = one.step_s
    return cose.write_claims(
        cose.Claims(
            issuer=one.park,
            subject=one.holder,
            expires=one.expires,
            not_before=one.not_before,
            others=others,
        )
    )


def read_pass(payload: bytes) -> Pass:
    """The pass in these claims; claims of newer versions are passed over. Raises PassError."""
    try:
        claims = cose.read_claims(payload)
    except cose.CoseError as error:
        raise PassError(str(error)) from error
    ours = claims.others.get(_OURS)
    if not isinstance(ours, Mapping):
        raise PassError("is no pass: the park's own claims are missing")
    sites = ours.get(_SITES, [])
    if not isinstance(sites, list | tuple):
        raise PassError("sites: no list")
    name, step_s = ours.get(_NAME), ours.get(_STEP, STEP_S)
    return Pass(
        park=_text("park", claims.issuer),
        holder=_text("holder", claims.subject),
        pass_id=_bytes("id", claims.others.get(_CTI)),
        category=_text("category", ours.get(_CATEGORY)),
        not_before=_time("not_before", claims.not_before),
        expires=_time("expires", claims.expires),
        sites=tuple(_text("sites", site) for site in sites),
        name=None if name is None else _text("name", name),
        declaration=_declaration(ours.get(_DECLARATION)),
        phone=_phone(claims.others.get(_CNF)),
        step_s=_whole("step", step_s),
    )


def _declaration(value: object) -> Declaration | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2 or not isinstance(value[1], Mapping):
        raise PassError("declaration: not a day and its answers")
    days = _whole("declaration", value[0])
    if not 0 <= days <= _LAST_DAY:
        raise PassError("declaration: its day lies outside of the calendar")
    return Declaration(date=_EPOCH + timedelta(days=days), answers=dict(value[1]))


def _phone(value: object) -> PhoneKey | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise PassError("phone: no confirmation claim")
    try:
        return PhoneKey.from_cose(value.get(_COSE_KEY))
    except PhoneKeyError as error:
        raise PassError(f"phone: {error}") from error


def check_text(what: str, text: str, longest: int) -> None:
    if not 0 < len(text) <= longest:
        raise PassError(f"{what}: 1 to {longest} characters")
    if not text.isprintable() or text != text.strip():
        raise PassError(f"{what}: has a character that can't be printed, or spaces around it")
    if text != unicodedata.normalize("NFC", text):
        raise PassError(f"{what}: is not in Unicode's composed form (NFC)")


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise PassError(f"{what}: no text")
    return value


def _bytes(what: str, value: object) -> bytes:
    if not isinstance(value, bytes):
        raise PassError(f"{what}: no bytes")
    return value


def _whole(what: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise PassError(f"{what}: no whole number")
    return value


def _time(what: str, value: datetime | None) -> datetime:
    if value is None:
        raise PassError(f"{what}: missing")
    return value.astimezone(UTC)
