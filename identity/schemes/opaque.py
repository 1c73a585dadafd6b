"""Any other code: a badge number, a URL, a code whose layout is not public.

Taken exactly as it is: the text itself where it is short and printable, its digest otherwise.
"""

from __future__ import annotations

from identity import canonical
from identity.credential import Credential, Scheme
from identity.flags import Flag
from identity.schemes.code import Code


def parse(code: Code) -> Credential:
    """The credential of any code at all."""
    text = canonical.opaque(code.text) if code.is_utf8 else None
    return Credential(
        scheme=Scheme.OPAQUE,
        canonical=text or canonical.digest(Scheme.OPAQUE, code.payload),
        flags=() if code.is_utf8 else (Flag.NOT_UTF8.value,),
    )
