"""Decisions and their reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge.gate.admission import Known, code_denies, decide
from edge.gate.reasons import Device, Reason
from edge.gate.rules import SchemePolicy
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


def of(scheme: Scheme, **parts: Any) -> Credential:
    return Credential(scheme=scheme, canonical="x", **parts)


def reasons(
    credential: Credential, policy: SchemePolicy = "accept", **parts: Any
) -> tuple[str, str]:
    rules = replace(RULES, schemes={credential.scheme: policy}, **parts)
    known = Known(credential=credential, reading=Reading(verdict="normal"))
    decision = decide(rules, IN, known)
    assert code_denies(rules, credential) == (decision.result == "denied")
    return decision.result, decision.reasons[0]


@pytest.mark.parametrize(
    ("flag", "reason", "is_fraud"),
    [
        ("revoked", "code_revoked", True),
        ("signature_invalid", "code_signature_invalid", True),
        ("signer_use_differs", "code_signature_invalid", True),
        ("expired", "code_expired", False),
        ("not_yet_valid", "code_not_yet_valid", False),
        ("wrong_site", "code_wrong_site", False),
        ("stale", "code_stale", True),
        ("replayed", "code_replayed", True),
        ("not_possessed", "code_not_possessed", True),
    ],
)
def test_a_code_that_is_known_to_be_bad_is_refused_with_its_reason(flag, reason, is_fraud):
    code = of(Scheme.PASS, flags=(flag,))
    assert reasons(code) == ("denied", reason)
    assert reasons(code, required={Scheme.PASS: frozenset({"signature"})}) == ("denied", reason)
    flagged = ("denied", reason) if is_fraud else ("granted", "code_flagged")
    assert reasons(code, "flag") == flagged
    assert reasons(code, "deny") == ("denied", "code_not_accepted")


@pytest.mark.parametrize("flag", ["damaged", "unverified", "clock_unsure"])
def test_what_could_not_be_checked_is_never_passed_off_as_accepted(flag):
    assert reasons(of(Scheme.DCC, flags=(flag,))) == ("granted", "code_flagged")


@pytest.mark.parametrize("policy", ["accept", "flag"])
def test_a_required_proof_is_required_whatever_the_policy(policy):
    required = {Scheme.DCC: frozenset({"signature"})}
    proved = of(Scheme.DCC, proved=("signature",))
    accepted = {"accept": "code_accepted", "flag": "code_flagged"}[policy]
    assert reasons(proved, policy, required=required) == ("granted", accepted)
    claimed = of(Scheme.DCC, flags=("unverified",))
    assert reasons(claimed, policy, required=required) == ("denied", "code_unproved")
    copied = {Scheme.PASS: frozenset({"signature", "possession"})}
    paper = of(Scheme.PASS, proved=("signature",))
    assert reasons(paper, policy, required=copied) == ("denied", "code_unproved")


def test_a_clock_that_is_not_set_flags_or_denies_as_configured():
    required = {Scheme.DCC: frozenset({"signature"})}
    inside = of(Scheme.DCC, proved=("signature",), flags=("clock_unsure",))
    over = of(Scheme.DCC, flags=("clock_unsure", "expired"))
    assert reasons(inside, required=required) == ("granted", "code_flagged")
    assert reasons(over) == ("granted", "code_flagged")
    assert reasons(over, required=required) == ("denied", "code_expired")
    for code in (inside, over):
        assert reasons(code, clock_unsure="deny") == ("denied", "code_clock_unsure")


def test_a_revoked_code_is_refused_by_an_unset_clock_too():
    code = of(Scheme.PASS, flags=("revoked", "clock_unsure", "expired"))
    assert reasons(code) == ("denied", "code_revoked")


@pytest.mark.parametrize("policy", ["accept", "flag"])
def test_one_part_of_several_is_nobodys_code(policy):
    code = of(Scheme.SHC, flags=("multi_part", "unverified"))
    assert reasons(code, policy) == ("denied", "code_incomplete")
