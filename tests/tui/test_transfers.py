"""The transfers pane: installs under way, and what can be done with them."""

from __future__ import annotations

import threading

from textual.widgets import Input

from herd.chat import Conversation
from herd.config import load
from herd.errors import NoSourceDelivered
from herd_tui.messages import Install, TransferEnded
from herd_tui.screens.ask import Ask
from herd_tui.widgets.filter import Filter
from herd_tui.widgets.transfers import TransfersPane
from tests.tools.fakes import question
from tests.tui.conftest import Opening
from tests.tui.hand import Hand
from tests.tui.shelf import Given


async def begin(hand: Hand, *names: str) -> None:
    for name in names:
        await hand.command("library.clear")
        await hand.write(name)
        await hand.press("enter")
        await hand.until(lambda name=name: name in pane_names(hand))  # type: ignore[misc]


async def half_way(hand: Hand, name: str) -> None:
    """Begin an install that the test holds in its middle."""
    await begin(hand, name)
    await hand.sees("50 %")


async def pause(hand: Hand, name: str) -> None:
    await half_way(hand, name)
    await hand.command("app.show_transfers")
    await hand.command("transfers.pause")
    await hand.sees("paused")


def pane(hand: Hand) -> TransfersPane:
    return hand.app.screen.query_one(TransfersPane)


def pane_names(hand: Hand) -> list[str]:
    return [line.job.name.partition(":")[0] for line in pane(hand)._lines()]


async def test_the_pane_is_hidden_while_nothing_is_under_way(opened: Opening) -> None:
    async with opened() as hand:
        await hand.until(lambda: not pane(hand).display)
        await hand.command("app.show_transfers")
        await hand.sees("No install is under way.")


async def test_an_install_is_paused_and_goes_on(opened: Opening, given: Given) -> None:
    gate = given.hold("vicuna")
    async with opened() as hand:
        await pause(hand, "vicuna")
        assert any(given.herd.places.staging.rglob("*.part"))
        await hand.looks_like("transfer-paused")
        gate.set()
        await hand.command("transfers.pause")

        await hand.sees("vicuna:q4_0 is installed")
        await hand.until(lambda: not pane(hand).display)


async def test_keys_that_the_line_has_no_room_for_are_left_out_whole(
    opened: Opening, given: Given
) -> None:
    given.hold("vicuna")
    async with opened() as hand:
        await begin(hand, "vicuna")
        await hand.command("app.show_transfers")
        await hand.sees("^q Quit  f1 Help")
        assert "^p" not in hand.screen
        await hand.pilot.resize_terminal(70, 24)
        await hand.until(lambda: "^q" not in hand.screen)
        assert "esc Back  f1 Help" in hand.screen
        await hand.pilot.resize_terminal(100, 24)
        await hand.sees("f1 Help  ^p Commands")


async def test_a_line_that_says_the_same_is_not_drawn_again(opened: Opening, given: Given) -> None:
    given.hold("vicuna")
    async with opened() as hand:
        await pause(hand, "vicuna")
        (line,) = pane(hand)._lines()
        before = line.visual
        hand.app.glance()
        await hand.settle()

        assert line.visual is before


async def test_a_cancelled_install_leaves_nothing(opened: Opening, given: Given) -> None:
    given.hold("vicuna")
    async with opened() as hand:
        await half_way(hand, "vicuna")
        await hand.command("app.show_transfers")
        await hand.command("transfers.cancel")

        await hand.sees("vicuna:q4_0 was cancelled.")
        assert given.herd.store.installed() == ()
        assert not any(given.herd.places.staging.rglob("*.part"))
        await hand.until(lambda: not pane(hand).display)


async def test_a_failed_install_is_tried_again(opened: Opening, given: Given) -> None:
    given.carrier.failure = NoSourceDelivered("Nobody answers.")
    async with opened() as hand:
        await begin(hand, "vicuna")
        await hand.sees("Nobody answers.")
        given.carrier.failure = None
        await hand.command("app.show_transfers")
        await hand.command("transfers.retry")

        await hand.sees("vicuna:q4_0 is installed")
        assert len(hand.got(Install)) == 2


