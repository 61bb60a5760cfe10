"""The ledger and its journal: what was written is known at once, and nothing else is believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from herd.errors import CannotWrite
from herd.staging import Staged
from herd.transfer import ledger
from herd.transfer.board import Board
from herd.transfer.extents import Extents
from herd.transfer.keeper import Keeper
from herd.transfer.ledger import LOG, SUFFIX, Note, Run, Spans
from herd.transfer.sheet import Sheet
from tests.transfer.desk import eventually

SIZE = 1_000_000
ONE, TWO = "http://one.example/m", "http://two.example/m"


class Notes:
    """A part under way, and what a next try would believe of it."""

    def __init__(self, staged: Staged) -> None:
        self.staged = staged
        self.board = Board(SIZE)
        self.sheet = Sheet(staged.part)
        self.keeper = Keeper(staged, self.sheet, self.board, (ONE, TWO), dict)

    def wrote(self, giver: str, start: int, stop: int) -> None:
        self.board.wrote(giver, start, stop)
        self.keeper.wrote(giver, start, stop)

    @property
    def believed(self) -> dict[str, Spans]:
        note = ledger.load(self.staged)
        return dict(note.given) if note else {}


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(Staged(tmp_path / "file.part"))


def test_what_was_written_is_known_at_once(notes: Notes) -> None:
    notes.wrote(ONE, 0, 1000)
    assert notes.believed == {ONE: [(0, 1000)]}
    notes.wrote(TWO, 5000, 6000)
    notes.wrote(ONE, 1000, 1500)
    assert notes.believed == {ONE: [(0, 1500)], TWO: [(5000, 6000)]}


def test_bytes_that_came_again_are_the_last_givers(notes: Notes) -> None:
    notes.wrote(ONE, 0, 1000)
    notes.wrote(TWO, 200, 400)
    assert notes.believed == {ONE: [(0, 200), (400, 1000)], TWO: [(200, 400)]}


def test_bytes_that_were_thrown_away_are_not_believed_any_more(notes: Notes) -> None:
    notes.wrote(ONE, 0, 1000)
    notes.board.reopen(Extents([(0, 1000)]))
    notes.keeper.restart()
    assert notes.believed == {}
    notes.wrote(TWO, 0, 10)
    assert notes.believed == {TWO: [(0, 10)]}


def test_after_a_power_cut_the_journal_is_not_believed(
    notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes.wrote(ONE, 0, 1000)
    monkeypatch.setattr(ledger, "boot_id", lambda: "another boot")
    assert notes.believed == {}


@pytest.mark.parametrize(
    "line",
    [
        b"RUN 5000 6000",
        b"RUN 5000 6000 0 torn",
        b"RUN 5000 6000 7\n",
        b"RUN 5000 99999999 0\n",
        b"RUN 6000 5000 0\n",
        b"RUN -5 7 0\n",
        b"RUN 1_000 2_000 0\n",
        b"other 5000 6000 0\n",
        b"\xff\xfe\n",
        b"RUN " + b"9" * 5000 + b" 1 0\n",
        bytes(4096),
    ],
)
def test_a_line_that_does_not_read_is_not_believed(notes: Notes, line: bytes) -> None:
    notes.wrote(ONE, 0, 1000)
    path = notes.staged.beside(LOG)
    run = path.read_bytes().split()[0]
    with path.open("ab") as stream:
        stream.write(line.replace(b"RUN", run))
    assert notes.believed == {ONE: [(0, 1000)]}


def test_the_end_leaves_the_ledger_alone(notes: Notes) -> None:
    notes.wrote(ONE, 0, 1000)
    notes.keeper.end(is_kept=True)
    assert not notes.staged.beside(LOG).exists()
    assert notes.believed == {ONE: [(0, 1000)]}


def test_a_journal_that_is_full_begins_anew(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("herd.transfer.journal.FULL", 100)
    monkeypatch.setattr("herd.transfer.keeper._SYNC_EVERY", 0.01)
    notes.keeper.start()
    for at in range(0, 4000, 10):
        notes.wrote(ONE, at, at + 10)
    path = notes.staged.beside(LOG)
    eventually(lambda: path.stat().st_size < 100)
    assert notes.believed == {ONE: [(0, 4000)]}
    notes.keeper.end(is_kept=True)


def test_what_cannot_be_noted_at_the_end_leaves_the_journal_and_no_open_file(notes: Notes) -> None:
    notes.wrote(ONE, 0, 10)
    notes.wrote(ONE, 10, 20)
    notes.staged.beside(SUFFIX + ".new").mkdir()  # in the way of the next note
    assert notes.staged.beside(LOG) in open_files()

    with pytest.raises(CannotWrite):
        notes.keeper.end(is_kept=True)
    assert notes.staged.beside(LOG) not in open_files()
    assert notes.believed == {ONE: [(0, 20)]}


def test_a_large_file_that_two_gave_in_turns_is_known(tmp_path: Path) -> None:
    staged, mib = Staged(tmp_path / "file.part"), 1 << 20
    given = {
        giver: [(at * mib, (at + 1) * mib) for at in range(first, 100_000, 2)]
        for first, giver in enumerate((ONE, TWO))
    }
    ledger.save(staged, Note(100_000 * mib, 1, given), Run(), given)

    note = ledger.load(staged)
    assert note
    assert note.given == given


def open_files() -> set[Path]:
    return {each.resolve() for each in Path("/proc/self/fd").iterdir()}
