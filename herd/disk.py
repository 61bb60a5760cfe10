"""The disk: steps that a kill cannot halve, and the words for what the system says.

Every step may raise OSError; `writing` turns that into a HerdError at the edge.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from stat import S_ISREG

from herd.errors import CannotWrite, HerdError, NoRoom

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_VIRTUAL = ("vd", "xvd")
"""How Linux calls the disks of virtio and Xen."""
_READ_ONLY = errno.EROFS
_LACKS_FOLDER = frozenset({errno.ENOENT, errno.ENOTDIR})
_NOWHERE = "Make the folder that it is to be in, or name another place."
_NOT_WRITABLE = "Make it writable, or set HERD_HOME to another folder."
_NOT_OURS = frozenset({errno.EACCES, errno.EPERM})


def trouble(error: OSError, path: Path, hint: str | None = None) -> HerdError:
    """The words for a system's error met while writing at `path`; they name the path.

    Args:
        error: What the system says.
        path: Where it was met.
        hint: What to do where the place is wrong; by default about herd's own folder.
    """
    if error.errno in _NO_ROOM:
        return NoRoom(
            f"There is no room for {path}: {_reason(error)}.",
            "Free some room and run the same command again; what was fetched is kept.",
        )
    if error.errno == _READ_ONLY:
        reason = "its disk is read-only"
    elif error.errno in _NOT_OURS:
        reason = "it is not yours to write"
    else:
        reason = _reason(error)
    return CannotWrite(
        f"{path} cannot be written: {reason}.",
        hint or (_NOWHERE if error.errno in _LACKS_FOLDER else _NOT_WRITABLE),
    )


@contextmanager
def writing(path: Path, hint: str | None = None) -> Iterator[None]:
    """Put the system's errors at a path into words; the hint is that of `trouble`.

    Raises:
        NoRoom: the disk, the quota or the largest size of a file is reached.
        CannotWrite: anything else.
    """
    try:
        yield
    except OSError as error:
        raise trouble(error, path, hint) from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they are still there after a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    fsync_folder(folder.parent)


def fsync(path: Path) -> None:
    """Have the content of a file reach the disk."""
    opened = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def fsync_folder(folder: Path) -> None:
    """Have the names in a folder reach the disk; where the system cannot, nothing is done."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        # Some network and FUSE disks know no fsync of folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(opened)


def replace(source: Path, target: Path) -> None:
    """Move a file to a name in place of what has it; both folders reach the disk."""
    source.replace(target)
    fsync_folder(target.parent)
    if source.parent != target.parent:
        fsync_folder(source.parent)


def remove(path: Path) -> int:
    """Remove a file that may be gone already; bytes freed, 0 while other names hold it."""
    try:
        found = path.lstat()
        path.unlink()
    except FileNotFoundError:
        return 0
    return found.st_size if found.st_nlink == 1 and S_ISREG(found.st_mode) else 0


