"""Signatures of registries in the form of minisign (Ed25519). Pure but for the library.

A signature file has four lines: an untrusted comment; the signature in base64 (two letters
for the algorithm, eight bytes that name the key, 64 bytes); a trusted comment; and a
signature over both. `Ed` signs the content itself, `ED` its BLAKE2b hash.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from herd.errors import BadUsage, SignatureRefused

MOST = 16 * 1024
"""Bytes of a signature file or of a key file."""
_PURE, _HASHED = b"Ed", b"ED"
_TRUSTED = "trusted comment: "


@dataclass(frozen=True)
class PublicKey:
    """Whose signatures count."""

    name: bytes
    """Eight bytes that a signature names its key by."""
    point: bytes
    """The Ed25519 key itself."""

    def __str__(self) -> str:
        """The line that minisign shows: base64."""
        return base64.b64encode(_PURE + self.name + self.point).decode()


def public_key(text: str) -> PublicKey:
    """A key from the line that minisign shows, or from the content of its .pub file.

    Raises:
        BadUsage: it is no such key.
    """
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    raw = _decoded(lines[-1]) if lines else None
    if raw is None or len(raw) != 42 or raw[:2] != _PURE:
        raise BadUsage(
            "That is no public key of minisign.",
            "It is one line of 56 letters that begins with RW; `minisign -G` makes one.",
        )
    return PublicKey(raw[2:10], raw[10:])


def verify(content: bytes, signature: str, key: PublicKey, name: str) -> str:
    """The trusted comment of a signature that is right.

    Args:
        content: What was signed.
        signature: The content of the .minisig file.
        key: Whose signature it must be.
        name: Of what was signed, for messages.

    Raises:
        SignatureRefused: it is another's, or the content is not what was signed.
    """
    lines = signature.splitlines()
    raw = _decoded(lines[1]) if len(lines) >= 4 else None
    seal = _decoded(lines[3]) if len(lines) >= 4 else None
    if raw is None or seal is None or len(raw) != 74 or len(seal) != 64:
        raise SignatureRefused(f"The signature of {name} does not read.", _HINT)
    if not lines[2].startswith(_TRUSTED):
        raise SignatureRefused(f"The signature of {name} has no trusted comment.", _HINT)
    if raw[2:10] != key.name:
        raise SignatureRefused(
            f"{name} is signed with another key ({raw[2:10][::-1].hex().upper()}) than the one "
            f"it was added with ({key.name[::-1].hex().upper()}).",
            "Ask its makers; if the new key is theirs, remove the registry and add it again.",
        )
    said = lines[2].removeprefix(_TRUSTED)
    signed = _signed(raw[:2], content, name)
    if not (_holds(key, raw[10:], signed) and _holds(key, seal, raw[10:] + said.encode())):
        raise SignatureRefused(f"{name} is not what its makers signed.", _HINT)
    return said


_HINT = "Nothing of it is used; an earlier copy stays."


def _signed(algorithm: bytes, content: bytes, name: str) -> bytes:
    if algorithm == _HASHED:
        return hashlib.blake2b(content).digest()
    if algorithm == _PURE:
        return content
    raise SignatureRefused(f"The signature of {name} is of an unknown kind.", _HINT)


def _holds(key: PublicKey, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # 30 ms, and only for what is signed
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key.point).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
