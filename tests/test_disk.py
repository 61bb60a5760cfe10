"""Words for what the system says, and steps that reach the disk."""

from __future__ import annotations

import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from herd import disk
from herd.errors import CannotWrite, HerdError, NoRoom

HOME = Path("/somewhere/herd")


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (errno.ENOSPC, NoRoom, "There is no room for /somewhere/herd: no space left on device."),
        (errno.EDQUOT, NoRoom, "There is no room for /somewhere/herd: disk quota exceeded."),
        (errno.EROFS, CannotWrite, "/somewhere/herd cannot be written: its disk is read-only."),
        (errno.EACCES, CannotWrite, "/somewhere/herd cannot be written: it is not yours to write."),
        (errno.EPERM, CannotWrite, "/somewhere/herd cannot be written: it is not yours to write."),
        (errno.EIO, CannotWrite, "/somewhere/herd cannot be written: input/output error."),
    ],
)
def test_trouble_is_one_sentence_with_the_path(code: int, kind: type[HerdError], said: str) -> None:
    error = disk.trouble(OSError(code, os.strerror(code)), HOME)

    assert type(error) is kind
    assert error.message == said
    assert error.hint


def test_an_error_without_words_still_makes_a_sentence() -> None:
    assert disk.trouble(OSError(), HOME).message.endswith("cannot be written: unknown trouble.")


def test_the_hint_fits_what_is_wrong_with_the_place() -> None:
    missing = disk.trouble(OSError(errno.ENOENT, "No such file or directory"), HOME).hint or ""
    closed = disk.trouble(OSError(errno.EACCES, "Permission denied"), HOME).hint or ""

    assert "HERD_HOME" not in missing
    assert "HERD_HOME" in closed
    assert disk.trouble(OSError(errno.EACCES, "x"), HOME, "Name it.").hint == "Name it."


def test_only_the_errors_of_the_system_are_put_into_words() -> None:
    with pytest.raises(CannotWrite) as caught, disk.writing(HOME):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")
    with pytest.raises(ValueError, match="mine"), disk.writing(HOME):
        raise ValueError("mine")

    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "small.json"
    disk.write_whole(path, b"old")
    disk.write_whole(path, b"new")

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_many_who_write_one_file_at_once_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "small"
    disk.write_whole(path, b"0")

    def counted(_: int) -> None:
        for _ in range(20):
            disk.write_whole(path, lambda: str(int(path.read_bytes()) + 1).encode())

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(counted, range(4)))

    assert path.read_bytes() == b"80"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_made_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "small"
    disk.write_whole(path, b"old")

    with pytest.raises(ZeroDivisionError):
        disk.write_whole(path, lambda: bytes(1 // 0))

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_removed_file_frees_its_bytes_once_no_name_is_left(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"12345")
    other.hardlink_to(one)

    assert [disk.remove(one), disk.remove(one), disk.remove(other)] == [0, 0, 5]


def test_a_folder_with_something_in_it_stays(tmp_path: Path) -> None:
    full, empty = tmp_path / "full", tmp_path / "a" / "b" / "empty"
    for folder in (full, empty):
        disk.make_folder(folder)
    (full / "file").touch()

    for folder in (full, empty, tmp_path / "absent"):
        disk.remove_if_empty(folder)

    assert full.is_dir()
    assert not empty.exists()


def test_free_room_is_that_of_the_disk_where_a_path_would_be(tmp_path: Path) -> None:
    absent = tmp_path / "a" / "b" / "c"

    assert disk.nearest(absent) == tmp_path
    assert disk.free(absent) > 0


def test_a_stretch_is_all_of_it_or_none(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")

    assert disk.stretch(path, range(2, 5)) == b"234"
    assert disk.stretch(path, range(8, 12)) is None
    assert disk.stretch(tmp_path / "none", range(1)) is None
    assert disk.stretch(tmp_path, range(1)) is None


def test_files_below_a_folder_are_ordinary_few_and_near(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    for path in (tmp_path / "1", tmp_path / "a" / "2", deep / "3"):
        path.write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "1")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")

    def names(most: int = 100, deepest: int = 9) -> list[str]:
        return [path.name for path in disk.files_below(tmp_path, most=most, deepest=deepest)]

    assert names() == ["1", "2", "3"]
    assert names(deepest=1) == ["1", "2"]
    assert names(most=1) == ["1"]


def test_the_digest_of_a_file_is_told_step_by_step(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(3_000_000))
    steps: list[int] = []

    assert disk.digest(path, steps.append) == hashlib.sha256(bytes(3_000_000)).hexdigest()
    assert sum(steps) == 3_000_000
    assert len(steps) > 1


def test_whether_a_disk_turns_is_answered_for_every_path(tmp_path: Path) -> None:
    assert disk.turns(tmp_path / "not" / "there") in (True, False)
    assert disk.turns(Path("/proc")) is False


@pytest.mark.parametrize(
    ("name", "said", "turns"),
    [("sda", "1", True), ("sda", "0", False), ("vda", "1", False), ("xvdb", "1", False)],
)
def test_a_disk_turns_if_it_says_so_and_can_know(
    tmp_path: Path, name: str, said: str, turns: bool
) -> None:
    device = tmp_path.stat().st_dev
    queue = tmp_path / name / "queue"
    queue.mkdir(parents=True)
    (queue / "rotational").write_text(said)
    (tmp_path / name / f"{name}1").mkdir()
    (tmp_path / f"{os.major(device)}:{os.minor(device)}").symlink_to(tmp_path / name / f"{name}1")

    assert disk.turns(tmp_path, tmp_path) is turns
