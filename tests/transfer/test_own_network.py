"""Where this machine is found by its neighbours."""

from __future__ import annotations

import socket
from functools import partial

import pytest

from herd.transfer.own_network import own_addresses
from herd.transfer.swarm_reach import is_near
from herd.transfer.swarm_settings import Sharing
from herd.transfer.torrent_share import SharingSession
from tests.tools.wait import until


def test_only_addresses_of_networks_that_are_nobody_elses_are_told() -> None:
    assert all(is_near(each) for each in own_addresses())


def test_this_machine_itself_is_no_neighbour() -> None:
    assert own_addresses(("127.0.0.1", "::1")) == ()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.168.1.2", True),
        ("10.0.0.1", True),
        ("fd00::1", True),
        ("127.0.0.1", False),
        ("8.8.8.8", False),
        ("169.254.1.1", False),
        ("2001:db8::1", False),
    ],
)
def test_a_neighbour_has_a_private_address(address: str, expected: bool) -> None:
    assert is_near(address) is expected


def test_whoever_shares_is_found_at_one_port_of_each_address() -> None:
    loopback = ("127.0.0.1", "::1") if socket.has_dualstack_ipv6() else ("127.0.0.1",)
    session = SharingSession(Sharing(is_lan_only=True))
    try:
        for each in (*loopback, *own_addresses()):
            until(partial(_lets_in, session, each))
    finally:
        session.close()


def _lets_in(session: SharingSession, address: str) -> bool:
    try:
        with socket.create_connection((address, session.listens()), timeout=5):
            return True
    except OSError:
        return False
