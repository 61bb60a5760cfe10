"""Clients that are slow, silent, endless or many: the others are served meanwhile."""

from __future__ import annotations

import json
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from herd.serve import listen, reply
from herd.serve.turns import Turns
from tests.serve.conftest import Serve, Served
from tests.serve.test_gate import ASK, request
from tests.tools.wait import until

CHAT = "/v1/chat/completions"


def connect(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=20)


def is_served(served: Served) -> bool:
    return request(served, "POST", CHAT, ASK)[0] == 200


def is_closed(line: socket.socket) -> bool:
    """Whether the server closes the connection; waits for it."""
    try:
        while line.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same bounds, reached sooner."""
    monkeypatch.setattr(listen, "REQUEST_WITHIN", 0.5)
    monkeypatch.setattr(listen, "READ_WITHIN", 0.5)
    monkeypatch.setattr(reply, "BODY_WITHIN", 0.5)
    return iter(())


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "said",
    [b"", b"POST /v1/chat/comp", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "],
    ids=["silence", "half a line", "half a head"],
)
def test_a_connection_that_says_no_whole_head_is_closed(serve: Serve, said: bytes) -> None:
    served = serve()
    with connect(served) as line:
        line.sendall(said)

        assert is_served(served)
        assert is_closed(line)


@pytest.mark.usefixtures("impatient")
def test_a_body_that_does_not_come_is_not_waited_for(serve: Serve) -> None:
    served = serve()
    with connect(served) as line:
        line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n")
        line.sendall(b"Content-Length: 100\r\n\r\n{")

        assert b" 408 " in line.recv(4096)
        assert is_served(served)


def test_a_head_of_ten_megabytes_is_refused(serve: Serve) -> None:
    served = serve()
    with connect(served) as line:
        try:
            line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 10_000_000)
            answer = line.recv(4096)
        except ConnectionError:  # closed while we still sent
            answer = b" 400 "

    assert b" 400 " in answer
    assert is_served(served)


@pytest.mark.parametrize("has_length", [True, False])
def test_a_body_of_a_gigabyte_is_refused_and_not_kept(serve: Serve, has_length: bool) -> None:
    served = serve()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
    head += (
        b"Content-Length: 1000000000\r\n\r\n"
        if has_length
        else b"Transfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"a" * 1_000_000
    part = chunk if has_length else b"f4240\r\n" + chunk + b"\r\n"
    with connect(served) as line:
        line.sendall(head)
        try:
            for _ in range(1000):
                line.sendall(part)
        except OSError:  # it hung up, as it should
            pass
        else:
            pytest.fail("the whole body was taken")

    assert is_served(served)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


NONSENSE = [
    b"\xff\xfe{",
    b"",
    b"[]",
    b"null",
    b'{"model": NaN}',
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b"{}",
    b'{"model": "tiny", "messages": "hello"}',
    b'{"model": "tiny", "messages": [{"role": "llama", "content": "x"}]}',
    b'{"model": 7, "messages": [{"role": "user", "content": "x"}]}',
]
WRONG = ['"temperature": "hot"', '"max_tokens": -1', '"n": 2', '"seed": 1e400', '"stop": [""]']


def status_of(served: Served, path: str, body: bytes) -> bytes:
    with connect(served) as line:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(head.encode() + body)
        return line.recv(65536).split()[1]


@pytest.mark.parametrize("path", [CHAT, "/api/chat"])
def test_a_body_that_cannot_be_understood_is_said_so(serve: Serve, path: str) -> None:
    served = serve()

    statuses = {body[:40]: status_of(served, path, body) for body in NONSENSE}

    assert set(statuses.values()) == {b"400"}, statuses
    assert is_served(served)


def test_a_field_that_cannot_be_honoured_is_said_so(serve: Serve) -> None:
    served = serve()
    ask = json.dumps(ASK)[:-1]

    statuses = {each: status_of(served, CHAT, f"{ask}, {each}}}".encode()) for each in WRONG}

    assert set(statuses.values()) == {b"400"}, statuses


def test_a_body_of_two_lengths_is_refused_and_nothing_after_it_is_answered(serve: Serve) -> None:
    served = serve()
    hidden = b"GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b"POST /api/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    with connect(served) as line:
        line.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden)
        said = b""
        while more := line.recv(65536):
            said += more

    assert said.startswith(b"HTTP/1.1 400")
    assert said.count(b"HTTP/1.1") == 1


def test_half_characters_are_taken_as_what_they_are(serve: Serve) -> None:
    served = serve()
    ask = ASK | {"messages": [{"role": "user", "content": "\ud83d wool"}]}

    assert request(served, "POST", CHAT, ask)[0] == 200
    assert served.engine
    assert served.engine.asked[-1][1][-1].text == "\ufffd wool"


def test_five_hundred_connections_leave_room_for_the_others(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "REQUEST_WITHIN", 2.0)
    served = serve()
    with ExitStack() as lines:
        for _ in range(500):
            lines.enter_context(connect(served))
        until(lambda: is_served_or_full(served), seconds=20)

    assert is_served(served)


def is_served_or_full(served: Served) -> bool:
    try:
        return is_served(served)
    except OSError:  # closed at once: there are too many
        return False


@pytest.mark.usefixtures("impatient")
def test_a_client_that_reads_nothing_is_cut_off(serve: Serve) -> None:
    served = serve()
    assert served.engine
    served.engine.reply = lambda *_: " ".join(["wool" * 100] * 20_000)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(30)
    line.connect(("127.0.0.1", served.port))
    body = json.dumps(ASK | {"stream": True}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    line.sendall(head.encode() + body)

    until(lambda: gone(served) == 1, seconds=30)
    line.close()

    served.engine.reply = lambda *_: "wool"
    assert is_served(served)


def gone(served: Served) -> int:
    text = request(served, "GET", "/metrics")[1]
    return next(
        int(line.split()[1]) for line in text.splitlines() if line.startswith("herd_clients_gone")
    )


@pytest.mark.parametrize("is_stream", [True, False])
def test_a_client_that_leaves_ends_its_answer(serve: Serve, is_stream: bool) -> None:
    served = serve()
    engine = served.engine
    assert engine
    engine.gate = threading.Event()  # holds the answer after its first word
    body = json.dumps(ASK | {"stream": is_stream}).encode()
    line = connect(served)
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    line.sendall(head.encode() + body)
    until(lambda: bool(engine.asked))

    line.close()

    until(lambda: gone(served) == 1)
    engine.gate = None
    assert is_served(served)


def test_too_many_that_wait_are_told_so(serve: Serve) -> None:
    def short() -> Turns:
        return Turns(at_once=1, longest=1, patience=60)

    served = serve(turns=short)
    engine = served.engine
    assert engine
    engine.gate = threading.Event()
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(request(served, "POST", CHAT, ASK)[0])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(statuses) == 2)
    engine.gate.set()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 200, 503, 503]
