"""The one path into the store, with a carrier that has the bytes."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from herd.core import Herd
from herd.errors import (
    CannotRun,
    DigestMismatch,
    Interrupted,
    LicenceNotAccepted,
    NoSourceDelivered,
    SourceFailed,
)
from herd.install import Order
from herd.model import Choice, File, Licence, Model, PathSource, Sha256, UrlSource, Variant
from herd.progress import Stage
from tests.tools.fakes import GGUF, FakeCarrier, digest, herd_at

URL = "https://models.example.org/tiny.gguf"
FILE = File("tiny.gguf", (UrlSource(URL),), len(GGUF), digest(GGUF))


@pytest.fixture
def carrier() -> FakeCarrier:
    return FakeCarrier({URL: GGUF})


@pytest.fixture
def herd(tmp_path: Path, carrier: FakeCarrier) -> Herd:
    return herd_at(tmp_path / "home", carrier)


def choice_of(*files: File) -> Choice:
    variant = Variant("q4_0", files)
    return Choice(Model("tiny", "Tiny", (variant,), "q4_0", Licence("MIT")), variant)


def test_an_installed_model_has_a_manifest_a_name_and_a_blob_named_by_its_digest(
    herd: Herd,
) -> None:
    outcome = herd.installer.install(Order(choice_of(FILE)))

    assert herd.store.installed() == (outcome.installed,)
    assert herd.store.path_of(outcome.installed).read_bytes() == GGUF
    assert digest(herd.store.blob(digest(GGUF)).read_bytes()) == digest(GGUF)
    assert outcome.installed.is_verified


def test_the_same_order_again_fetches_nothing(herd: Herd, carrier: FakeCarrier) -> None:
    herd.installer.install(Order(choice_of(FILE)))

    again = herd.installer.install(Order(choice_of(FILE)))

    assert again.was_there
    assert carrier.asked == [URL]


def test_two_names_for_the_same_bytes_are_fetched_once(herd: Herd, carrier: FakeCarrier) -> None:
    herd.installer.install(Order(choice_of(FILE)))
    choice = choice_of(FILE)
    twin = Choice(replace(choice.model, name="twin"), choice.variant)

    herd.installer.install(Order(twin))

    assert carrier.asked == [URL]
    assert [each.name for each in herd.store.installed()] == ["tiny", "twin"]


def test_other_bytes_than_promised_are_never_installed(herd: Herd, carrier: FakeCarrier) -> None:
    carrier.contents[URL] = GGUF[:-1] + b"!"

    with pytest.raises(DigestMismatch):
        herd.installer.install(Order(choice_of(FILE)))

    assert herd.store.installed() == ()
    assert not herd.store.has(digest(carrier.contents[URL]), len(GGUF))


def test_a_source_that_fails_leaves_nothing_half_installed(
    herd: Herd, carrier: FakeCarrier
) -> None:
    carrier.failure = SourceFailed("models.example.org did not answer.")

    with pytest.raises(NoSourceDelivered) as caught:
        herd.installer.install(Order(choice_of(FILE)))

    assert "models.example.org" in caught.value.message
    assert herd.store.installed() == ()


def test_a_stopped_install_keeps_what_came_and_the_next_one_knows_it(
    herd: Herd, carrier: FakeCarrier
) -> None:
    carrier.gates[URL] = threading.Event()
    job = herd.start(Order(choice_of(FILE)))
    while job.progress().done == 0:
        assert not job.wait(0.005)
    job.stop()

    assert job.wait(5)
    assert isinstance(job.error, Interrupted)
    assert job.progress().stage is Stage.STOPPED
    assert herd.plan(choice_of(FILE)).bytes_to_fetch == len(GGUF) - len(GGUF) // 2
    carrier.gates[URL].set()
    assert herd.installer.install(Order(choice_of(FILE))).moved == len(GGUF) - len(GGUF) // 2


def test_a_licence_is_asked_for_before_anything_is_fetched(
    herd: Herd, carrier: FakeCarrier
) -> None:
    choice = choice_of(FILE)
    strict = replace(choice.model, licence=Licence("research-only", must_be_accepted=True))

    with pytest.raises(LicenceNotAccepted):
        herd.installer.install(Order(Choice(strict, choice.variant)))
    assert carrier.asked == []

    accepted = Order(Choice(strict, choice.variant), is_licence_accepted=True)
    assert herd.installer.install(accepted).installed.licence.id == "research-only"


def test_a_file_without_a_promise_is_installed_as_unverified(
    herd: Herd, carrier: FakeCarrier
) -> None:
    outcome = herd.installer.install(Order(choice_of(File("tiny.gguf", (UrlSource(URL),)))))

    assert not outcome.installed.is_verified
    assert outcome.installed.files[0].sha256 == digest(GGUF)


def test_bytes_of_a_promised_digest_are_fetched_once_also_where_nobody_said_how_many(
    herd: Herd, carrier: FakeCarrier
) -> None:
    herd.installer.install(Order(choice_of(FILE)))
    asked = list(carrier.asked)
    other = replace(choice_of(replace(FILE, name="other.gguf", size=None)).variant, name="other")
    choice = Choice(
        replace(choice_of(FILE).model, name="other", variants=(other,), default="other"), other
    )

    outcome = herd.installer.install(Order(choice))

    assert carrier.asked == asked
    assert outcome.installed.files[0].size == len(GGUF)
    assert outcome.installed.is_verified


def test_a_file_that_is_no_model_is_not_installed(herd: Herd, carrier: FakeCarrier) -> None:
    carrier.contents[URL] = b"just a text"

    with pytest.raises(CannotRun) as caught:
        herd.installer.install(Order(choice_of(File("tiny.txt", (UrlSource(URL),)))))

    assert "tiny.txt is not a gguf model" in caught.value.message
    assert herd.store.installed() == ()


def test_two_orders_of_the_same_model_are_one_job(herd: Herd, carrier: FakeCarrier) -> None:
    carrier.gates[URL] = gate = threading.Event()
    first = herd.start(Order(choice_of(FILE)))
    second = herd.start(Order(choice_of(FILE)))
    gate.set()

    assert first is second
    assert first.wait(5)
    assert first.error is None


def test_two_herds_that_install_the_same_model_fetch_it_once(
    tmp_path: Path, carrier: FakeCarrier
) -> None:
    carrier.gates[URL] = gate = threading.Event()
    one, other = (herd_at(tmp_path / "home", carrier) for _ in range(2))
    first = one.start(Order(choice_of(FILE)))
    while not carrier.asked:
        assert not first.wait(0.005)
    second = other.start(Order(choice_of(FILE)))
    while second.progress().done < len(GGUF) // 2:
        assert not second.wait(0.005)
    seen = second.progress()
    assert (seen.stage, seen.total) == (Stage.WAITING, len(GGUF))
    assert seen.note == "another herd is installing this model"
    gate.set()

    assert first.wait(5)
    assert second.wait(5)
    assert second.outcome is not None
    assert second.outcome.was_there
    assert carrier.asked == [URL]


def test_what_another_herd_brought_meanwhile_is_taken_also_where_nobody_promised_a_digest(
    tmp_path: Path, carrier: FakeCarrier
) -> None:
    carrier.gates[URL] = gate = threading.Event()
    order = Order(choice_of(File("tiny.gguf", (UrlSource(URL),))))
    one, other = (herd_at(tmp_path / "home", carrier) for _ in range(2))
    first = one.start(order)
    while not carrier.asked:
        assert not first.wait(0.005)
    second = other.start(order)
    while second.progress().note != "another herd is installing this model":
        assert not second.wait(0.005)
    gate.set()

    assert first.wait(5)
    assert second.wait(5)
    assert second.outcome is not None
    assert second.outcome.was_there
    assert carrier.asked == [URL]
    again = one.installer.install(order)
    assert not again.was_there  # nobody waited: the address may give others by now


def test_a_waiting_install_can_be_stopped(tmp_path: Path, carrier: FakeCarrier) -> None:
    carrier.gates[URL] = gate = threading.Event()
    one, other = (herd_at(tmp_path / "home", carrier) for _ in range(2))
    first = one.start(Order(choice_of(FILE)))
    while not carrier.asked:
        assert not first.wait(0.005)
    second = other.start(Order(choice_of(FILE)))
    second.stop()

    assert second.wait(5)
    assert isinstance(second.error, Interrupted)
    gate.set()
    assert first.wait(5)


def test_closing_stops_what_runs(herd: Herd, carrier: FakeCarrier) -> None:
    carrier.gates[URL] = threading.Event()
    job = herd.start(Order(choice_of(FILE)))

    herd.close()

    assert job.is_over


def test_an_unforeseen_error_ends_the_job_with_a_sentence(herd: Herd, carrier: FakeCarrier) -> None:
    carrier.contents.clear()  # the fake now fails in a way that no carrier should

    job = herd.start(Order(choice_of(FILE)))

    assert job.wait(5)
    assert job.error is not None
    assert job.error.message.startswith("Installing tiny:q4_0 failed")


def test_a_local_file_is_copied_and_the_original_stays_as_it_was(tmp_path: Path) -> None:
    original = tmp_path / "mine.gguf"
    original.write_bytes(GGUF)
    mode = original.stat().st_mode
    herd = Herd(herd_at(tmp_path / "home").places)

    herd.installer.install(Order(choice_of(File("mine.gguf", (PathSource(str(original)),)))))

    assert original.read_bytes() == GGUF
    assert original.stat().st_mode == mode
    assert herd.store.has(Sha256(digest(GGUF)), len(GGUF))