def remove_if_empty(folder: Path) -> None:
    """Remove a folder in which nothing lies; leave any other as it is."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def write(path: Path, content: bytes) -> None:
    """Write a small file that reaches the disk before this returns; not atomic."""
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def write_whole(
    path: Path, content: bytes | Callable[[], bytes], *, is_waited_for: bool = True
) -> None:
    """Write a small file so that a kill leaves the old content or the new, through `*.new`.

    Args:
        path: The file.
        content: What to write, or what makes it; no other herd writes the file meanwhile.
        is_waited_for: Whether it reaches the disk before this returns. Else a power cut may leave
            it torn: for what shows that by itself and can be made anew.
    """
    fresh = path.with_name(path.name + ".new")
    with _alone(fresh):
        try:
            made = content() if callable(content) else content
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        if is_waited_for:
            write(fresh, made)
            replace(fresh, path)
        else:
            fresh.write_bytes(made)
            fresh.replace(path)


@contextmanager
def _alone(fresh: Path) -> Iterator[None]:
    """Have a file that is about to be written and renamed to oneself, where the system can."""
    if os.name == "nt":
        yield  # it renames no file that is open
        return
    from fcntl import LOCK_EX, flock

    while True:
        with fresh.open("ab") as stream:
            with suppress(OSError):  # some network disks know no locks
                flock(stream, LOCK_EX)
            if _is_still(stream.fileno(), fresh):
                yield
                return


def _is_still(opened: int, path: Path) -> bool:
    """Whether an open file has this name yet: whoever had it before has renamed it."""
    try:
        return os.path.samestat(os.fstat(opened), path.stat())
    except FileNotFoundError:
        return False


Mark = tuple[int, ...]
"""What changes when a file is written to or replaced."""


def mark(path: Path) -> Mark:
    """How a file stands now, to see later whether it is still the same. Raises OSError."""
    found = path.stat()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next((each for each in (path, *path.parents) if each.exists()), Path(path.anchor))


def free(path: Path) -> int:
    """Bytes free on the disk where the path is or would be."""
    return shutil.disk_usage(nearest(path)).free


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or "unknown trouble").lower()


def read_into(stream: FileIO, view: memoryview) -> int:
    """Fill a buffer from a file; the bytes that came, fewer only at its end."""
    done = 0
    while done < len(view):
        count = stream.readinto(view[done:])
        if not count:
            break
        done += count
    return done


def turns(path: Path, devices: Path = Path("/sys/dev/block")) -> bool:
    """Whether a path lies on a disk that turns, as far as Linux says so.

    A virtual disk says so by default, and what is beneath it nobody knows: it is not believed.
    """
    try:
        device = nearest(path).stat().st_dev
        where = (devices / f"{os.major(device)}:{os.minor(device)}").resolve()
        for folder in (where, where.parent):
            queue = folder / "queue" / "rotational"
            if queue.is_file():
                if folder.name.startswith(_VIRTUAL):
                    return False
                return queue.read_text().strip() == "1"
    except (OSError, AttributeError):
        return False
    return False


def write_all(stream: FileIO, content: bytes | memoryview) -> None:
    """Write all bytes at the place where the file stands."""
    left = memoryview(content)
    while left:
        left = left[stream.write(left) :]


def ordinary(path: Path) -> FileIO:
    """An ordinary file to read; whoever puts a pipe or a device there makes nobody wait.

    Raises:
        OSError: there is none, or it is something else.
    """
    return FileIO(path, "rb", opener=_opened)


def small(path: Path, most: int, *, through_links: bool = True) -> bytes | None:
    """The content of an ordinary file; None where there is none, or a longer one.

    Args:
        path: The file.
        most: Bytes.
        through_links: Whether a link to a file will do.
    """
    try:
        with FileIO(path, "rb", opener=_opened if through_links else _opened_itself) as stream:
            content = stream.read(most + 1)
    except OSError:
        return None
    return content if len(content) <= most else None


def _opened_itself(path: str, flags: int) -> int:
    return _opened(path, flags | getattr(os, "O_NOFOLLOW", 0))


def _opened(path: str, flags: int) -> int:
    opened = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if S_ISREG(os.fstat(opened).st_mode):
        return opened
    os.close(opened)
    raise OSError(errno.EINVAL, "it is no ordinary file", path)


def stretch(path: Path, span: range) -> bytes | None:
    """Bytes of a file; None when it does not have all of them, or cannot be read."""
    try:
        with ordinary(path) as stream:
            stream.seek(span.start)
            content = stream.read(len(span))
            while len(content) < len(span) and (more := stream.read(len(span) - len(content))):
                content += more  # some network disks give less at once
    except OSError:
        return None
    return content if len(content) == len(span) else None


def digest(path: Path, took: Callable[[int], None] = lambda _: None) -> str:
    """The sha256 of a file in hex; `took` is told how many bytes each step read."""
    import hashlib  # drags OpenSSL in

    found, buffer = hashlib.sha256(), memoryview(bytearray(1024 * 1024))
    with ordinary(path) as stream:
        expect_all(stream)
        while count := stream.readinto(buffer) or 0:
            found.update(buffer[:count])
            took(count)
    return found.hexdigest()


def expect_all(stream: FileIO) -> None:
    """Tell the system that an open file is read from end to end: it reads ahead further."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)


def files_below(folder: Path, *, most: int, deepest: int) -> Iterator[Path]:
    """Ordinary files below a folder, in order; links are neither followed nor given."""
    count = 0
    for root, folders, names in os.walk(folder):
        depth = len(Path(root).relative_to(folder).parts)
        folders[:] = sorted(folders) if depth < deepest else []
        for path in (Path(root, name) for name in sorted(names)):
            count += 1
            if count > most:
                return
            if not path.is_symlink() and path.is_file():
                yield path
