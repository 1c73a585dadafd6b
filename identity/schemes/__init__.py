"""From the bytes of a code to a credential. One parser a scheme, each total."""

from __future__ import annotations

from functools import partial

from identity.credential import Credential
from identity.schemes import bhyt, cccd, dcc, opaque, pc_covid, shc, signed
from identity.schemes.code import Code, Parser
from identity.trust import NO_TRUST, Trust


def parsers(trust: Trust = NO_TRUST) -> tuple[Parser, ...]:
    """Every scheme's but the last resort: prefixes first, then the marks that are hardest to
    mistake.
    """
    return (
        signed.parse_pass,
        partial(dcc.parse, trust=trust),
        partial(shc.parse, trust=trust),
        bhyt.parse,
        pc_covid.parse,
        cccd.parse,
    )


def understand(payload: bytes, trust: Trust = NO_TRUST) -> Credential:
    """The credential in the bytes of a code, exactly as decoded. Never raises.

    Signatures are checked against `trust`; time is not looked at (identity.validity).
    """
    code = Code.read(payload)
    for parse in parsers(trust):
        answer = parse(code)
        if isinstance(answer, Credential):
            return answer
    return opaque.parse(code)
