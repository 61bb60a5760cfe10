"""A swarm holds no more in memory than a usual system lets wait in a connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from herd.transfer.swarm_settings import rate_limit, receive_buffer


def system(folder: Path, *, grows_to: str, may_ask: str) -> Path:
    (folder / "ipv4").mkdir()
    (folder / "core").mkdir()
    (folder / "ipv4/tcp_rmem").write_text(f"4096\t131072\t{grows_to}\n")
    (folder / "core/rmem_max").write_text(f"{may_ask}\n")
    return folder


def test_connections_that_may_hold_much_are_asked_to_hold_the_usual(tmp_path: Path) -> None:
    assert receive_buffer(system(tmp_path, grows_to="33554432", may_ask="4194304")) == 3 << 20


@pytest.mark.parametrize(
    ("grows_to", "may_ask"),
    [
        pytest.param("6291456", "4194304", id="it holds no more than usual"),
        pytest.param("33554432", "212992", id="it would be given less than the usual"),
        pytest.param("much", "4194304", id="it says something else"),
    ],
)
def test_otherwise_it_is_left_to_the_system(tmp_path: Path, grows_to: str, may_ask: str) -> None:
    assert receive_buffer(system(tmp_path, grows_to=grows_to, may_ask=may_ask)) == 0


def test_no_linux_is_left_to_itself(tmp_path: Path) -> None:
    assert receive_buffer(tmp_path) == 0


def test_a_limit_beyond_what_libtorrent_counts_to_is_no_small_one() -> None:
    assert rate_limit(2**32 + 1) == 2**31 - 1
    assert (rate_limit(None), rate_limit(5)) == (0, 5)
