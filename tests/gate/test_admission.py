"""Decisions and their reasons."""

from __future__ import annotations

import pytest

from edge.gate.admission import Known, decide
from edge.gate.reasons import Device, Reason
from feed.record import Reading
from identity.credential import Credential, Scheme
from tests.gate.gatebench import IN, RULES, with_policy

CARD = Credential(scheme=Scheme.CCCD, canonical="cccd:1")


def test_a_denial_carries_what_denied_and_a_grant_all_that_was_looked_at():
    high = decide(RULES, IN, Known(credential=CARD, reading=Reading(verdict="high")))
    well = decide(RULES, IN, Known(credential=CARD, reading=Reading(verdict="normal")))
    assert (high.result, high.reasons) == ("denied", ("temperature_high",))
    assert (well.result, well.reasons) == ("granted", ("code_accepted", "temperature_normal"))


def test_a_scheme_that_no_policy_names_is_refused():
    known = Known(credential=Credential(scheme=Scheme.BHYT, canonical="x"))
    assert decide(RULES, IN, known).reasons == (Reason.CODE_NOT_ACCEPTED,)


@pytest.mark.parametrize("device", [Device.CAMERA, Device.DECODER])
def test_camera_and_decoder_share_one_policy(device):
    known = Known(reading=Reading(verdict="normal"), faults=frozenset({device}))
    assert decide(RULES, IN, known).result == "denied"
    rules = with_policy(RULES, Device.CAMERA, "admit")
    assert decide(rules, IN, known).reasons == ("camera_fault", "temperature_normal")


def test_nothing_is_decided_on_what_is_not_known():
    with pytest.raises(ValueError, match="undecided"):
        decide(RULES, IN, Known(credential=CARD))
    with pytest.raises(ValueError, match="undecided"):
        decide(RULES, IN, Known(reading=Reading(verdict="normal")))
