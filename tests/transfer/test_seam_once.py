"""What is on its way already is copied for whoever asks for it, too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from herd.transfer.seam_once import MOST, SOON, Once, Stream
from tests.tools.wait import until

BLOCK = 100
PIECE = bytes(range(250))


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def is_waited_for() -> bool:
    return False


@contextmanager
def asked(once: Once, stream: Stream, start: int, stop: int) -> Iterator[list[bytes | None]]:
    """Somebody asks for a block and waits for it; what they got, afterwards."""
    got: list[bytes | None] = []
    thread = threading.Thread(target=lambda: got.append(once.copy(start, stop, is_waited_for)))
    thread.start()
    until(lambda: bool(stream.copies) or not thread.is_alive())
    yield got
    thread.join()


def test_a_block_that_another_answer_brings_soon_is_copied() -> None:
    once = Once()
    stream = once.begin(0, 1000, is_proved=True)
    once.gave(stream, PIECE)
    with asked(once, stream, 300, 300 + BLOCK) as got:
        once.gave(stream, PIECE[:100])
        once.gave(stream, PIECE[100:])
    assert got == [PIECE[50:150]]
    assert once.copied == BLOCK


def test_one_that_takes_long_to_come_is_not_waited_for() -> None:
    clock = Clock()
    once = Once(clock)
    stream = once.begin(0, 100_000, is_proved=True)
    clock.now = 1.0
    once.gave(stream, PIECE)
    assert once.copy(90_000, 90_100, is_waited_for) is None
    assert once.copied == 0


def test_one_that_came_already_is_asked_for() -> None:
    """It proved wrong, or was lost on its way."""
    once = Once()
    stream = once.begin(0, 1000, is_proved=True)
    once.gave(stream, PIECE)
    assert once.copy(100, 200, is_waited_for) is None


def test_what_a_mirror_brings_that_proved_nothing_yet_is_nobody_elses() -> None:
    once = Once()
    once.begin(0, 1000, is_proved=False)
    assert once.copy(100, 200, is_waited_for) is None


def test_more_than_a_block_is_asked_for() -> None:
    once = Once()
    once.begin(0, 2 * MOST, is_proved=True)
    assert once.copy(0, MOST + 1, is_waited_for) is None


def given_up(change: Callable[[Once, Stream, Clock], object]) -> bytes | None:
    """What somebody gets who waits for a block while something else happens."""
    clock = Clock()
    once = Once(clock)
    stream = once.begin(0, 1000, is_proved=True)
    with asked(once, stream, 300, 300 + BLOCK) as got:
        change(once, stream, clock)
    return got[0]


def test_an_answer_that_breaks_off_leaves_who_waits_to_ask_for_themselves() -> None:
    assert given_up(lambda once, stream, _: once.end(stream)) is None


def test_so_does_one_that_stands_still() -> None:
    def stand_still(once: Once, stream: Stream, clock: Clock) -> None:
        once.gave(stream, PIECE)
        clock.now = 100 * SOON

    assert given_up(stand_still) is None


def test_who_is_gone_gets_nothing() -> None:
    once = Once()
    once.begin(0, 1000, is_proved=True)
    assert once.copy(100, 200, lambda: True) is None
