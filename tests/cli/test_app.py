"""The way to the app: only on a terminal, only with a model that is there."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from herd.core import Herd
from tests.cli.calling import Caller


class Front(ModuleType):
    """The app's package, which notes what it was opened with."""

    def __init__(self) -> None:
        super().__init__("herd_tui")
        self.opened: list[str | None] = []

    def run(self, herd: Herd, model: str | None = None) -> None:
        self.opened.append(model)


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Front:
    front = Front()
    monkeypatch.setitem(sys.modules, "herd_tui", front)
    return front


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("herd.cli.launch.is_terminal", lambda _: True)


@pytest.mark.usefixtures("terminal")
def test_herd_alone_opens_the_app_on_a_terminal(herd: Caller, front: Front) -> None:
    assert herd().code == 0
    assert front.opened == [None]


@pytest.mark.usefixtures("terminal", "front")
def test_herd_alone_reads_no_verbs_on_a_terminal(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "herd.cli.tree", None)  # who imports it fails

    assert herd().code == 0
    assert herd("list").code == 1


@pytest.mark.usefixtures("terminal")
def test_chat_opens_with_the_model_that_was_named_or_one_that_is_here(
    herd: Caller, front: Front
) -> None:
    herd("chat")
    herd("install", "tiny")
    herd("chat", "tiny")
    herd("chat")

    assert front.opened == ["smollm2", "tiny:q4_0", "tiny:q4_0"]


@pytest.mark.usefixtures("terminal")
def test_chat_with_a_model_that_is_not_installed_says_how_to_get_it(
    herd: Caller, front: Front
) -> None:
    ran = herd("chat", "tiny")

    assert (ran.code, front.opened) == (3, [])
    assert "`herd install tiny`" in ran.err


def test_without_a_terminal_the_app_says_what_does_without_one(herd: Caller, front: Front) -> None:
    ran = herd("chat")

    assert (ran.code, front.opened) == (2, [])
    assert ran.err == (
        'herd: The app needs a terminal.\n`herd run MODEL "a question"` answers without one.\n'
    )


@pytest.mark.usefixtures("terminal")
def test_quitting_the_app_by_ctrl_c_is_no_traceback(
    herd: Caller, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(herd: Herd, model: str | None = None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(front, "run", leave)

    ran = herd()

    assert (ran.code, ran.err) == (130, "herd: Interrupted.\n")
