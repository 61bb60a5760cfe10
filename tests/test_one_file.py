"""Models that have a file in common: whoever installs them at once, the file is fetched once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from herd.bring import FETCHED_BY_ANOTHER
from herd.core import Herd
from herd.errors import Interrupted
from herd.install import Order
from herd.jobs import Job
from herd.model import Choice, File, Licence, Model, UrlSource, Variant
from herd.progress import Stage
from tests.tools.fakes import GGUF, FakeCarrier, digest, herd_at
from tests.tools.wait import until

URL, OTHER_URL = (f"https://models.example.org/{name}.gguf" for name in ("tiny", "other"))
OTHER = GGUF + b"other"
FILE = File("tiny.gguf", (UrlSource(URL),), len(GGUF), digest(GGUF))
OTHER_FILE = File("other.gguf", (UrlSource(OTHER_URL),), len(OTHER), digest(OTHER))
UNPROMISED = File("tiny.gguf", (UrlSource(URL),))


@pytest.fixture
def carrier() -> FakeCarrier:
    """It holds the second half of both files back."""
    gates = {URL: threading.Event(), OTHER_URL: threading.Event()}
    return FakeCarrier({URL: GGUF, OTHER_URL: OTHER}, gates)


@pytest.fixture
def herds(tmp_path: Path, carrier: FakeCarrier) -> Iterator[tuple[Herd, Herd]]:
    """Two of the same store."""
    one, other = (herd_at(tmp_path / "home", carrier) for _ in range(2))
    yield one, other
    one.close()
    other.close()


def order(name: str, *files: File) -> Order:
    variant = Variant("q4_0", files)
    return Order(Choice(Model(name, name, (variant,), "q4_0", Licence("MIT")), variant))


def begin(herd: Herd, carrier: FakeCarrier, wanted: Order) -> Job:
    """An install that has half of its first file."""
    before = len(carrier.asked)
    job = herd.start(wanted)
    until(lambda: len(carrier.asked) > before and job.progress().done > 0)
    return job


def waiting(herd: Herd, wanted: Order) -> Job:
    job = herd.start(wanted)
    until(lambda: job.progress().note == FETCHED_BY_ANOTHER)
    return job


@pytest.mark.parametrize("file", [FILE, UNPROMISED], ids=["promised", "unpromised"])
def test_a_file_of_two_models_is_fetched_once_and_the_second_shows_how_far_it_is(
    herds: tuple[Herd, Herd], carrier: FakeCarrier, file: File
) -> None:
    first = begin(herds[0], carrier, order("one", file))
    second = waiting(herds[1], order("two", file))
    until(lambda: second.progress().done == len(GGUF) // 2)
    assert second.progress().stage is Stage.WAITING

    carrier.gates[URL].set()

    assert first.wait(10)
    assert second.wait(10)
    assert (first.error, second.error) == (None, None)
    assert {each.reference.name for each in herds[0].store.installed()} == {"one", "two"}
    assert carrier.asked == [URL]


def test_two_that_bring_the_files_of_each_other_do_not_wait_for_ever(
    herds: tuple[Herd, Herd], carrier: FakeCarrier
) -> None:
    first = begin(herds[0], carrier, order("one", FILE, OTHER_FILE))
    second = begin(herds[1], carrier, order("two", OTHER_FILE, FILE))
    for gate in carrier.gates.values():
        gate.set()

    assert first.wait(10)
    assert second.wait(10)
    assert (first.error, second.error) == (None, None)
    assert sorted(carrier.asked) == sorted([URL, OTHER_URL])


def test_who_waits_goes_on_with_the_part_once_the_first_rests(
    herds: tuple[Herd, Herd], carrier: FakeCarrier
) -> None:
    first = begin(herds[0], carrier, order("one", FILE))
    second = waiting(herds[1], order("two", FILE))

    herds[0].jobs.pause(first)

    until(lambda: len(carrier.asked) == 2)
    herds[0].jobs.cancel(first)
    assert first.wait(10)
    assert (herds[0].store.staging / f"{digest(GGUF)}.part").exists()  # the second one has it
    carrier.gates[URL].set()
    assert second.wait(10)
    assert second.error is None


def test_who_waits_for_a_file_can_be_stopped(
    herds: tuple[Herd, Herd], carrier: FakeCarrier
) -> None:
    begin(herds[0], carrier, order("one", FILE))
    second = waiting(herds[1], order("two", FILE))
    second.stop()
    assert second.wait(10)
    assert isinstance(second.error, Interrupted)
