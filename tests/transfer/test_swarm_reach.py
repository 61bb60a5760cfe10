"""How far a swarm may reach: public addresses always, others only where somebody said so."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from herd.transfer.reach import Kind
from herd.transfer.swarm_reach import SwarmReach, allowed_by, kind_of_host, reach
from herd.transfer.swarm_settings import settings

PUBLIC = "udp://tracker.example.org:1337/announce"
HOME = "http://192.168.1.5:6969/announce"
SELF = "http://127.0.0.1:6969/announce"


def is_closed(found: SwarmReach, address: str) -> bool:
    ip = ip_address(address)
    return any(
        ip_address(each.first) <= ip <= ip_address(each.last)  # type: ignore[operator]  # one family
        for each in found.closed
        if ip_address(each.first).version == ip.version
    )


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.5", "100.64.0.1", "169.254.169.254"),
        *("0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fc00::1", "ff02::1"),
        *("::ffff:127.0.0.1", "64:ff9b::7f00:1"),
    ],
)
def test_a_public_swarm_leads_to_no_address_of_this_machine_or_network(address: str) -> None:
    assert is_closed(reach([PUBLIC]), address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_public_addresses_are_open(address: str) -> None:
    assert not is_closed(reach([PUBLIC]), address)


def test_a_tracker_at_home_opens_the_home_network_and_nothing_else() -> None:
    found = reach([HOME])
    assert found.is_local
    assert not is_closed(found, "192.168.1.77")
    assert is_closed(found, "127.0.0.1")
    assert is_closed(found, "169.254.169.254")


def test_the_cloud_metadata_address_is_never_opened() -> None:
    assert is_closed(reach(["http://169.254.169.254/announce"]), "169.254.169.254")


def test_a_torrent_from_a_public_server_names_no_address_at_home() -> None:
    found = reach([PUBLIC, HOME, SELF], allowed_by("https://example.org/model.torrent"))
    assert found.trackers == (PUBLIC,)
    assert is_closed(found, "192.168.1.77")


def test_a_torrent_from_this_machine_may() -> None:
    assert reach([HOME, SELF], allowed_by("/tmp/model.torrent")).trackers == (HOME, SELF)  # noqa: S108  # a name


def test_trackers_of_other_schemes_are_dropped() -> None:
    assert reach(["file:///etc/passwd", "wss://x.example/", "udp://a b/"]).trackers == ()


def test_a_mixed_swarm_is_not_local() -> None:
    assert not reach([PUBLIC, HOME]).is_local
    assert not SwarmReach().is_local


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("localhost", Kind.LOOPBACK),
        ("printer", Kind.PRIVATE),
        ("nas.lan", Kind.PRIVATE),
        ("tracker.example.org", Kind.PUBLIC),
        ("100.64.0.1", Kind.PRIVATE),
        ("0x7f.1", Kind.LOOPBACK),
        ("fe80::1%eth0", Kind.LINK_LOCAL),
    ],
)
def test_the_kind_of_a_host_is_told_without_a_name_server(host: str, kind: Kind) -> None:
    assert kind_of_host(host) is kind


def test_the_table_of_peers_is_asked_only_where_somebody_wants_it() -> None:
    assert settings()["enable_dht"] is False
    assert settings()["dht_bootstrap_nodes"] == ""
    assert settings(dht=True)["enable_dht"] is True


@pytest.mark.parametrize("name", ["enable_upnp", "enable_natpmp", "enable_lsd"])
def test_no_router_and_no_neighbour_is_spoken_to(name: str) -> None:
    assert settings(dht=True)[name] is False
