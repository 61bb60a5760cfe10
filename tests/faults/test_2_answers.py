"""Answers that are not what was asked for, or come later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.person import CONTENT, ONE_CONNECTION, SIZE, Person, begin
from tests.tools.http_server import Faults, FileServer
from tests.tools.wait import until

OTHER = CONTENT[: SIZE // 2] + bytes(each ^ 1 for each in CONTENT[SIZE // 2 :])
"""Another version: of the same size, and the same up to its middle."""
SOME = 300_000
"""Bytes that are on their way within a moment at SIZE bytes a second."""


def test_the_whole_file_in_place_of_a_range_is_never_appended(
    person: Person, server: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    begin(person, server, SIZE // 3)
    server.faults = Faults(ignores_ranges=True)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert server.bytes_sent == SIZE, "from the beginning, once"
    assert "verified." in ran.end


def test_a_mirror_without_ranges_is_left_alone_beside_one_with(
    person: Person, server: FileServer, good: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    server.faults = good.faults = Faults(ignores_ranges=True, rate=SIZE)
    good.faults = replace(server.faults, ignores_ranges=False)
    person.is_offered(server, good)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert good.bytes_sent == SIZE
    assert len(server.requests) == 1
    assert "2.0 MB from 127.0.0.2 in" in ran.end


def test_a_wrong_content_range_is_refused_and_nothing_of_it_is_written(
    person: Person, server: FileServer
) -> None:
    begin(person, server, SIZE // 3)
    there, server.faults = person.part.read_bytes(), Faults(shifts_ranges=True)

    ran = person.types()

    assert (ran.code, person.has) == (4, None)
    assert person.part.read_bytes() == there
    assert server.bytes_sent <= SIZE
    assert "127.0.0.1 sends another range than the one asked for." in ran.end
    assert "Name another source" in ran.end


def test_one_wrong_content_range_is_a_hiccup_and_another_connection_is_asked(
    person: Person, server: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    had = begin(person, server, SIZE // 3)
    server.keeps_alive, server.faults = True, Faults(shifts_ranges=True, times=1)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    first, second = server.requests[:2]
    assert first.start == second.start
    assert server.connections >= 2
    assert sum(each.start == first.start for each in server.requests) == 2
    assert server.bytes_sent <= 2 * (SIZE - had), "nothing of the odd answer counts"
    assert "2.0 MB from 127.0.0.1 in" in ran.end


def test_a_mirror_with_wrong_content_ranges_is_dropped_and_named(
    person: Person, server: FileServer, good: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    server.faults, good.faults = Faults(shifts_ranges=True), Faults(rate=SIZE)
    person.is_offered(server, good)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert good.bytes_sent == SIZE
    assert len(server.requests) <= 2
    assert "127.0.0.1 sends another range than the one asked for; it is asked last" in ran.end
    assert "2.0 MB from 127.0.0.2 in" in ran.end


def test_versions_of_a_file_that_changes_under_way_are_never_mixed(
    person: Person, server: FileServer
) -> None:
    """The registry promised the one that was there first."""
    person.environ |= ONE_CONNECTION
    begin(person, server, SIZE // 3)
    server.etag, server.content, server.faults = '"two"', OTHER, Faults(rate=SIZE)

    ran = person.types()

    assert (ran.code, person.has) == (5, None)
    assert SIZE <= server.bytes_sent <= SIZE + SOME, "once, and what was on its way when refused"
    assert "the bytes have the digest " in ran.end
    assert "Nothing was installed" in ran.end


def test_a_mirror_that_changes_its_file_is_left_and_what_it_gave_before_stays(
    person: Person, server: FileServer, good: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    had = begin(person, server, SIZE // 3)
    good.faults = Faults(rate=SIZE)
    person.is_offered(server, good)
    server.etag, server.content = '"two"', OTHER

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert good.bytes_sent == SIZE - had
    assert "MB from 127.0.0.2 + " in ran.end


def test_a_part_that_is_longer_than_the_file_is_cut_and_gone_on_with(
    person: Person, server: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    had = begin(person, server, SIZE // 3)
    with person.part.open("ab") as part:
        part.write(b"too long")

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert server.bytes_sent == SIZE - had
    assert "verified." in ran.end


def test_a_file_that_ends_before_what_is_there_is_refused_and_the_part_kept(
    person: Person, server: FileServer
) -> None:
    """416, with a size that is not the promised one."""
    person.environ |= ONE_CONNECTION
    begin(person, server, SIZE // 3)
    there, server.content = person.part.read_bytes(), CONTENT[:1000]

    ran = person.types()

    assert (ran.code, person.has) == (4, None)
    assert server.bytes_sent == 0
    assert person.part.read_bytes() == there
    assert "127.0.0.1 says that the file ends where it does not." in ran.end


def test_an_unpromised_file_that_became_shorter_is_begun_anew_once(
    person: Person, server: FileServer
) -> None:
    """416, where nobody said how large it is."""
    person.environ |= ONE_CONNECTION
    words = ("install", "--as", "tiny", server.url)
    server.etag = None  # with one it would be told by If-Range, and asked for no 416
    begin(person, server, SIZE // 3, *words)
    server.content = CONTENT[: SIZE // 8]

    ran = person.types(*words)

    assert (ran.code, person.has) == (0, server.content)
    assert server.bytes_sent == len(server.content)
    assert len(server.requests) <= 3
    assert "Nobody promised a digest" in ran.said


def test_identity_is_asked_for_and_an_encoded_answer_refused(
    person: Person, server: FileServer, good: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    server.faults = Faults(gzips=True)
    person.is_offered(server)

    alone = person.types()
    person.is_offered(server, good)
    together = person.types()

    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert alone.code == 4
    assert "127.0.0.1 sends the file gzip-encoded, unasked." in alone.end
    assert (together.code, person.has) == (0, CONTENT)
    assert good.bytes_sent == SIZE
    assert "127.0.0.1 sends the file gzip-encoded, unasked; it is asked last" in together.end


@pytest.mark.parametrize(
    ("status", "words"), [(503, "cannot answer now (503)"), (429, "is asked too often (429)")]
)
def test_who_says_when_to_come_back_is_waited_for_and_the_reason_shown(
    person: Person, server: FileServer, status: int, words: str
) -> None:
    person.environ |= ONE_CONNECTION
    server.faults = Faults(status=status, headers={"Retry-After": "6"}, times=1)
    person.is_offered(server)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert server.bytes_sent == SIZE
    assert f"127.0.0.1 {words}; again in " in ran.said, "a line each 5 s where no terminal is"
    first, second = server.requests[:2]
    assert first.start == second.start == 0
    assert "verified." in ran.end


def test_after_too_many_requests_half_the_connections_are_used(
    person: Person, server: FileServer
) -> None:
    server.faults = Faults(status=429, headers={"Retry-After": "0"}, times=1)
    person.is_offered(server)
    with person.begins() as herd:
        until(lambda: bool(server.requests), 60)
        server.faults, server.keeps_alive = replace(server.faults, rate=SIZE // 40), True
        until(lambda: server.bytes_sent > SIZE // 10, 60)
        most = server.open
        server.faults = Faults()
        _, said = herd.communicate(timeout=60)

    assert (herd.returncode, person.has) == (0, CONTENT)
    assert most <= 4, said
