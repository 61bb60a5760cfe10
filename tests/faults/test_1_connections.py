"""Connections that break, stand still, drip, or end before the end."""

from __future__ import annotations

import signal

from tests.faults.person import CONTENT, ONE_CONNECTION, SIZE, Person, Ran
from tests.tools.http_server import Faults, FileServer
from tests.tools.wait import until

SOME = 300_000
TWO_CONNECTIONS = {"HERD_CONNECTIONS": "2"}
"""One for each mirror, of which one is so fast that nobody takes a share of it over."""


def test_a_reset_is_taken_up_at_the_exact_byte(person: Person, server: FileServer) -> None:
    person.environ |= ONE_CONNECTION
    server.faults, server.keeps_alive = Faults(reset_after=SIZE // 20), True
    person.is_offered(server)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert len(server.requests) > 20, "more resets than attempts: progress begins the count anew"
    starts = [request.start or 0 for request in server.requests]
    assert starts == sorted(set(starts))
    assert server.bytes_sent == SIZE
    assert "2.0 MB from 127.0.0.1 in" in ran.end
    assert "verified." in ran.end


def test_a_server_that_resets_at_once_is_given_up_with_its_name(
    hasty: Person, server: FileServer
) -> None:
    ran = is_given_up(hasty, server, Faults(reset_after=0))

    assert server.bytes_sent == 0
    assert len(server.requests) <= 4
    assert "tiny.gguf did not come: 127.0.0.1 " in ran.end


def is_given_up(hasty: Person, server: FileServer, faults: Faults) -> Ran:
    """An install from a server that is alone and does not deliver."""
    server.faults = faults
    hasty.is_offered(server)

    ran = hasty.types()

    assert (ran.code, hasty.has) == (4, None)
    assert "3 times in a row" in ran.end
    assert "Run the same command again to go on; what was fetched is kept." in ran.end
    return ran


def test_of_a_mirror_that_stops_sending_another_takes_the_rest(
    hasty: Person, server: FileServer, good: FileServer
) -> None:
    hasty.environ |= TWO_CONNECTIONS
    server.faults = Faults(stall_after=SOME)
    hasty.is_offered(server, good)

    ran = hasty.types()

    assert (ran.code, hasty.has) == (0, CONTENT)
    assert server.bytes_sent + good.bytes_sent == SIZE
    assert "from 127.0.0.1" in ran.end
    assert "from 127.0.0.2" in ran.end


def test_a_server_that_stops_sending_is_cut_and_asked_for_the_rest(
    person: Person, server: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    server.faults = Faults(stall_after=SIZE // 4)
    person.is_offered(server)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert server.bytes_sent == SIZE
    assert "verified." in ran.end


def test_a_server_that_stops_for_good_is_given_up_and_its_bytes_kept(
    hasty: Person, server: FileServer
) -> None:
    ran = is_given_up(hasty, server, Faults(stall_after=1000))

    assert server.bytes_sent == 1000 * len(server.requests) < SIZE // 20
    assert "127.0.0.1 sent next to nothing for 2 s, 3 times in a row." in ran.end


def test_a_mirror_that_drips_does_not_hold_a_good_one_up(
    person: Person, server: FileServer, good: FileServer
) -> None:
    person.environ |= TWO_CONNECTIONS
    server.faults = Faults(drip=True)
    person.is_offered(server, good)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert server.bytes_sent < SIZE // 50
    assert SIZE <= server.bytes_sent + good.bytes_sent <= SIZE + 5000, "drops, of what others took"
    assert "MB from 127.0.0.2 + " in ran.end


def test_a_server_that_only_drips_is_shown_as_slow_then_given_up_and_its_bytes_kept(
    hasty: Person, server: FileServer
) -> None:
    ran = is_given_up(hasty, server, Faults(drip=True))

    assert server.bytes_sent < SIZE // 50
    assert hasty.part.stat().st_size >= 16
    assert "127.0.0.1 sent next to nothing for 2 s, 3 times in a row." in ran.end


def test_a_slow_server_that_is_alone_is_gone_on_with_and_ctrl_c_ends_it(
    person: Person, server: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    server.faults = Faults(rate=60_000)
    person.is_offered(server)
    with person.begins() as herd:
        until(lambda: server.bytes_sent > 200_000, 60)
        herd.send_signal(signal.SIGINT)
        _, said = herd.communicate(timeout=30)
    assert herd.returncode == 130
    assert "The same command goes on there." in said
    before, server.faults = server.bytes_sent, Faults()

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert SIZE <= server.bytes_sent <= SIZE + 30_000, "what came in half a second"
    assert before > 0


def test_a_body_that_ends_before_its_promised_length_costs_no_byte(
    person: Person, server: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    server.faults = Faults(end_after=SOME)
    person.is_offered(server)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert [request.start for request in server.requests] == list(range(0, SIZE, SOME))
    assert server.bytes_sent == SIZE
    assert "verified." in ran.end