async def test_what_was_under_way_goes_on_when_the_app_is_opened_again(
    opened: Opening, given: Given
) -> None:
    gate = given.hold("vicuna")
    async with opened() as hand:
        await half_way(hand, "vicuna")
    given.herd.close()
    given.renew()
    gate.set()

    async with opened() as hand:
        await hand.sees("vicuna:q4_0 is installed")


async def left_failed(opened: Opening, given: Given) -> None:
    """An app that was left once an install had failed, and the herd of the next one."""
    given.carrier.failure = NoSourceDelivered("Nobody answers.")
    async with opened() as hand:
        await begin(hand, "vicuna")
        await hand.sees("Nobody answers.")
    given.carrier.failure = None
    given.herd.close()
    given.renew()


async def test_what_failed_before_the_app_was_left_says_so_and_is_tried_again(
    opened: Opening, given: Given
) -> None:
    await left_failed(opened, given)
    async with opened() as hand:
        await hand.sees("failed: Nobody answ")
        await hand.command("app.show_transfers")
        assert "Retry" in hand.screen
        await hand.command("transfers.retry")

        await hand.sees("vicuna:q4_0 is installed")


async def test_what_failed_before_the_app_was_left_can_be_taken_off_the_list(
    opened: Opening, given: Given
) -> None:
    await left_failed(opened, given)
    async with opened() as hand:
        await hand.sees("failed: Nobody answ")
        await hand.command("app.show_transfers")
        await hand.command("transfers.dismiss")

        await hand.until(lambda: not pane(hand).display)
        assert given.herd.downloads.all() == ()


async def test_installs_change_places(opened: Opening, given: Given) -> None:
    given.hold("vicuna")
    given.hold("llama-small")
    async with opened() as hand:
        await begin(hand, "vicuna", "llama-small")
        await hand.command("app.show_transfers")
        await hand.command("transfers.later")
        await hand.until(lambda: pane_names(hand) == ["llama-small", "vicuna"])
        await hand.command("transfers.earlier")

        await hand.until(lambda: pane_names(hand) == ["vicuna", "llama-small"])


async def test_an_ended_install_can_be_taken_off_the_list(opened: Opening, given: Given) -> None:
    given.carrier.failure = NoSourceDelivered("Nobody answers.")
    async with opened() as hand:
        await begin(hand, "vicuna")
        await hand.until(lambda: bool(hand.got(TransferEnded)))
        await hand.command("app.show_transfers")
        await hand.command("transfers.dismiss")

        await hand.until(lambda: not pane(hand).display)
        assert given.herd.transfers() == ()


async def test_an_install_that_ended_a_moment_ago_is_not_moved(
    opened: Opening, given: Given
) -> None:
    given.hold("vicuna")
    async with opened() as hand:
        await half_way(hand, "vicuna")
        (job,) = given.herd.jobs.all()
        given.herd.jobs.cancel(job)
        await hand.until(lambda: given.herd.jobs.all() == ())
        hand.app.post_message(TransfersPane.Move(job, 1))
        await hand.settle()

        assert hand.app.is_running


async def test_the_cursor_moves_among_installs_and_goes_back(opened: Opening, given: Given) -> None:
    given.hold("vicuna")
    given.hold("llama-small")
    async with opened() as hand:
        await begin(hand, "vicuna", "llama-small")
        await hand.command("app.show_transfers")
        await hand.command("transfers.down")
        current = pane(hand).current
        assert current
        assert current.name == "llama-small:q4_0"
        await hand.looks_like("two-transfers")
        await hand.command("transfers.up")
        await hand.command("transfers.back")

        assert hand.is_in(Filter)


