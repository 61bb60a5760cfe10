"""Registries signed by minisign itself: the program where it is, and what it once made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from herd.errors import SignatureRefused
from herd.places import Places, places
from herd.registries import keep
from herd.registries.keep import Fate, Wanted
from herd.registries.signature import public_key, verify
from tests.tools.fakes import registry_text
from tests.tools.foreign import need

MADE = (
    "untrusted comment: signature from minisign secret key\n"
    "RURK9WpSk1pRIstVq9ArNMhURqYkUIh/zvE5ABm1IbyA0cr2UMAL32I9yGpxwcpZXBvYmm9vNKM4eaVBxSB/3Ho28dPC"
    "I9UyiAo=\n"
    "trusted comment: herd test\n"
    "6uSKbp8/YvQGOv7hHKjc0V/JWq6gdoQTHGHHbap6kncYVvjsitMgwbE2cfrrVZZg7WBx7mT6qfJACTN5ZEXZBQ==\n"
)
"""By minisign 0.11: `minisign -S -t 'herd test'` of the line `schema: 1`, and its public key."""
KEY = "RWRK9WpSk1pRIqgc9MUROlifmbc63QA+kJoBexUXMJdLO2FuIA1/bxas"


class Makers:
    """Who publish a registry in a folder and sign it with minisign."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "registry.yaml"
        self._folder = folder
        self.new_key("first")

    def new_key(self, name: str) -> None:
        self._secret = self._folder / f"{name}.key"
        self.public = self._folder / f"{name}.pub"
        self._run("-G", "-W", "-p", str(self.public), "-s", str(self._secret))

    def publish(self, day: str, *options: str) -> None:
        text = registry_text("https://a.example/x.gguf", name="other")
        about = f"registry: {{name: school, updated: {day}}}"
        self.path.write_text(text.replace("registry: {name: test}", about))
        self._run("-S", *options, "-s", str(self._secret), "-m", str(self.path))

    def _run(self, *words: str) -> None:
        subprocess.run(["minisign", *words], check=True, capture_output=True, input=b"\n")


@pytest.fixture
def makers(tmp_path: Path) -> Makers:
    need("minisign")
    folder = tmp_path / "makers"
    folder.mkdir()
    return Makers(folder)


@pytest.fixture
def here(tmp_path: Path) -> Places:
    return places({"HERD_HOME": str(tmp_path / "home")})


def test_what_minisign_signed_once_is_right_and_stays_so() -> None:
    assert verify(b"schema: 1\n", MADE, public_key(KEY), "r") == "herd test"
    with pytest.raises(SignatureRefused):
        verify(b"schema: 2\n", MADE, public_key(KEY), "r")


@pytest.mark.parametrize("options", [[], ["-l"]], ids=["prehashed", "legacy"])
def test_a_registry_signed_by_minisign_is_added_and_its_key_pinned(
    makers: Makers, here: Places, options: list[str]
) -> None:
    makers.publish("2026-11-24", *options)

    kept = keep.add(here, Wanted(str(makers.path), makers.public.read_text()))

    assert kept.origin.trust == "signed"
    assert kept.added.key == makers.public.read_text().splitlines()[-1]
    makers.publish("2026-11-25", *options)
    assert [each.fate for each in keep.update(here)] == [Fate.UPDATED]


def test_another_key_of_minisign_and_a_change_after_it_signed_are_refused(
    makers: Makers, here: Places
) -> None:
    makers.publish("2026-11-24")
    keep.add(here, Wanted(str(makers.path), makers.public.read_text()))
    copy = here.user_registries / "school.yaml"
    before = copy.read_bytes()

    makers.path.write_bytes(makers.path.read_bytes() + b"# a word more\n")
    (changed,) = keep.update(here)
    makers.new_key("second")
    makers.publish("2026-11-25")
    (other,) = keep.update(here)

    assert isinstance(changed.error, SignatureRefused)
    assert "is not what its makers signed" in changed.error.message
    assert isinstance(other.error, SignatureRefused)
    assert "is signed with another key" in other.error.message
    assert copy.read_bytes() == before
