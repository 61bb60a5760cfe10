"""`herd doctor`: each line says how it is, and a bad one what mends it."""

from __future__ import annotations

import json

import pytest

from herd.engine import gpus
from herd.engine.gpus import Gpu
from herd.errors import EngineFailed
from tests.cli.calling import Caller
from tests.tools.fakes import GGUF


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "missed", lambda: None)


def found(herd: Caller) -> dict[str, dict[str, str | None]]:
    return {each["subject"]: each for each in json.loads(herd("doctor", "--json", "--offline").out)}


def test_what_works_is_said_line_by_line(herd: Caller) -> None:
    herd("install", "tiny")

    ran = herd("doctor", "--offline")

    assert ran.code == 0
    lines = [line.split()[:2] for line in ran.out.splitlines()]
    for subject in ("herd", "settings", "llama.cpp", "CPU", "speed", "store", "disk", "registry"):
        assert ["ok", subject] in lines


def test_the_smallest_model_that_is_installed_shows_the_speed(herd: Caller) -> None:
    herd("install", "tiny")

    assert "tiny:q4_0: reads" in str(found(herd)["speed on CPU"]["text"])


def test_without_a_model_a_trial_model_does(herd: Caller) -> None:
    assert "a trial model: reads" in str(found(herd)["speed on CPU"]["text"])


def test_a_gpu_that_lies_idle_is_bad_and_has_its_command(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "missed", lambda: Gpu("NVIDIA"))

    ran = herd("doctor", "--offline")

    assert ran.code == 8
    assert 'CMAKE_ARGS="-DGGML_CUDA=on"' in ran.out
    assert "Not everything works: GPU" in ran.err


def test_a_gpu_that_is_hidden_is_a_note_and_has_its_command(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "gpus", lambda: (Gpu("NVIDIA"),))
    monkeypatch.setattr(gpus, "backends", lambda: ("cuda",))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    herd("install", "tiny")

    line = found(herd)["GPU"]
    first, second = herd("run", "tiny", "hum?"), herd("run", "tiny", "hum?")

    assert (line["grade"], line["mend"]) == ("note", "unset CUDA_VISIBLE_DEVICES")
    assert "The GPU lies idle: CUDA_VISIBLE_DEVICES hides it" in first.err
    assert "GPU" not in second.err


def test_a_gpu_that_its_driver_does_not_show_is_bad(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "gpus", lambda: (Gpu("NVIDIA"),))
    monkeypatch.setattr(gpus, "backends", lambda: ("cuda",))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    line = found(herd)["GPU"]

    assert line["grade"] == "bad"
    assert str(line["mend"]).startswith("nvidia-smi")


def test_bytes_that_two_models_share_are_counted_once(herd: Caller) -> None:
    herd("install", "tiny")
    alone = found(herd)["store"]["text"]
    herd.carrier.contents["https://example.org/twin.gguf"] = GGUF
    herd("install", "https://example.org/twin.gguf")

    assert alone is not None
    assert found(herd)["store"]["text"] == alone.replace("1 installed", "2 installed")


def test_an_engine_that_does_not_start_is_one_bad_line_among_the_others(herd: Caller) -> None:
    herd.engine.failure = EngineFailed("llama-cpp-python does not load.", "pip install it")

    lines = found(herd)

    assert lines["devices"]["grade"] == "bad"
    assert lines["devices"]["mend"] == "pip install it"
    assert lines["store"]["grade"] == "good"


def test_every_bad_line_says_what_mends_it(herd: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    herd.engine.failure = EngineFailed("It does not load.", "pip install it")
    manifests = herd.home / "manifests" / "tiny"
    manifests.mkdir(parents=True)
    (manifests / "q4_0.json").write_text("{")

    bad = [each for each in found(herd).values() if each["grade"] == "bad"]

    assert {each["subject"] for each in bad} == {"devices", "store"}
    assert all(each["mend"] for each in bad)


def test_advice_about_a_gpu_is_given_once(herd: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "missed", lambda: Gpu("AMD"))
    herd("install", "tiny")

    first, second = herd("run", "tiny", "hum?"), herd("run", "tiny", "hum?")

    assert "The AMD GPU lies idle" in first.err
    assert "GPU" not in second.err
    assert "GPU" not in first.out


def test_servers_of_other_machines_that_the_build_cannot_use_have_its_command(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERD_RPC", "10.0.0.2:50052")

    line = found(herd)["RPC"]

    assert line["grade"] == "bad"
    assert 'CMAKE_ARGS="-DGGML_RPC=on"' in str(line["mend"])


def test_a_bad_line_ends_with_a_command_not_with_a_sentence(herd: Caller) -> None:
    herd.engine.failure = EngineFailed("It does not load.", "Install it: `pip install it`.")
    assert found(herd)["devices"]["mend"] == "pip install it"

    herd.engine.failure = EngineFailed("It does not load.", "Close other programs.")
    assert found(herd)["devices"]["mend"] == "herd logs --engine  # Close other programs."


def test_a_manifest_that_does_not_read_has_the_commands_that_mend_it(herd: Caller) -> None:
    path = herd.home / "manifests" / "tiny" / "q4_0.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")

    lines = json.loads(herd("doctor", "--json", "--offline").out)

    (bad,) = [each for each in lines if each["grade"] == "bad"]
    assert bad["mend"] == f"rm {path} && herd install tiny:q4_0"
