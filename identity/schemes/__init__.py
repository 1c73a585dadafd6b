"""From the bytes of a code to a credential. One parser a scheme, each total."""

from __future__ import annotations

from identity.credential import Credential
from identity.schemes import bhyt, cccd, opaque, pc_covid, signed
from identity.schemes.code import Code, Parser

# prefixes first, then the marks that are hardest to mistake
PARSERS: tuple[Parser, ...] = (
    signed.parse_pass,
    signed.parse_dcc,
    signed.parse_shc,
    bhyt.parse,
    pc_covid.parse,
    cccd.parse,
)


def understand(payload: bytes) -> Credential:
    """The credential in the bytes of a code, exactly as decoded. Never raises."""
    code = Code.read(payload)
    for parse in PARSERS:
        answer = parse(code)
        if isinstance(answer, Credential):
            return answer
    return opaque.parse(code)
