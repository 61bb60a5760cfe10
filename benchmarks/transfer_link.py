"""A long link, and the system's own TCP at both ends of it.

The server's end is this process's own network namespace, the client's another one; each has
a TUN device, and a thread here passes packets from one to the other: late, so many bytes a
second, from a queue that overflows, and losing some. So what a loss does to a connection is
what TCP makes of it (with CUBIC, RFC 9438, which most servers have), and no model of it. netem
would do the same and is not in every kernel.

    www == nginx == 198.18.77.1 == tun == this thread == tun == 198.18.77.2 == client
"""

from __future__ import annotations

import fcntl
import os
import random
import select
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

SERVER, CLIENT = "198.18.77.1", "198.18.77.2"
"""Of the range that is kept for benchmarks (RFC 2544)."""
_NETWORK = "198.18.77.0/30"
_QUEUE = 1_000_000
"""Bytes that wait before the narrow place; what comes then is lost."""
_MOST_BYTES = 2048
_SET_INTERFACE = 0x400454CA
_TUN_WITHOUT_HEADER = 0x1001
_INSIDE = "HERD_LINK_INSIDE"


@dataclass(frozen=True)
class Link:
    """What the link is like."""

    rate: float
    """Bytes per second, headers and all, of all connections together."""
    delay: float
    """Seconds from one end to the other and back."""
    loss: float = 0.0
    """Share of the packets to the client that get lost."""


def enter() -> None:
    """Go on in a network namespace of its own: this script begins again there.

    Raises:
        SystemExit: the system does not allow it.
    """
    if os.environ.get(_INSIDE):
        return
    os.environ[_INSIDE] = "1"
    how = "-n" if os.geteuid() == 0 else "-Urn"
    words = ["unshare", how, "--", sys.executable, *sys.argv]
    if subprocess.run(["unshare", how, "true"], check=False).returncode:
        raise SystemExit("A shaped link needs network namespaces: run this as root.")
    os.execvp(words[0], words)  # the same script


@contextmanager
def shaped(link: Link) -> Iterator[tuple[str, ...]]:
    """The words before a command that run it at the client's end. `enter` comes first."""
    # It lives as long as its standard input: whatever ends this process ends it.
    other = subprocess.Popen(
        ["unshare", "-n", "sh", "-c", "echo; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    other.stdout.readline()
    there = ("nsenter", "-t", str(other.pid), "-n", "--")
    ends = [_device("herd-server"), _device("herd-client")]
    wire = _Wire(link, *ends)
    try:
        _run("ip", "link", "set", "herd-client", "netns", str(other.pid))
        for words, name, address in (
            ((), "herd-server", SERVER),
            (there, "herd-client", CLIENT),
        ):
            _run(*words, "ip", "link", "set", "lo", "up")
            _run(*words, "ip", "addr", "add", f"{address}/30", "dev", name)
            _run(*words, "ip", "link", "set", name, "up", "txqueuelen", "10000")
            # Any namespace may choose it for a route, and not for all. What one connection
            # learned of the way is not told to the next.
            way = (_NETWORK, "dev", name, "src", address, "congctl", "cubic")
            _run(*words, "ip", "route", "replace", *way)
            setting = "echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save"
            _run(*words, "sh", "-c", setting)
        wire.start()
        yield there
    finally:
        wire.end()
        for end in ends:
            os.close(end)
        other.stdin.close()
        other.wait()


class _Way:
    """One direction."""

    def __init__(self, link: Link, loss: float) -> None:
        self._rate, self._late, self._loss = link.rate, link.delay / 2, loss
        self._chance = random.Random(7)  # no secret
        self._free_at = 0.0
        self._under_way: deque[tuple[float, bytes]] = deque()

    def put(self, packet: bytes, now: float) -> None:
        """A packet wants to go."""
        begins = max(self._free_at, now)
        if (begins - now) * self._rate + len(packet) > _QUEUE:
            return
        self._free_at = begins + len(packet) / self._rate
        if self._loss and self._chance.random() < self._loss:
            return
        self._under_way.append((self._free_at + self._late, packet))

    def due(self, now: float) -> Iterator[bytes]:
        """What has arrived."""
        while self._under_way and self._under_way[0][0] <= now:
            yield self._under_way.popleft()[1]

    @property
    def next(self) -> float:
        """When the next packet arrives."""
        return self._under_way[0][0] if self._under_way else float("inf")


class _Wire(threading.Thread):
    def __init__(self, link: Link, server: int, client: int) -> None:
        super().__init__(daemon=True)
        self._ways = {server: (_Way(link, link.loss), client), client: (_Way(link, 0.0), server)}
        self._is_ended = False

    def end(self) -> None:
        """Pass no more packets."""
        self._is_ended = True
        if self.is_alive():
            self.join()

    def run(self) -> None:
        while not self._is_ended:
            due = min(way.next for way, _ in self._ways.values()) - time.monotonic()
            ready, _, _ = select.select(list(self._ways), [], [], max(0.0, min(due, 0.1)))
            for end in ready:
                with suppress(BlockingIOError):
                    while packet := os.read(end, _MOST_BYTES):
                        self._ways[end][0].put(packet, time.monotonic())
            for way, sink in self._ways.values():
                for packet in way.due(time.monotonic()):
                    os.write(sink, packet)


def _device(name: str) -> int:
    """A TUN device; its file, which does not block."""
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, _SET_INTERFACE, struct.pack("16sH22x", name.encode(), _TUN_WITHOUT_HEADER))
    return end


def _run(*words: str) -> None:
    subprocess.run(words, check=True)
