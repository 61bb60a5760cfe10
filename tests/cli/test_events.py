"""`herd install --json`: lines that a program reads while a model comes."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herd.errors import NoSourceDelivered
from herd.jobs import Job
from tests.cli.calling import URL, Caller
from tests.tools.fakes import GGUF, digest

if TYPE_CHECKING:
    import pytest


def events(herd: Caller, *words: str) -> list[dict[str, Any]]:
    ran = herd("install", "--json", *words)
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


def test_the_plan_comes_first_and_what_is_installed_last(herd: Caller) -> None:
    first, *_, last = events(herd, "tiny")

    assert (first["event"], first["reference"]) == ("plan", "tiny:q4_0")
    assert first["bytes_to_fetch"] == first["size"] == len(GGUF)
    assert first["files"][0]["sha256"] == digest(GGUF)
    assert first["trouble"] is None
    assert (last["event"], last["fetched"]) == ("installed", len(GGUF))
    assert last["shares"] == {"models.example.org": len(GGUF)}
    assert Path(last["model"]["path"]).read_bytes() == GGUF


def test_progress_is_told_between(herd: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("herd.cli.events.EVERY", 0.0)
    gate = herd.carrier.gates[URL] = threading.Event()
    looks: list[int] = []
    wait = Job.wait

    def look(job: Job, timeout: float | None = None) -> bool:
        looks.append(1)
        if len(looks) > 3:
            gate.set()
        return wait(job, timeout)

    monkeypatch.setattr(Job, "wait", look)

    told = [each for each in events(herd, "tiny") if each["event"] == "progress"]

    assert any(
        (each["stage"], each["done"], each["total"]) == ("fetching", len(GGUF) // 2, len(GGUF))
        for each in told
    )


def test_what_is_there_already_is_told_as_installed(herd: Caller) -> None:
    herd("install", "tiny")

    (only,) = events(herd, "tiny")

    assert (only["event"], only["fetched"]) == ("installed", 0)
    assert only["model"]["reference"] == "tiny:q4_0"


def test_a_dry_run_is_the_plan_alone(herd: Caller) -> None:
    (only,) = events(herd, "--dry-run", "tiny")

    assert only["event"] == "plan"
    assert herd.carrier.asked == []


def test_what_is_in_the_way_is_in_the_plan_and_on_stderr(herd: Caller) -> None:
    path = herd.home / "registries" / "test.yaml"
    path.write_text(path.read_text().replace("files:", "format: raw\n        files:"))

    ran = herd("install", "--json", "tiny")

    plan, failed = (json.loads(line) for line in ran.out.splitlines())
    assert (failed["event"], failed["exit_code"]) == ("failed", ran.code)
    assert plan["trouble"]["exit_code"] == ran.code == 8
    assert plan["trouble"]["message"] in ran.err


def test_what_fails_is_told_last_with_its_exit_code(herd: Caller) -> None:
    herd.carrier.failure = NoSourceDelivered("Nobody answers.", "Try again later.")

    ran = herd("install", "--json", "tiny")

    last = json.loads(ran.out.splitlines()[-1])
    assert last == {
        "event": "failed",
        "reference": "tiny:q4_0",
        "message": "Nobody answers.",
        "hint": "Try again later.",
        "exit_code": 4,
    }
    assert ran.code == 4
    assert "Nobody answers." in ran.err
