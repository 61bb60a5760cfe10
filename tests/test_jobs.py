"""Installs under way: paused, resumed, cancelled, moved, limited; and what outlives a quit."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from herd.core import Herd
from herd.download_orders import asked_for, rest_of
from herd.downloads import Asked, Download, Downloads, Wanted
from herd.errors import CannotWrite, Interrupted, SourceFailed, SourceRefused
from herd.install import Order, Outcome
from herd.job import Rest
from herd.jobs import Job, Jobs, State
from herd.model import Choice, File, Licence, Model, UrlSource, Variant
from herd.progress import Stage
from herd.rules import Rules
from tests.tools.fakes import GGUF, FakeCarrier, digest, herd_at, registry_text
from tests.tools.wait import until

ALWAYS = Rules(pauses_metered=False)


def order(name: str) -> Order:
    content = GGUF + name.encode()
    url = f"https://models.example.org/{name}.gguf"
    variant = Variant(
        "q4_0", (File(f"{name}.gguf", (UrlSource(url),), len(content), digest(content)),)
    )
    return Order(Choice(Model(name, name, (variant,), "q4_0", Licence("MIT")), variant))


@pytest.fixture
def carrier() -> FakeCarrier:
    names = ("one", "two", "three", "tiny")
    urls = {f"https://models.example.org/{name}.gguf": name for name in names}
    return FakeCarrier(
        {url: GGUF + name.encode() for url, name in urls.items()},
        {url: threading.Event() for url in urls},
    )


def let_through(carrier: FakeCarrier, name: str) -> None:
    carrier.gates[f"https://models.example.org/{name}.gguf"].set()


@pytest.fixture
def herd(tmp_path: Path, carrier: FakeCarrier) -> Iterator[Herd]:
    herd = herd_at(tmp_path / "home", carrier)
    yield herd
    herd.close()


@pytest.fixture
def jobs(herd: Herd) -> Iterator[Jobs]:
    jobs = Jobs(herd.installer.install, herd.downloads, ALWAYS, herd._discard)
    yield jobs
    jobs.close()


def begin(jobs: Jobs, herd: Herd, name: str) -> Job:
    job = jobs.start(order(name), asked_for(order(name), name, None))
    until(lambda: job.state is not State.RUNNING or job.progress().done > 0)
    return job


def test_a_job_runs_to_its_end(jobs: Jobs, herd: Herd, carrier: FakeCarrier) -> None:
    job = begin(jobs, herd, "one")
    let_through(carrier, "one")
    assert job.wait(10)
    assert job.outcome is not None
    assert job.progress().stage is Stage.DONE
    until(lambda: herd.downloads.all() == ())


def test_a_paused_job_rests_and_goes_on_with_what_is_there(
    jobs: Jobs, herd: Herd, carrier: FakeCarrier
) -> None:
    job = begin(jobs, herd, "one")
    jobs.pause(job)
    until(lambda: job.is_paused)
    assert job.progress().stage is Stage.PAUSED
    assert job.progress().done > 0
    assert not job.is_over
    let_through(carrier, "one")
    jobs.resume(job)
    assert job.wait(10)
    assert job.outcome is not None


def test_a_cancelled_job_leaves_nothing(jobs: Jobs, herd: Herd) -> None:
    job = begin(jobs, herd, "one")
    assert herd.store.begun()
    jobs.cancel(job)
    assert job.wait(10)
    assert isinstance(job.error, Interrupted)
    assert herd.store.begun() == ()
    assert herd.downloads.all() == ()


def test_a_paused_job_can_be_cancelled(jobs: Jobs, herd: Herd) -> None:
    job = begin(jobs, herd, "one")
    jobs.pause(job)
    until(lambda: job.is_paused)
    jobs.cancel(job)
    assert job.wait(10)
    assert herd.store.begun() == ()


def test_so_many_run_at_once_and_the_others_wait_their_turn(
    jobs: Jobs, herd: Herd, carrier: FakeCarrier
) -> None:
    one, two, three = (begin(jobs, herd, name) for name in ("one", "two", "three"))
    assert [job.state for job in (one, two, three)] == [
        State.RUNNING,
        State.RUNNING,
        State.WAITING,
    ]
    assert three.progress().note == "others come first"
    let_through(carrier, "one")
    until(lambda: three.state is State.RUNNING)


def test_a_pause_lets_the_next_one_run(jobs: Jobs, herd: Herd) -> None:
    one, _, three = (begin(jobs, herd, name) for name in ("one", "two", "three"))
    jobs.pause(one)
    until(lambda: three.state is State.RUNNING)


def test_a_moved_job_has_its_turn_earlier(herd: Herd, carrier: FakeCarrier) -> None:
    jobs = Jobs(herd.installer.install, herd.downloads, replace(ALWAYS, at_once=1))
    one, two, three = (begin(jobs, herd, name) for name in ("one", "two", "three"))
    jobs.move(three, before=two)
    assert jobs.all() == (one, three, two)
    assert [each.name for each in herd.downloads.all()] == [one.name, three.name, two.name]
    let_through(carrier, "one")
    until(lambda: three.state is State.RUNNING)
    assert two.state is State.WAITING
    jobs.close()


def test_a_job_that_fails_stays_in_the_list(jobs: Jobs, herd: Herd, carrier: FakeCarrier) -> None:
    carrier.contents["https://models.example.org/one.gguf"] = b"GGUF something else"
    job = begin(jobs, herd, "one")
    let_through(carrier, "one")
    assert job.wait(10)
    assert job.error is not None
    until(lambda: any(each.stage == "failed" for each in herd.downloads.all()))
    [entry] = herd.downloads.all()
    assert entry.wanted is Wanted.PAUSE
    assert entry.total is not None
    assert not entry.is_owned


@pytest.mark.parametrize(("failure", "rests"), [(SourceRefused, 0), (SourceFailed, 1)])
def test_only_what_may_come_yet_rests_in_the_list(
    jobs: Jobs, herd: Herd, carrier: FakeCarrier, failure: type[SourceFailed], rests: int
) -> None:
    carrier.failure = failure("Nobody has it.")
    assert begin(jobs, herd, "one").wait(10)
    assert len(herd.downloads.all()) == rests


def test_another_process_pauses_limits_and_cancels_through_the_list(jobs: Jobs, herd: Herd) -> None:
    job = begin(jobs, herd, "one")
    elsewhere = Downloads(herd.places.downloads)
    [entry] = elsewhere.all()
    assert entry.is_owned
    elsewhere.set_limit(job.name, 77_000)
    elsewhere.want(job.name, Wanted.PAUSE)
    until(lambda: job.is_paused)
    assert job.limit == 77_000
    until(lambda: [(each.stage, each.rate) for each in elsewhere.all()] == [("paused", 0)])
    elsewhere.set_upload_limit(job.name, 33_000)
    elsewhere.upload_limit = 44_000
    until(lambda: (job.upload_limit, jobs.upload_limit) == (33_000, 44_000))
    elsewhere.limit = 90_000
    until(lambda: jobs.budget.limit == 90_000)
    elsewhere.want(job.name, Wanted.CANCEL)
    assert job.wait(10)
    assert elsewhere.all() == ()


def test_a_process_that_only_has_the_number_of_a_dead_one_owns_nothing(
    jobs: Jobs, herd: Herd
) -> None:
    begin(jobs, herd, "one")
    [entry] = herd.downloads.all()
    assert entry.is_owned
    assert not replace(entry, owner_since=1).is_owned
    assert not replace(entry, owner=1 << 22).is_owned
    assert not replace(entry, owner=None).is_owned


DOING = """
import sys, threading
from pathlib import Path
from herd.downloads import Asked, Download, Downloads
downloads = Downloads(Path(sys.argv[1]))
downloads.put("one:q4_0", Asked("one"))
downloads.report(Download("one:q4_0", Asked("one"), stage="fetching", done=77, total=99))
print("ready", flush=True)
sys.stdin.readline()
"""


def test_what_another_process_downloads_is_left_to_it(
    jobs: Jobs, herd: Herd, carrier: FakeCarrier
) -> None:
    path = herd.places.downloads
    other = subprocess.Popen(
        [sys.executable, "-c", DOING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"ready\n"
    try:
        job = begin(jobs, herd, "one")
        [entry] = herd.downloads.all()
        assert entry.is_elsewhere
        job.stop()
        assert job.wait(10)
        [entry] = herd.downloads.all()
        assert (entry.done, entry.wanted) == (77, Wanted.RUN), "the other one is not stopped"
        again = begin(jobs, herd, "one")
    finally:
        other.communicate(b"\n")
    until(lambda: herd.downloads.all()[0].owner == os.getpid())
    let_through(carrier, "one")
    assert again.wait(10)
    until(lambda: herd.downloads.all() == ())


def test_progress_can_be_read_by_another_process(jobs: Jobs, herd: Herd) -> None:
    begin(jobs, herd, "one")
    until(lambda: any(each.done > 0 for each in Downloads(herd.places.downloads).all()))


def test_the_list_survives_a_quit_and_the_next_herd_goes_on(
    tmp_path: Path, carrier: FakeCarrier
) -> None:
    folder = tmp_path / "quit" / "registries"
    folder.mkdir(parents=True)
    content = carrier.contents["https://models.example.org/tiny.gguf"] = GGUF
    (folder / "test.yaml").write_text(registry_text("https://models.example.org/tiny.gguf"))
    first = herd_at(tmp_path / "quit", carrier)
    job = first.start(Order(first.choose("tiny")))
    until(lambda: job.progress().done > 0)
    first.jobs.set_limit(1 << 30, job)
    first.close()
    assert job.is_over

    let_through(carrier, "tiny")
    second = herd_at(tmp_path / "quit", carrier)
    [entry] = second.downloads.all()
    assert entry.wanted is Wanted.RUN
    [again] = second.restore()
    assert again.limit == 1 << 30
    assert again.wait(10)
    assert again.outcome is not None
    assert second.store.installed()[0].size == len(content)
    second.close()


def test_a_job_that_hangs_is_let_go_of_and_restored_as_paused(herd: Herd) -> None:
    let_go = threading.Event()

    def hang(_: Order) -> Outcome:
        let_go.wait(60)
        raise Interrupted("At last.")

    jobs = Jobs(hang, herd.downloads, ALWAYS, herd._discard)
    job = jobs.start(order("one"), asked_for(order("one"), "one", None))
    jobs.stop(job, patience=0.0)
    jobs.close()
    assert [entry.wanted for entry in herd.downloads.all()] == [Wanted.PAUSE]
    let_go.set()


def test_what_the_person_stopped_is_restored_as_paused(herd: Herd, jobs: Jobs) -> None:
    job = begin(jobs, herd, "one")
    job.stop()
    assert job.wait(10)
    [entry] = herd.downloads.all()
    assert entry.wanted is Wanted.PAUSE


def test_what_failed_in_an_earlier_process_says_so_where_it_rests(
    herd: Herd, carrier: FakeCarrier
) -> None:
    folder = herd.places.user_registries
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test.yaml").write_text(registry_text("https://models.example.org/tiny.gguf"))
    name = str(herd.choose("tiny").reference)
    herd.downloads.put(name, Asked("tiny"), Wanted.PAUSE)
    herd.downloads.report(Download(name, Asked(""), stage="failed", note="nobody had it"))
    herd.downloads.let_go(name, Wanted.PAUSE)

    [job] = herd.restore()

    until(lambda: job.progress().note == "nobody had it")
    assert job.progress().stage is Stage.FAILED
    until(lambda: herd.downloads.all()[0].note == "nobody had it")
    assert rest_of(herd.downloads.all()[0]) == Rest(Stage.FAILED, "nobody had it")
    herd.jobs.resume(job)
    until(lambda: job.progress().note != "nobody had it")


def test_a_list_that_does_not_read_keeps_nothing_from_running(
    herd: Herd, carrier: FakeCarrier
) -> None:
    herd.places.downloads.parent.mkdir(parents=True, exist_ok=True)
    herd.places.downloads.write_bytes(b"this is no database at all" * 100)
    jobs = Jobs(herd.installer.install, herd.downloads, ALWAYS)
    job = jobs.start(order("one"), asked_for(order("one"), "one", None))
    let_through(carrier, "one")
    assert job.wait(10)
    assert job.outcome is not None
    jobs.close()


@pytest.mark.parametrize("spoilt", ["wanted = 'later'", "owner = 'nobody'", "place = 'first'"])
def test_an_entry_of_another_kind_keeps_no_job_from_its_turn(
    herd: Herd, carrier: FakeCarrier, spoilt: str
) -> None:
    herd.downloads.put("other:q4", Asked("other:q4"))
    with closing(sqlite3.connect(herd.places.downloads)) as connection, connection:
        connection.execute(f"UPDATE download SET {spoilt}")  # noqa: S608  # ours
    with pytest.raises(CannotWrite, match="does not read or write: an entry is of another kind"):
        herd.downloads.all()

    jobs = Jobs(herd.installer.install, herd.downloads, replace(ALWAYS, at_once=1))
    first, second = (
        jobs.start(order(name), asked_for(order(name), name, None)) for name in ("one", "two")
    )
    let_through(carrier, "one")
    let_through(carrier, "two")
    assert first.wait(10)
    assert second.wait(10)
    assert second.outcome is not None
    jobs.close()
