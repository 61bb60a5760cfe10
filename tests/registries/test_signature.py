"""Signatures in the form of minisign."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.errors import BadUsage, SignatureRefused
from herd.registries.signature import public_key, verify
from tests.registries.signing import COMMENT, Signer

CONTENT = b"schema: 1\n"


@pytest.mark.parametrize("hashed", [True, False])
def test_a_right_signature_gives_its_trusted_comment(signer: Signer, hashed: bool) -> None:
    assert verify(CONTENT, signer.sign(CONTENT, hashed=hashed), signer.key, "r") == COMMENT


def test_a_key_is_read_from_its_line_and_from_its_file(signer: Signer) -> None:
    line = str(signer.key)

    assert line.startswith("RW")
    assert len(line) == 56
    assert public_key(line) == public_key(f"untrusted comment: x\n{line}\n") == signer.key


def test_a_signature_that_minisign_itself_made_is_right() -> None:
    """A key and a signature that libraries for minisign try themselves with."""
    key = public_key("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3")
    signature = (
        "untrusted comment: signature from minisign secret key\n"
        "RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOo"
        "crCo8KLzZwo=\n"
        "trusted comment: timestamp:1633700835\tfile:test\tprehashed\n"
        "wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n"
    )

    assert verify(b"test", signature, key, "r").startswith("timestamp:1633700835")


def test_what_was_changed_after_signing_is_refused(signer: Signer) -> None:
    signature = signer.sign(CONTENT)

    for content, text in (
        (CONTENT + b"#", signature),
        (CONTENT, signature.replace("timestamp:1700000000", "timestamp:1800000000")),
    ):
        with pytest.raises(SignatureRefused, match="is not what its makers signed"):
            verify(content, text, signer.key, "r")


def test_another_key_is_named_as_another_key(signer: Signer) -> None:
    other = Signer(name=b"otherkey")

    with pytest.raises(SignatureRefused, match="signed with another key") as caught:
        verify(CONTENT, other.sign(CONTENT), signer.key, "r")

    assert "0807060504030201" in caught.value.message


def test_another_key_under_the_same_name_is_refused(signer: Signer) -> None:
    with pytest.raises(SignatureRefused, match="is not what its makers signed"):
        verify(CONTENT, Signer().sign(CONTENT), signer.key, "r")


@given(st.text(max_size=200) | st.lists(st.text(max_size=90), max_size=5).map("\n".join))
def test_no_text_is_a_signature_by_accident(text: str) -> None:
    with pytest.raises(SignatureRefused):
        verify(CONTENT, text, Signer().key, "r")


@given(
    st.text(max_size=80) | st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode())
)
def test_any_text_is_a_key_or_bad_usage(text: str) -> None:
    with suppress(BadUsage):
        assert str(public_key(text)).startswith("RW")
