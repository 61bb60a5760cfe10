"""Progress where nobody sees a bar: a line now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from herd.cli.bar import shown
from herd.cli.session import Session
from herd.progress import Progress, Stage

if TYPE_CHECKING:
    import pytest


def now(stage: Stage, done: int = 0, note: str = "") -> Progress:
    return Progress(stage, done, 4000, 0.0, note)


def test_why_it_rests_is_said_at_once_and_only_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    night = now(Stage.WAITING, 1000, "until 22:00 (download_hours)")
    with shown(Session(), "tiny") as show:
        show(now(Stage.WAITING))
        show(night)
        monkeypatch.setattr("herd.cli.bar.LINE_EVERY", 0.0)
        show(now(Stage.PAUSED, 1000))
        show(night)
        show(night)
        show(night)
    assert capsys.readouterr().err.splitlines() == [
        "tiny: waiting · until 22:00 (download_hours) · 1.0 kB of 4.0 kB",
        "tiny: paused · 1.0 kB of 4.0 kB",
        "tiny: waiting · until 22:00 (download_hours) · 1.0 kB of 4.0 kB",
    ]


def test_while_it_waits_for_another_herd_a_line_comes_when_that_moved(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.cli.bar.LINE_EVERY", 0.0)
    with shown(Session(), "tiny") as show:
        for done in (1000, 1000, 2000):
            show(now(Stage.WAITING, done, "another herd is installing this model"))
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_what_is_under_way_is_told_again_also_where_nothing_came(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.cli.bar.LINE_EVERY", 0.0)
    with shown(Session(), "tiny") as show:
        show(now(Stage.FETCHING, note="finding peers"))
        show(now(Stage.FETCHING, note="finding peers"))
    assert len(capsys.readouterr().err.splitlines()) == 2
