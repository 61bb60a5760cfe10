"""Who of the banned may come to the next session of a swarm."""

from __future__ import annotations

from herd.transfer.swarm_suspects import Suspects


def test_before_anybody_was_banned_all_may_come() -> None:
    assert Suspects().closed == ()


def test_of_those_who_were_banned_together_one_after_the_other_may_come() -> None:
    suspects = Suspects()
    suspects.note({"a", "b", "c"})
    assert (suspects.on_trial, suspects.closed) == ("a", ("b", "c"))
    suspects.note({"a"})
    assert (suspects.on_trial, suspects.closed) == ("b", ("a", "c"))


def test_one_that_does_not_come_is_tried_again_after_the_others() -> None:
    suspects = Suspects()
    suspects.note({"a", "b"})
    suspects.note(())
    assert suspects.on_trial == "b"
    suspects.note({"b"})
    assert suspects.on_trial == "a"


def test_when_all_were_banned_once_more_all_may_come() -> None:
    suspects = Suspects()
    suspects.note({"a", "b"})
    suspects.note({"a"})
    suspects.note({"b"})
    assert (suspects.on_trial, suspects.closed) == (None, ())


def test_where_nobody_was_banned_each_of_a_few_is_tried() -> None:
    suspects = Suspects()
    suspects.note((), [("a", 1), ("b", 1)])
    assert (suspects.on_trial, suspects.closed) == ("a", ("b",))
    suspects.note((), [("a", 1), ("b", 1)])
    assert (suspects.on_trial, suspects.closed) == ("b", ("a",))


def test_where_nobody_was_banned_of_many_all_may_come() -> None:
    suspects = Suspects()
    suspects.note((), [(host, 1) for host in "abcde"])
    assert (suspects.on_trial, suspects.closed) == (None, ())