async def test_an_install_goes_on_while_one_chats(opened: Opening, given: Given) -> None:
    given.install("llama-small")
    gate = given.hold("vicuna")
    async with opened() as hand:
        await begin(hand, "vicuna")
        await hand.command("app.show_chat")
        await hand.sees("50 %")
        gate.set()

        await hand.sees("vicuna:q4_0 is installed")
        assert len(hand.got(TransferEnded)) == 1


async def test_the_bytes_of_an_install_come_from_peers_and_mirrors(
    opened: Opening, given: Given
) -> None:
    given.hold("vicuna")
    given.carrier.at_work = (12, 2)
    async with opened() as hand:
        await begin(hand, "vicuna")
        await hand.sees("12 peers + 2 mirrors")
        await hand.pilot.resize_terminal(110, 30)
        await hand.sees("fetching from 12 peers + 2 mirrors")


async def test_installs_are_limited_while_a_model_answers_and_that_is_kept(
    opened: Opening, given: Given
) -> None:
    given.install("llama-small")
    given.hold("vicuna")
    given.engine.gate = threading.Event()
    async with opened() as hand:
        await begin(hand, "vicuna")
        await hand.command("app.show_transfers")
        await hand.command("transfers.limit_chatting")
        await hand.until(lambda: hand.is_at(Ask))
        hand.app.screen.query_one(Input).value = "500k"
        await hand.press("enter")
        await hand.sees("at most 500.0 kB/s while a model answers")
        await hand.looks_like("transfer-limited")
        assert given.herd.jobs.budget.limit is None
        await hand.until(lambda: load(given.herd.places.config_file).chatting_limit == 500_000)
        given.herd.talk(Conversation(model="llama-small").with_turn(question("Well?")))

        await hand.until(lambda: given.herd.jobs.budget.limit == 500_000)
        given.engine.gate.set()
        await hand.until(lambda: given.herd.jobs.budget.limit is None)


async def asked(hand: Hand, command: str, rate: str) -> None:
    await hand.command(command)
    await hand.until(lambda: hand.is_at(Ask))
    hand.app.screen.query_one(Input).value = rate
    await hand.press("enter")


async def test_one_install_is_limited_and_what_goes_out_of_all(
    opened: Opening, given: Given
) -> None:
    given.hold("vicuna")
    given.carrier.at_work = (1, 0)
    async with opened(size=(120, 30)) as hand:
        await begin(hand, "vicuna")
        await hand.command("app.show_transfers")
        await asked(hand, "transfers.limit_one", "500k")
        await hand.sees("1 peer, at most 500.0 kB/s")
        [job] = given.herd.transfers()
        assert job.limit == 500_000
        await asked(hand, "transfers.limit_upload_one", "50k")
        await hand.sees("at most 500.0 kB/s, 50.0 kB/s out")
        assert job.upload_limit == 50_000
        [entry] = given.herd.downloads.all()
        assert entry.upload_limit == 50_000
        assert given.herd.jobs.upload_limit is None
        assert given.herd.jobs.budget.limit is None
        await asked(hand, "transfers.limit_upload", "0.1")
        await hand.until(lambda: given.herd.jobs.upload_limit == 100_000)
        await asked(hand, "transfers.limit_upload", "0")
        await hand.until(lambda: given.herd.jobs.upload_limit is None)


async def test_an_install_is_limited(opened: Opening, given: Given) -> None:
    given.hold("vicuna")
    async with opened() as hand:
        await begin(hand, "vicuna")
        await hand.command("app.show_transfers")
        await hand.command("transfers.limit")
        await hand.until(lambda: hand.is_at(Ask))
        hand.app.screen.query_one(Input).value = "1.5"
        await hand.press("enter")

        await hand.until(lambda: given.herd.jobs.budget.limit == 1_500_000)
        await hand.sees("at most 1.5 MB/s")
        await hand.command("transfers.limit")
        hand.app.screen.query_one(Input).value = "slow"
        await hand.press("enter")
        await hand.sees("slow is no rate")
