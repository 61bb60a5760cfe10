"""`herd share`: what is printed, what is written, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from herd import magnet
from tests.cli.calling import Caller
from tests.tools.fakes import GGUF


@pytest.fixture
def installed(herd: Caller) -> Caller:
    assert herd("install", "tiny").code == 0
    return herd


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of this machine in its own networks; at first it has none."""
    found: list[str] = []
    monkeypatch.setattr("herd.share.own_addresses", lambda: tuple(found))
    return found


def test_a_magnet_for_neighbours_says_where_this_machine_is(
    installed: Caller, own: list[str]
) -> None:
    own.append("192.168.7.5")

    ran = installed("share", "tiny", "--lan-only", "--hours", "0")

    [(host, port)] = magnet.parse(ran.out.strip()).source.peers
    assert (host, port > 0) == ("192.168.7.5", True)
    assert "the magnet says where this machine is there" in ran.err


def test_what_everybody_may_have_tells_nobody_where_this_machine_is(
    installed: Caller, own: list[str]
) -> None:
    own.append("192.168.7.5")

    ran = installed("share", "tiny", "--tracker", "http://127.0.0.1:1/announce", "--hours", "0")

    assert "x.pe" not in ran.out


def test_it_prints_a_magnet_that_reads_and_ends_in_time(installed: Caller) -> None:
    ran = installed("share", "tiny", "--lan-only", "--hours", "0", "--limit", "1MB/s")
    assert ran.code == 0
    found = magnet.parse(ran.out.strip())
    assert found.source.display_name == "tiny.gguf"
    assert "Sharing 1 file with your own networks, at most 1.0 MB/s; Ctrl-C ends it." in ran.err
    assert "Another herd looks there after `herd config lan true`." in ran.err
    assert "Shared 0 B in all." in ran.err


def test_it_writes_a_torrent_with_the_mirrors(installed: Caller, tmp_path: Path) -> None:
    path = tmp_path / "tiny.torrent"
    ran = installed("share", "tiny", "--torrent", str(path))
    assert ran.code == 0
    assert b"8:url-list" in path.read_bytes()
    assert ran.out.startswith("magnet:?xt=urn:btih:")
    assert "Wrote" in ran.err
    assert "neither a tracker nor a mirror" not in ran.err


def test_a_torrent_that_leads_to_nobody_says_so(herd: Caller, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(GGUF)
    herd("install", "-y", str(tmp_path / "mine.gguf"))

    ran = herd("share", "mine", "--torrent", str(tmp_path / "mine.torrent"))

    assert ran.code == 0
    assert "It names neither a tracker nor a mirror" in ran.err


def test_a_model_that_is_not_installed_is_said(herd: Caller) -> None:
    assert herd("share", "tiny").code == 3


def test_all_of_nothing_is_nothing(herd: Caller) -> None:
    ran = herd("share", "--all")
    assert (ran.code, ran.out) == (0, "")
    assert "Nothing is installed that may be passed on." in ran.err


@pytest.mark.parametrize(
    "words", [(), ("tiny", "--all"), ("tiny", "--limit", "fast"), ("tiny", "--tracker", "x")]
)
def test_what_cannot_be_meant_is_refused(installed: Caller, words: tuple[str, ...]) -> None:
    assert installed("share", *words).code == 2


def test_a_torrent_that_has_no_folder_to_be_in_is_said_so(installed: Caller) -> None:
    ran = installed("share", "tiny", "--torrent", "/nonexistent/tiny.torrent")

    assert ran.code == 6
    assert "Name a file in a folder that is there" in ran.err
    assert "HERD_HOME" not in ran.err
