"""From the bytes of a code to a credential. One parser a scheme, each total."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from identity.credential import Credential
from identity.schemes import bhyt, cccd, dcc, opaque, pc_covid, shc
from identity.schemes.code import Code, Parser
from identity.schemes.park_pass import understand_pass
from identity.trust import NO_TRUST, Trust


def parsers(trust: Trust = NO_TRUST, park_pass: Parser = understand_pass) -> tuple[Parser, ...]:
    """Every scheme's but the last resort: prefixes first, then the marks that are hardest to
    mistake. `park_pass` is what checks passes (park_pass.PassVerifier.parse).
    """
    return (
        park_pass,
        partial(dcc.parse, trust=trust),
        partial(shc.parse, trust=trust),
        bhyt.parse,
        pc_covid.parse,
        cccd.parse,
    )


UNCHECKED = parsers()


def understand(payload: bytes, using: Sequence[Parser] = UNCHECKED) -> Credential:
    """The credential in the bytes of a code, exactly as decoded. Never raises.

    Signatures are checked by what `using` was given (`parsers`); of health certificates and cards
    the time is not looked at: identity.validity does.
    """
    code = Code.read(payload)
    for parse in using:
        answer = parse(code)
        if isinstance(answer, Credential):
            return answer
    return opaque.parse(code)
