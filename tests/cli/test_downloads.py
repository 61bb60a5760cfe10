"""`herd downloads`: what was begun and is not done."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from herd.core import Herd
from herd.downloads import Asked, Wanted
from herd.install import Order
from herd.jobs import Job
from tests.cli.calling import URL, Caller
from tests.tools.fakes import herd_at
from tests.tools.wait import until


@pytest.fixture
def elsewhere(herd: Caller) -> Iterator[Herd]:
    """Another herd on the same store, whose carrier holds the second half back."""
    herd.carrier.gates[URL] = threading.Event()
    other = herd_at(herd.home, herd.carrier)
    yield other
    other.close()


@pytest.fixture
def job(elsewhere: Herd) -> Job:
    """A download that runs in the other herd."""
    job = elsewhere.start(Order(elsewhere.choose("tiny")))
    until(lambda: any(each.done for each in elsewhere.downloads.all()))
    return job


@pytest.mark.parametrize("words", [("pause",), ("resume",), ("cancel", "--all")])
def test_a_wish_for_all_says_that_there_are_none(herd: Caller, words: tuple[str, ...]) -> None:
    ran = herd("downloads", *words)

    assert (ran.code, ran.err.count("Nothing is being downloaded")) == (0, 1)


def test_an_empty_list_says_so(herd: Caller) -> None:
    ran = herd("downloads")
    assert (ran.code, ran.out) == (0, "")
    assert "Nothing is being downloaded" in ran.err


def test_the_list_shows_what_another_herd_runs(herd: Caller, job: Job) -> None:
    ran = herd("downloads")
    assert ran.code == 0
    assert job.name in ran.out
    assert "fetching" in ran.out
    [form] = herd.json("downloads", "list")
    assert form["name"] == job.name
    assert form["done"] > 0
    assert form["process"] is not None
    assert [each["name"] for each in herd.json("downloads")] == [job.name]
    assert herd("downloads", "--json", "pause").code == 2


def test_pause_limit_and_resume_reach_the_herd_that_runs_it(herd: Caller, job: Job) -> None:
    assert herd("downloads", "limit", "tiny", "500k").code == 0
    assert "Paused" in herd("downloads", "pause", "tiny").err
    until(lambda: job.is_paused)
    assert job.limit == 500_000
    assert "in the herd that began it" in herd("downloads", "resume", "tiny").err
    until(lambda: not job.is_paused)


def test_a_wish_that_nobody_has_obeyed_yet_is_shown(herd: Caller, elsewhere: Herd) -> None:
    """This process owns the line, and has no job that would hear of it."""
    elsewhere.downloads.put("gone:q4", Asked("gone:q4"))
    for wish, state in (("pause", "pausing"), ("cancel", "cancelling")):
        herd("downloads", wish, "gone")
        assert state in herd("downloads").out


def test_cancel_throws_away_what_was_fetched(herd: Caller, job: Job, elsewhere: Herd) -> None:
    assert herd("downloads", "cancel", "tiny").code == 0
    assert job.wait(10)
    assert elsewhere.downloads.all() == ()
    assert elsewhere.store.begun() == ()


def test_what_a_quit_left_is_resumed_here_and_now(herd: Caller, job: Job, elsewhere: Herd) -> None:
    elsewhere.close()
    assert "paused" in herd("downloads").out
    herd.carrier.gates[URL].set()
    ran = herd("downloads", "resume")
    assert ran.code == 0
    assert f"Installed {job.name}" in ran.err
    assert "Nothing" in herd("downloads").err


def test_what_a_quit_left_can_be_cancelled(herd: Caller, job: Job, elsewhere: Herd) -> None:
    elsewhere.close()
    assert herd("downloads", "cancel", "tiny").code == 0
    assert elsewhere.downloads.all() == ()
    assert elsewhere.store.begun() == ()


def test_all_can_be_cancelled_at_once(herd: Caller, job: Job, elsewhere: Herd) -> None:
    elsewhere.downloads.put("gone:q4", Asked("gone:q4"), Wanted.PAUSE)
    elsewhere.downloads.let_go("gone:q4", Wanted.PAUSE)
    assert herd("downloads", "cancel").code == 2
    assert herd("downloads", "cancel", "tiny", "--all").code == 2
    assert len(elsewhere.downloads.all()) == 2

    ran = herd("downloads", "cancel", "--all")

    assert (ran.code, ran.err.count("Cancelled")) == (0, 2)
    assert job.wait(10)
    assert elsewhere.downloads.all() == ()
    assert elsewhere.store.begun() == ()
    assert "Nothing is being downloaded" in herd("downloads", "cancel", "--all").err


def test_a_limit_for_all_is_kept_for_the_next_herd(herd: Caller, elsewhere: Herd) -> None:
    assert "2.0 MB/s" in herd("downloads", "limit", "2MB").err
    assert elsewhere.downloads.limit == 2_000_000
    assert "as fast as it comes" in herd("downloads", "limit", "none").err
    assert elsewhere.downloads.limit == 0


def test_what_goes_out_is_limited_too(herd: Caller, job: Job, elsewhere: Herd) -> None:
    assert "tiny:q4_0: 50.0 kB/s out." in herd("downloads", "limit", "tiny", "50k", "--upload").err
    assert herd("downloads", "limit", "tiny", "2MB").code == 0
    assert "2.0 MB/s, 50.0 kB/s out" in herd("downloads").out
    until(lambda: job.upload_limit == 50_000)
    assert "1.0 MB/s out" in herd("downloads", "limit", "1MB", "--upload").err
    until(lambda: elsewhere.jobs.upload_limit == 1_000_000)
    assert "as fast as it goes out" in herd("downloads", "limit", "none", "--upload").err
    until(lambda: elsewhere.jobs.upload_limit is None)
    [form] = herd.json("downloads")
    assert (form["limit"], form["upload_limit"]) == (2_000_000, 50_000)


def test_first_changes_the_order(herd: Caller, job: Job, elsewhere: Herd) -> None:
    elsewhere.downloads.put("later:q4", Asked("later:q4"), Wanted.PAUSE)
    assert [each.name for each in elsewhere.downloads.all()] == [job.name, "later:q4"]
    assert "comes before" in herd("downloads", "first", "later").err
    assert [each.name for each in elsewhere.downloads.all()] == ["later:q4", job.name]


@pytest.mark.parametrize(
    "words", [("pause", "nothing"), ("cancel", "nothing"), ("limit", "x", "5k")]
)
def test_a_name_that_is_not_in_the_list_is_an_error(herd: Caller, words: tuple[str, ...]) -> None:
    ran = herd("downloads", *words)
    assert ran.code == 3
    assert "is not being downloaded" in ran.err


def test_a_rate_that_does_not_read_is_an_error(herd: Caller) -> None:
    ran = herd("downloads", "limit", "fast")
    assert ran.code == 2
    assert "500k" in ran.err
