"""`herd move-store`: the models elsewhere, and herd looking there."""

from __future__ import annotations

from pathlib import Path

from tests.cli.calling import Caller


def test_the_store_moves_and_comes_back(herd: Caller, tmp_path: Path) -> None:
    herd("install", "tiny")
    drive = tmp_path / "drive" / "herd"

    ran = herd("move-store", str(drive), "-y")

    assert ran.code == 0
    assert f"Moved 1 model, 4.1 kB, to {drive}" in ran.err
    assert (drive / "models" / "tiny" / "q4_0" / "tiny.gguf").is_file()
    assert not (herd.home / "models" / "tiny").exists()
    assert [each["reference"] for each in herd.json("list")] == ["tiny:q4_0"]
    assert herd("verify", "--all").code == 0

    assert herd("move-store", str(herd.home), "-y").code == 0
    assert (herd.home / "models" / "tiny" / "q4_0" / "tiny.gguf").is_file()
    assert "store" not in (herd.home / "config.toml").read_text()


def test_an_unplugged_drive_is_said_and_is_no_error_at_the_start(
    herd: Caller, tmp_path: Path
) -> None:
    herd("install", "tiny")
    drive = tmp_path / "drive"
    herd("move-store", str(drive), "-y")
    drive.rename(tmp_path / "unplugged")

    listed = herd("list")
    assert (listed.code, listed.out) == (0, "")
    assert f"The store at {drive} is not there" in listed.err
    assert herd("search", "tiny").code == 0
    assert herd("info", "tiny").code == 0
    assert herd("install", "tiny").code == 6
    ran = herd("run", "tiny", "hello")
    assert (ran.code, "is not there" in ran.err, "fetches it" in ran.err) == (3, True, False)
    assert herd("prune", "-y").code == 6
    assert f"The store at {drive} is not there" in herd("doctor").out
    assert not drive.exists()
    (tmp_path / "unplugged").rename(drive)
    assert herd("verify").code == 0


def test_what_a_stopped_move_left_at_home_is_cleared_by_the_same_command(
    herd: Caller, tmp_path: Path
) -> None:
    herd("install", "tiny")
    drive = tmp_path / "drive"
    (herd.home / "config.toml").write_text(f'store = "{drive}"\n')

    assert herd("move-store", str(drive), "-y").code == 0

    assert [each["reference"] for each in herd.json("list")] == ["tiny:q4_0"]
    assert not (herd.home / "models" / "tiny").exists()


def test_a_folder_with_other_things_in_it_is_refused(herd: Caller, tmp_path: Path) -> None:
    (tmp_path / "photos" / "llama").mkdir(parents=True)

    assert herd("move-store", str(tmp_path / "photos"), "-y").code == 2
