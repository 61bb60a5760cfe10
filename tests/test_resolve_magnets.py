"""Magnets as people paste them: what the registry knows of them goes before what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from herd.core import Herd
from herd.errors import BadUsage
from herd.model import MagnetSource, SwarmState
from herd.registry import Registry
from herd.resolve import Promise, resolve
from tests.tools.fakes import herd_at

SEVEN = (
    "magnet:?xt=urn:btih:5aaceaec63b03e51a98f04fd5c42320b2a033010&dn=ggml-alpaca-7b-q4.bin"
    "&tr=udp%3A%2F%2Ftracker.opentrackr.org%3A1337%2Fannounce"
    "&tr=udp%3A%2F%2Fopentracker.i2p.rocks%3A6969%2Fannounce"
)
THIRTEEN = (
    "magnet:?xt=urn:btih:f3cf71b172129d6b5abccab393bc32253fac8159&dn=ggml-alpaca-13b-q4.bin"
    "&tr=udp%3A%2F%http://2Ftracker.opentrackr.org%3A1337%2Fannounce"
    "&tr=udp%3A%2F%https://t.co/zenhelfwRd%3A6969%2Fannounce"
    "&tr=https%3A%2F%https://t.co/zenhelfwRd%3A443%2Fannounce"
    "&tr=udp%3A%2F%https://t.co/RRAn1X65wE%3A6969%2Fannounce"
    "&tr=udp%3A%2F%https://t.co/uTXBeTLUMa%3A2810%2Fannounce"
)
"""Both exactly as on the Alpaca page of March 2023."""


@pytest.fixture
def herd(tmp_path: Path) -> Herd:
    return herd_at(tmp_path)


@pytest.mark.parametrize("text", ["magnet:foo", "MAGNET:?dn=x"])
def test_a_magnet_that_does_not_read_is_no_name_of_a_model(text: str) -> None:
    with pytest.raises(BadUsage, match="has no xt=urn:btih: or urn:btmh:"):
        resolve(text, Registry())


def test_the_first_magnet_of_the_alpaca_page_is_the_registrys_alpaca(herd: Herd) -> None:
    choice = herd.choose(SEVEN)
    assert choice.model.name == "alpaca-7b"
    assert choice.variant.files[0].sha256 is not None
    assert choice.remarks == (
        f"That is {choice.reference} of the registry, which knows its digest.",
    )


def test_the_second_is_mended_and_replaced_by_its_successor(herd: Herd) -> None:
    choice = herd.choose(THIRTEEN)
    assert choice.model.name == "alpaca-13b"
    mended, lost, withdrawn, successor = choice.remarks
    assert mended == "Mended udp://tracker.opentrackr.org:1337/announce."
    assert lost.startswith(
        "Dropped trackers: the udp tracker at port 6969 (its host became t.co/zenhelfwRd);"
    )
    assert withdrawn.startswith(
        "The registry lists that magnet as revoked: Withdrawn by its maker on 17 March"
    )
    assert "xt=urn:btih:053b3d54d2e77ff020ebddf51dad681f2a651071" in successor
    assert any(
        isinstance(each, MagnetSource) and each.state is SwarmState.LIVE
        for each in choice.variant.files[0].sources
    )


@pytest.mark.parametrize(
    "xt",
    [
        "urn:btih:053B3D54D2E77FF020EBDDF51DAD681F2A651071",
        "urn:btih:AU5T2VGS4577AIHL3X2R3LLID4VGKEDR",
        "urn:btih:au5t2vgs4577aihl3x2r3llid4vgkedr",
    ],
)
def test_a_swarm_is_known_however_its_hash_is_written(herd: Herd, xt: str) -> None:
    assert herd.choose(f"magnet:?xt={xt}&xl=8136637097").model.name == "alpaca-13b"


def test_a_person_who_promises_a_digest_is_taken_at_their_word(herd: Herd) -> None:
    choice = herd.choose(SEVEN, Promise(sha256="ab" * 32, name="mine"))
    assert (choice.model.name, choice.model.registry) == ("mine", None)


def test_a_magnet_that_nobody_knows_keeps_its_size_and_says_what_it_lost(herd: Herd) -> None:
    choice = herd.choose(
        f"magnet:?xt=urn:btih:{'ab' * 20}&dn=new-model.gguf&xl=77&so=1"
        "&ws=http://x.example/new-model.gguf&xs=http://x.example/a.torrent"
    )
    assert choice.variant.files[0].size == 77
    assert choice.model.variants == (choice.variant,)
    assert choice.remarks == ("Ignored so: herd takes no such thing from a magnet.",)
