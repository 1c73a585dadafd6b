"""A park with its signing key, the phones of its people, and gates that check their passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from identity.credential import Credential
from identity.passes.claims import Pass
from identity.passes.code import sign_pass, write_code
from identity.passes.keys import ParkKeys
from identity.passes.phone import PhoneKey, write_rotating
from identity.schemes.code import Code
from identity.schemes.park_pass import PassVerifier, Replays, step_at
from identity.validity import Now, judged

NOW = datetime(2021, 8, 23, 7, 0, 3, tzinfo=UTC)


class Park:
    """`key` signs; `phone` is the private key on a phone."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        self.phone = ec.derive_private_key(0x1234567, ec.SECP256R1())
        self.keys = ParkKeys([self.key.public_key()])
        self.now = Now(at=NOW, synced=True)
        self.revoked: set[str] = set()

    def one(self, **parts: Any) -> Pass:
        """A pass of a member of the staff, valid for a year around NOW."""
        given: dict[str, Any] = {
            "park": "song-than",
            "holder": "NV-00123",
            "pass_id": bytes.fromhex("9f2c61d0a35be874"),
            "category": "staff",
            "not_before": NOW - timedelta(days=180),
            "expires": NOW + timedelta(days=180),
            "sites": ("cong-chinh", "cong-phu"),
            "name": "Nguyễn Thị Ánh Tuyết",
        }
        return Pass(**given | parts)

    def code(self, **parts: Any) -> bytes:
        """The code of a pass on paper."""
        return write_code(sign_pass(self.one(**parts), self.key)).encode()

    def phone_pass(self, **parts: Any) -> bytes:
        """The signed pass that lies on the phone."""
        return sign_pass(self.one(phone=PhoneKey.of(self.phone.public_key()), **parts), self.key)

    def rotating(self, at: datetime = NOW, **parts: Any) -> bytes:
        """The code that the phone shows at a time."""
        step = step_at(at, parts.get("step_s", 10))
        return write_code(write_rotating(self.phone_pass(**parts), self.phone, step)).encode()

    def gate(self, site: str = "cong-chinh", **parts: Any) -> PassVerifier:
        """What a gate of this site checks with."""
        given: dict[str, Any] = {
            "clock": lambda: self.now,
            "park": "song-than",
            "site": site,
            "revoked": self.revoked.__contains__,
            "replays": Replays(),
        }
        return PassVerifier(parts.pop("keys", self.keys), **given | parts)

    def later(self, seconds: float) -> None:
        self.now = replace(self.now, at=self.now.at + timedelta(seconds=seconds))

    def unsure(self) -> None:
        self.now = replace(self.now, synced=False)


def shown(gate: PassVerifier, payload: bytes) -> Credential:
    """The gate's answer to a code, by its own clock."""
    answer = gate.parse(Code.read(payload))
    assert isinstance(answer, Credential)
    return judged(answer, gate.now())
