"""When waiting for a swarm is over: judged from looks and a clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.transfer.swarm_watch import Look, Overdue, Phase, Reports, SwarmPatience, SwarmWatch

PATIENCE = SwarmPatience(metadata=30, stalled=60, banned=15)


def judged(*looks: tuple[float, Look], reports: Reports | None = None) -> list[Overdue | None]:
    """The verdict of each look at its moment."""
    watch = SwarmWatch(PATIENCE, 0.0)
    return [watch.judge(look, reports or Reports(), moment) for moment, look in looks]


def fetching(done: int, peers: int = 1) -> Look:
    return Look(Phase.FETCHING, done=done, peers=peers)


def test_metadata_is_waited_for_as_long_as_was_granted() -> None:
    asking = Look(Phase.ASKING)
    assert judged((1, asking), (29, asking), (31.5, asking)) == [None, None, Overdue.NO_METADATA]


def test_a_swarm_that_gives_nothing_new_is_stalled() -> None:
    same = fetching(5)
    assert judged((1, same), (60, same), (62, same)) == [None, None, Overdue.STALLED]


def test_where_a_mirror_waits_for_an_empty_swarm_it_is_given_up_sooner() -> None:
    watch = SwarmWatch(PATIENCE, now=0)
    alone = fetching(0, peers=0)
    seen = [watch.judge(alone, Reports(), now, is_aside=True) for now in (1, 2.5, 5)]
    assert seen == [None, None, Overdue.STALLED]


def test_every_new_byte_begins_the_wait_afresh() -> None:
    looks = [(float(second), fetching(second)) for second in range(0, 600, 50)]
    assert set(judged(*looks)) == {None}


def test_a_piece_that_comes_and_goes_is_no_progress() -> None:
    looks = [(float(second), fetching(second % 40)) for second in range(0, 200, 10)]
    assert judged(*looks)[-1] is Overdue.STALLED


def test_a_check_of_what_is_there_takes_the_time_it_takes() -> None:
    checking = Look(Phase.CHECKING)
    assert judged((1, fetching(1)), (500, checking), (510, fetching(1))) == [None, None, None]


def test_what_was_checked_before_a_session_began_is_not_held_against_it() -> None:
    watch = SwarmWatch(PATIENCE, now=0)
    assert watch.judge(fetching(1), Reports(), 1) is None
    watch.rest(500)
    assert watch.judge(fetching(1), Reports(), 510) is None


def test_a_swarm_without_peers_whose_peers_were_banned_is_given_another_session() -> None:
    reports = Reports(banned={"192.0.2.1"})
    alone = fetching(1, peers=0)
    assert judged((1, alone), (8, alone), (17, alone), reports=reports) == [
        None,
        None,
        Overdue.SPOILT,
    ]


@pytest.mark.parametrize("reports", [Reports(banned={"192.0.2.1"}), Reports(is_spoilt=True)])
def test_so_is_one_whose_peers_stay_and_give_nothing_more(reports: Reports) -> None:
    """On parole nobody is asked for a piece of which another one gave some."""
    assert judged((1, fetching(1)), (17, fetching(1)), reports=reports)[-1] is Overdue.SPOILT


def test_bans_beside_peers_that_give_are_nothing_to_act_on() -> None:
    reports = Reports(banned={"192.0.2.1"})
    looks = [(float(second), fetching(second)) for second in range(0, 100, 14)]
    assert set(judged(*looks, reports=reports)) == {None}


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 3)), max_size=60))
def test_it_never_stalls_while_bytes_come_and_always_does_when_none_come(
    steps: list[tuple[float, int]],
) -> None:
    watch, now, done, quiet, best = SwarmWatch(PATIENCE, 0.0), 0.0, 0, 0.0, -1
    for passed, gained in steps:
        now, done = now + passed, done + gained
        quiet = 0.0 if done > best else quiet + passed
        best = max(best, done)
        verdict = watch.judge(fetching(done), Reports(), now)
        assert (verdict is Overdue.STALLED) == (quiet >= PATIENCE.stalled)
        if verdict:
            return


def test_what_a_tracker_says_is_one_short_plain_line() -> None:
    reports = Reports()
    reports.heard("http://tracker.example/announce", "\x1b[31mno\n\nway" + "!" * 1000)
    line = reports.sentence
    assert line.startswith("tracker.example says: [31mno way!!!")
    assert line.endswith("!; 0 peers seen")
    assert len(line) < 250


def test_one_on_trial_that_is_banned_again_is_not_waited_for_as_long() -> None:
    watch, alone = SwarmWatch(PATIENCE, now=0), fetching(1, peers=0)
    reports = Reports(banned={"192.0.2.1"})
    seen = [watch.judge(alone, reports, now, is_trial=True) for now in (1, 3, 5)]
    assert seen == [None, None, Overdue.SPOILT]
    watch.rest(6)
    seen = [watch.judge(alone, Reports(), now, is_trial=True) for now in (7, 20, 22)]
    assert seen == [None, None, Overdue.SPOILT]
