"""Where a registry comes from: an address, a path, a git repository; and bringing it from there."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urldefrag, urlsplit

from herd import disk
from herd.errors import BadUsage, SourceFailed, SourceRefused
from herd.places import expanded
from herd.registries.signature import MOST as MOST_OF_SIGNATURE
from herd.registry.limits import MOST_BYTES
from herd.transfer.ask import Question, Reply, ask
from herd.transfer.ranges import web_page

FILE = "registry.yaml"
"""The name of a registry in a folder or a repository."""
SIGNATURE = ".minisig"
KEY = ".pub"
_GIT_SECONDS = 120
_CLONE = ("--quiet", "--bare", "--depth=1", "--no-tags", f"--filter=blob:limit={MOST_BYTES}")
"""The newest state alone, and of that no file that is larger than a registry may be."""
_GIT_SCHEMES = ("https", "http", "ssh", "git", "file")


@dataclass(frozen=True)
class Copy:
    """A registry as it lies at its location."""

    content: bytes
    signature: str | None = None
    """The content of the .minisig beside it."""
    key: str | None = None
    """The content of the .pub beside it."""
    etag: str | None = None


def absolute(text: str) -> str:
    """The location in the form in which it is kept; paths become absolute.

    Raises:
        BadUsage: it is none.
    """
    if is_git(text):
        url = _git_url(text)
        if urlsplit(url).scheme not in _GIT_SCHEMES and "@" not in url:
            raise BadUsage(f"{text} is no address of a git repository that herd asks.")
        return text
    if text.lower().startswith(("http://", "https://")):
        return text
    path = expanded(text).absolute()
    lacks = "no file is there"
    if path.is_dir():
        path, lacks = path / FILE, f"it has no {FILE} in it"
    if not path.is_file():
        raise BadUsage(
            f"{text} is no registry: {lacks}.",
            "Name an https address, a .yaml file, a folder, or a git repository (git+https://…).",
        )
    return str(path)


def is_git(text: str) -> bool:
    """Whether the location is a git repository."""
    return text.startswith(("git+", "git@", "ssh://")) or urldefrag(text)[0].endswith(".git")


def stem(location: str) -> str:
    """What a registry is called that gives itself no name."""
    if is_git(location):
        return PurePosixPath(urldefrag(location)[0].rpartition(":")[2]).stem
    return PurePosixPath(urlsplit(location).path or location).stem


def bring(
    location: str, etag: str | None = None, stop: threading.Event | None = None
) -> Copy | None:
    """The registry and what lies beside it; None when it is still the one of this validator.

    Raises:
        SourceFailed: it did not come.
        SourceRefused: it will not, or what came is a web page.
        Interrupted: it was stopped.
    """
    if is_git(location):
        return _from_git(location)
    if location.startswith(("http://", "https://")):
        return _from_web(location, etag, stop)
    return _from_disk(Path(location))


def _from_web(url: str, etag: str | None, stop: threading.Event | None) -> Copy | None:
    reply = _asked(url, {"If-None-Match": etag} if etag else {}, MOST_BYTES, stop)
    if reply.status == 304 and etag:
        return None
    where = urlsplit(url).hostname or url
    if reply.status != 200:
        raise SourceRefused(f"{where} has no registry there ({reply.status})")
    if reply.is_web_page:
        raise web_page(where)
    beside = {suffix: _beside(url, suffix, stop) for suffix in (SIGNATURE, KEY)}
    validator = reply.headers.get("ETag", "").strip() or None
    return Copy(reply.content, beside[SIGNATURE], beside[KEY], validator)


def _beside(url: str, suffix: str, stop: threading.Event | None) -> str | None:
    """A small text beside the registry; None when the server has none."""
    parts = urlsplit(url)
    address = parts._replace(path=parts.path + suffix).geturl()
    reply = _asked(address, {}, MOST_OF_SIGNATURE, stop)
    if reply.status != 200 or reply.is_web_page:
        return None
    return reply.content.decode("utf-8", "replace")


def _asked(url: str, headers: Mapping[str, str], most: int, stop: threading.Event | None) -> Reply:
    reply = ask(Question(url, headers, most=most), stop)
    if reply.status >= 500 or reply.status in (408, 425, 429):
        raise SourceFailed(f"{urlsplit(url).hostname} cannot answer now ({reply.status})")
    return reply


def _from_disk(path: Path) -> Copy:
    try:
        with disk.ordinary(path) as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise SourceFailed(f"{path} cannot be read ({(error.strerror or '?').lower()})") from error
    return Copy(content, _text(path, SIGNATURE), _text(path, KEY))


def _text(path: Path, suffix: str) -> str | None:
    beside = path.with_name(path.name + suffix)
    try:
        with disk.ordinary(beside) as stream:
            return stream.read(MOST_OF_SIGNATURE).decode("utf-8", "replace")
    except OSError:
        return None


def _git_url(text: str) -> str:
    return urldefrag(text.removeprefix("git+"))[0]


def _from_git(location: str) -> Copy:
    """A repository's newest registry. Nothing is checked out, so nothing of it can run."""
    url, path = _git_url(location), urldefrag(location)[1] or FILE
    with tempfile.TemporaryDirectory(prefix="herd-") as folder:
        _git("clone", *_CLONE, "--", url, folder)
        content = _shown(folder, path)
        if content is None:
            raise SourceRefused(f"{url} has no file {path}")
        texts = [_shown(folder, path + suffix) for suffix in (SIGNATURE, KEY)]
    signature, key = [None if text is None else text.decode("utf-8", "replace") for text in texts]
    return Copy(content, signature, key)


def _shown(folder: str, path: str) -> bytes | None:
    try:
        return _git("--git-dir", folder, "cat-file", "blob", f"HEAD:{path}")
    except SourceFailed:
        return None


def _git(*arguments: str) -> bytes:
    """What git answers. It asks for no password, and only plain transports are allowed."""
    allowed = [f"protocol.{scheme}.allow=always" for scheme in _GIT_SCHEMES]
    options = [each for name in ("protocol.allow=never", *allowed) for each in ("-c", name)]
    asks_nobody = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": ""}
    quiet = {"GIT_SSH_COMMAND": "ssh -oBatchMode=yes", **os.environ, **asks_nobody}
    try:
        done = subprocess.run(
            ["git", *options, *arguments],  # noqa: S607  # the person's own git
            env=quiet,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise SourceRefused("git is not installed", "Install it, or name an address.") from error
    except subprocess.TimeoutExpired as error:
        raise SourceFailed(f"git gave no answer in {_GIT_SECONDS} s") from error
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason"]
        raise SourceFailed(f"git: {last[0][:200]}")
    return done.stdout
