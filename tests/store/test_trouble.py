"""Disks that are full or not ours: one sentence, and the store as it was."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from herd.errors import CannotWrite
from herd.model import Reference
from tests.store.models import bring, is_whole, store_at

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="rights and limits of POSIX")


def install_under(hardship: str, home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.under", hardship, str(home)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.strip()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_a_full_disk_is_said_and_what_was_installed_stays(tmp_path: Path) -> None:
    home = tmp_path / "home"
    old = bring(store_at(home), "tiny:q4", m=b"weights")

    said = install_under("full", home)

    store = store_at(home)
    assert said.startswith(f"6 There is no room for {home}: ")
    assert store.installed() == (old,)
    assert is_whole(store, old)
    store.sweep()
    assert [path.name for path in (home / "manifests" / "tiny").iterdir()] == ["q4.json"]


def test_a_folder_of_somebody_else_is_said_before_anything_is_done(open_folder: Path) -> None:
    home = open_folder / "home"
    home.mkdir(mode=0o555)

    assert (
        install_under("foreign", home) == f"6 {home} cannot be written: it is not yours to write."
    )
    assert list(home.iterdir()) == []


def test_a_store_that_became_somebody_elses_is_said_before_anything_is_done(
    open_folder: Path,
) -> None:
    home = open_folder / "home"
    old = bring(store_at(home), "tiny:q4", m=b"weights")
    for folder in (home, *(path for path in home.rglob("*") if path.is_dir())):
        folder.chmod(0o555)

    said = install_under("foreign", home)
    for folder in (home, *(path for path in home.rglob("*") if path.is_dir())):
        folder.chmod(0o755)

    assert said == f"6 {home} cannot be written: it is not yours to write."
    assert store_at(home).installed() == (old,)


def test_a_lock_that_another_user_left_is_taken_as_well(open_folder: Path) -> None:
    home = open_folder / "home"
    store_at(home).make()
    (home / "locks" / "store.lock").touch(mode=0o444)
    for folder in (home, *(path for path in home.rglob("*") if path.is_dir())):
        folder.chmod(0o777)

    assert install_under("foreign", home) == "0 installed"


def test_a_home_that_is_a_file_is_said(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")

    with pytest.raises(CannotWrite) as caught, store_at(home).hold(Reference("tiny", "q4")):
        pass

    assert caught.value.message.startswith(f"{home} cannot be written: ")
    assert store_at(home).installed() == ()
    assert home.read_text() == "a file"


def test_a_disk_that_knows_no_hard_links_gets_other_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    store = store_at(tmp_path / "home")
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    by_symlink = bring(store, "soft:q4", m=b"weights")
    monkeypatch.setattr(Path, "symlink_to", refuse)
    by_copy = bring(store, "copied:q4", m=b"weights")

    soft, copied = (tmp_path / "home" / "models" / each for each in ("soft/q4", "copied/q4"))
    assert (soft / "m.gguf").is_symlink()
    assert store.path_of(by_symlink) == soft / "m.gguf"
    assert (copied / "m.gguf").read_bytes() == b"weights"
    assert store.remove(by_copy) == 7
    assert is_whole(store, by_symlink)
    assert store.remove(by_symlink) == 7
    assert not soft.exists()
