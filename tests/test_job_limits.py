"""How fast installs under way may be: each, all together, out, and while a model answers."""

from __future__ import annotations

from dataclasses import replace

from herd.core import Herd
from herd.install import Order, Outcome
from herd.jobs import Jobs
from tests.test_jobs import ALWAYS, begin, carrier, herd, jobs, order
from tests.tools.wait import until

__all__ = ["carrier", "herd", "jobs"]


def test_a_job_has_a_limit_within_that_of_all(jobs: Jobs, herd: Herd) -> None:
    job = begin(jobs, herd, "one")
    jobs.set_limit(50_000, job)
    jobs.set_limit(80_000)
    assert job.limit == 50_000
    until(lambda: jobs.budget.limit == 80_000)
    assert job.order.budget.tightest == 50_000
    jobs.set_limit(None)
    until(lambda: jobs.budget.limit is None)


def test_a_limit_makes_the_rate_that_is_shown_a_new_one(jobs: Jobs, herd: Herd) -> None:
    job = begin(jobs, herd, "one")
    assert job.progress().rate > 0
    jobs.set_limit(50_000, job)
    assert job.progress().rate == 0


def test_the_limit_of_all_holds_from_the_first_byte_on(herd: Herd) -> None:
    herd.downloads.limit, herd.downloads.upload_limit = 80_000, 7_000
    begun: list[tuple[int | None, int | None]] = []

    def install(order: Order) -> Outcome:
        assert order.budget.out is not None
        begun.append((order.budget.tightest, order.budget.out.tightest))
        return herd.installer.install(order)

    jobs = Jobs(install, herd.downloads, ALWAYS)
    jobs.start(order("one"))
    until(lambda: bool(begun))
    assert begun == [(80_000, 7_000)]
    jobs.close()


def test_what_goes_out_has_the_limit_of_the_settings_until_another_is_set(herd: Herd) -> None:
    jobs = Jobs(herd.installer.install, herd.downloads, replace(ALWAYS, upload_limit=7_000))
    out = jobs.start(order("one")).order.budget.out
    assert out is not None
    assert out.tightest == 7_000
    jobs.set_upload_limit(5_000)
    assert out.tightest == herd.downloads.upload_limit == 5_000
    jobs.set_upload_limit(None)
    assert herd.downloads.upload_limit == 0
    assert jobs.upload_limit is None
    jobs.close()


def test_a_limit_for_chatting_holds_while_a_model_answers(herd: Herd) -> None:
    rules = replace(ALWAYS, limit=1_000_000, chatting_limit=100_000)
    jobs = Jobs(herd.installer.install, None, rules)
    jobs.start(order("one"))
    assert jobs.budget.limit == 1_000_000
    with jobs.while_chatting():
        assert jobs.budget.limit == 100_000
    assert jobs.budget.limit == 1_000_000
    jobs.close()
