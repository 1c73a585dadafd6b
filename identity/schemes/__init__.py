"""From the bytes of a code to a credential. One parser a scheme, each total."""

from __future__ import annotations

from collections.abc import Sequence

from identity.credential import Credential
from identity.schemes import bhyt, cccd, opaque, pc_covid, signed
from identity.schemes.code import Code, Parser
from identity.schemes.park_pass import understand_pass

# prefixes first, then the marks that are hardest to mistake
PARSERS: tuple[Parser, ...] = (
    understand_pass,
    signed.parse_dcc,
    signed.parse_shc,
    bhyt.parse,
    pc_covid.parse,
    cccd.parse,
)


def with_passes(parse: Parser) -> tuple[Parser, ...]:
    """The parsers with one that checks passes (park_pass.PassVerifier.parse)."""
    return tuple(parse if known is understand_pass else known for known in PARSERS)


def understand(payload: bytes, parsers: Sequence[Parser] = PARSERS) -> Credential:
    """The credential in the bytes of a code, exactly as decoded. Never raises."""
    code = Code.read(payload)
    for parse in parsers:
        answer = parse(code)
        if isinstance(answer, Credential):
            return answer
    return opaque.parse(code)
