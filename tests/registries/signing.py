"""A signer: keys and signature files as minisign makes them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from herd.registries.signature import PublicKey

COMMENT = "timestamp:1700000000\tfile:registry.yaml"


@dataclass
class Signer:
    name: bytes = b"\x01\x02\x03\x04\x05\x06\x07\x08"
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def key(self) -> PublicKey:
        return PublicKey(self.name, self.private.public_key().public_bytes_raw())

    def sign(self, content: bytes, *, hashed: bool = True, comment: str = COMMENT) -> str:
        message = hashlib.blake2b(content).digest() if hashed else content
        signature = self.private.sign(message)
        seal = self.private.sign(signature + comment.encode())
        raw = (b"ED" if hashed else b"Ed") + self.name + signature
        lines = ["untrusted comment: signature from a test", base64.b64encode(raw).decode()]
        lines += [f"trusted comment: {comment}", base64.b64encode(seal).decode()]
        return "\n".join(lines) + "\n"
