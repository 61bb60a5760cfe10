"""Who may come in, over a real socket."""

from __future__ import annotations

import http.client
import json
import logging
import socket
from contextlib import closing

import pytest

from herd.serve.gate import Rules, is_loopback
from tests.serve.conftest import Serve, Served
from tests.tools.wait import until

ASK = {"model": "tiny", "messages": [{"role": "user", "content": "a secret question"}]}


def request(
    served: Served, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, str, dict[str, str]]:
    line = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    raw = None if body is None else json.dumps(body)
    with closing(line):
        line.request(method, path, raw, headers)
        answer = line.getresponse()
        text = answer.read().decode()
        return answer.status, text, {k.lower(): v for k, v in answer.getheaders()}


def test_without_the_token_nothing_but_the_health_is_told(serve: Serve) -> None:
    served = serve(Rules(token="right"))

    for path in ("/v1/models", "/api/tags", "/metrics", "/no/such/thing"):
        assert request(served, "GET", path)[0] == 401
    assert request(served, "GET", "/v1/models", Authorization="Bearer wrong")[0] == 401
    assert request(served, "GET", "/v1/models", Authorization="Basic right")[0] == 401
    assert request(served, "GET", "/health")[0] == 200
    assert request(served, "GET", "/v1/models", Authorization="Bearer right")[0] == 200


def test_a_page_of_another_origin_may_not_ask(serve: Serve) -> None:
    served = serve()

    status, text, headers = request(
        served, "POST", "/v1/chat/completions", ASK, Origin="https://evil.example"
    )

    assert status == 403
    assert "https://evil.example" in text
    assert "access-control-allow-origin" not in headers
    assert served.engine
    assert served.engine.asked == []


def test_who_is_refused_hears_it_also_when_the_body_comes_later(serve: Serve) -> None:
    served = serve()
    head = (
        "POST /api/chat HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n"
        "Connection: close\r\nContent-Length: 20000\r\n\r\n"
    )

    for _ in range(10):
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as line:
            line.sendall(head.encode())
            for _ in range(10):
                line.sendall(b" " * 2000)
            answer = b"".join(iter(lambda line=line: line.recv(4096), b""))  # type: ignore[misc]
        assert answer.startswith(b"HTTP/1.1 403")
        assert b"https://evil.example" in answer


def test_an_origin_that_was_let_in_may_ask(serve: Serve) -> None:
    served = serve(Rules(origins=frozenset({"https://mine.example"})))

    before = request(served, "OPTIONS", "/v1/chat/completions", Origin="https://mine.example")
    asked = request(served, "POST", "/v1/chat/completions", ASK, Origin="https://mine.example")

    assert before[0] == 204
    assert asked[0] == 200
    assert asked[2]["access-control-allow-origin"] == "https://mine.example"
    assert request(served, "GET", "/v1/models", Origin="https://evil.example")[0] == 403


def test_a_name_that_was_made_to_lead_here_is_turned_away(serve: Serve) -> None:
    served = serve()

    status, text, _ = request(served, "GET", "/v1/models", Host="rebound.evil.example")

    assert status == 403
    assert "rebound.evil.example" in text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_names_of_this_machine_are_answered(serve: Serve, host: str) -> None:
    assert request(serve(), "GET", "/v1/models", Host=f"{host}:1234")[0] == 200


def test_what_is_not_served_is_said_in_the_dialect_of_the_path(serve: Serve) -> None:
    served = serve()

    assert json.loads(request(served, "GET", "/v1/nothing")[1])["error"]["message"]
    assert isinstance(json.loads(request(served, "GET", "/api/nothing")[1])["error"], str)
    assert request(served, "GET", "/api/chat")[0] == 405


def test_neither_a_prompt_nor_a_token_reaches_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(Rules(token="right"))
    caplog.set_level(logging.DEBUG)

    request(served, "POST", "/v1/chat/completions?key=abc", ASK, Authorization="Bearer right")

    def lines() -> list[str]:
        return [record.getMessage() for record in caplog.records]

    until(lambda: any("POST /v1/chat/completions 200" in line for line in lines()))
    assert not any(word in line for line in lines() for word in ("secret", "right", "abc"))


def test_what_was_served_is_counted(serve: Serve) -> None:
    served = serve()
    request(served, "POST", "/v1/chat/completions", ASK)
    for at in range(3):
        request(served, "GET", f"/strange/{at}")

    until(lambda: 'route="other",status="404"} 3' in request(served, "GET", "/metrics")[1])
    text = request(served, "GET", "/metrics")[1]
    assert 'herd_requests_total{route="/v1/chat/completions",status="200"} 1' in text
    assert 'herd_requests_total{route="other",status="404"} 3' in text
    assert "herd_generated_tokens_total" in text


@pytest.mark.parametrize(
    ("host", "is_it"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("a.b", False)],
)
def test_only_loopback_is_loopback(host: str, is_it: bool) -> None:
    assert is_loopback(host) is is_it
