"""A day at a gate, and what a thief of its card finds of the people: nothing in clear."""

from __future__ import annotations

import base64
import logging
import random
from pathlib import Path
from typing import Any

import pytest

from edge.clock import ManualClock
from edge.config.model import GateTable, IdentityTable
from edge.gate import events as ev
from edge.identify import Identifier, Understander
from edge.records.journal import Journal
from edge.scan.presentation import Presentations
from edge.steplog import log_step
from feed.record import Person
from identity.credential import Scheme
from identity.keys import make_authority_keys, make_token_key
from identity.trust import NO_TRUST
from tests.gate.gatebench import RULES, Bench, with_lane
from tests.identity import signing

ROOT = Path(__file__).parents[2]
PEOPLE = 120
FAMILIES = ("Nguyễn", "Trần", "Lê", "Phạm", "Võ", "Đặng")


class Day(Bench):
    """A bench whose tokens, sealing, records and log are the real ones."""

    def __init__(self, rules: Any, folder: Path) -> None:
        make_token_key(folder / "token.key")
        make_authority_keys(folder / "authority.pem", folder / "authority.pub.pem")
        self.identifier = Identifier.load(
            IdentityTable(
                mode="sealed",
                key_file=folder / "token.key",
                seal_key_file=folder / "authority.pub.pem",
            )
        )
        self.clock = ManualClock()
        where = GateTable(park="park", site="site", gate="gate")
        self.journal = Journal(folder / "records", where, clock=self.clock)
        super().__init__(rules)

    def answer_identify(self, effect: ev.Identify) -> list[ev.Event]:
        person: Person = self.identifier.identify(effect.credential)
        return [
            ev.Identified(reader=effect.reader, presentation=effect.presentation, person=person)
        ]

    def answer_write(self, effect: ev.Write) -> list[ev.Event]:
        log_step((effect,))
        stamp = self.clock.stamp()
        record = self.journal.append(effect.draft, at=self.clock.now(), clock=stamp)
        return [ev.Durable(request=effect.request, seq=record.seq)]


def codes(count: int) -> tuple[list[bytes], set[str]]:
    """What people show, of every kind, and what must not be found of them."""
    chance = random.Random(8)
    shown, secret = [], set()
    for number in range(count):
        digits = f"0011870{chance.randrange(10**5):05}"
        family, given = chance.choice(FAMILIES), f"Thử{number:04}"
        qid = f"1629{chance.randrange(10**14):014}"
        social = f"{chance.randrange(10**10):010}"
        uvci = f"URN:UVCI:01:VN:{number:06}X"
        secret |= {digits, given, given.upper(), qid, social, uvci, f"BADGE-{number:05}"}
        names = {"fn": family, "gn": given}
        dcc = {**signing.DCC, "nam": names, "v": [{"ci": uvci, "co": "VN"}]}
        kinds = [
            f"{digits}|012345678|{family} {given}|18011987|Nữ|1 Phố Thử|01012022",
            f"******{digits[6:]}|{given.upper()}|1987-**-**|0|{qid}|<2",
            f"{social}|{given.encode().hex()}|18/01/1987|2|-|01 001|01/01/2021|-|-|$",
            signing.Dcc(content=dcc).code(),
            f"BADGE-{number:05}",
            f"{digits}|\ufffd|{given}|x|Nữ|y|01012022",  # damaged
        ]
        secret |= {given.encode().hex(), kinds[3][4:40]}
        shown.append(kinds[number % len(kinds)].encode())
    return shown, secret


def test_no_identity_of_a_day_is_found_in_clear(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rules = with_lane(RULES, mode="code_only")
    rules = type(rules)(
        **{name: getattr(rules, name) for name in rules.__slots__}
        | {"schemes": dict.fromkeys(Scheme, "accept")}
    )
    day = Day(rules, tmp_path)
    seeing = Presentations("in", Understander(NO_TRUST, day.clock), gap_s=1.0, max_code_bytes=2_953)
    shown, secret = codes(PEOPLE)
    told = []
    for number, payload in enumerate(shown):
        event = seeing.frame(number * 60.0, [payload])
        assert isinstance(event, ev.CodeSeen)
        day.send(event)
        day.walk_through()
        told.append(repr((event, day.state, day.effects)))
        day.effects.clear()
        day.after(55.0)
        day.clock.advance(60.0)
    assert [result for result, _ in day.decisions].count("granted") == PEOPLE
    raws = [stored.raw for stored in day.journal.read(1, day.journal.last_seq)]
    day.journal.close()
    assert sum(b'"sealed":{' in raw for raw in raws) == PEOPLE

    disk = b"".join(
        path.read_bytes() for path in (tmp_path / "records").rglob("*") if path.is_file()
    )
    assert len(disk) > sum(map(len, raws)) > 0  # the feed carries the very bytes of the journal
    assert len(caplog.records) > PEOPLE
    said = "\n".join([caplog.text, *told])
    for text in secret:
        forms = {
            text.encode(),
            base64.b64encode(text.encode())[:-4] or b"-",
            text.encode().hex().encode(),
        }
        for form in forms:
            assert form not in disk, text
        assert text not in said, text


def test_the_daemon_leaves_no_memory_image() -> None:
    """Memory does hold identities while someone stands at the gate."""
    unit = (ROOT / "systemd" / "edge-gate.service").read_text()
    assert "\nLimitCORE=0\n" in unit
