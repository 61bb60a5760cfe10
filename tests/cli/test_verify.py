"""`herd verify`: what is proved, what is said of damage, and the exit code."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from herd.errors import Interrupted
from herd.store.proof import Work
from herd.verify import lacking
from tests.cli.calling import Caller
from tests.tools.fakes import GGUF, digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from herd.model import Installed
    from herd.store import Store


def spoil(home: Path) -> Path:
    blob = home / "blobs" / "sha256" / digest(GGUF)
    blob.chmod(0o644)
    blob.write_bytes(b"\0" + GGUF[1:])
    blob.chmod(0o444)
    return blob


def test_a_sound_store_is_said_to_be(herd: Caller) -> None:
    herd("install", "tiny")

    ran = herd("verify")

    assert (ran.code, ran.out) == (0, "")
    assert "Read 1 model, 1 blob" in ran.err
    assert "Every byte is as it was promised." in ran.err


def test_an_empty_store_has_nothing_to_prove(herd: Caller) -> None:
    ran = herd("verify", "--all", "--offline")

    assert ran.code == 0
    assert "Nothing to prove." in ran.err


def test_damage_is_named_and_is_exit_code_5(herd: Caller) -> None:
    herd("install", "tiny")
    blob = spoil(herd.home)

    ran = herd("verify", "tiny")

    assert ran.code == 5
    assert ran.out.splitlines() == [
        f"tiny:q4_0: damaged in bytes 0-{len(GGUF) - 1}",
        f"  {blob}",
    ]
    assert "herd: 1 thing is wrong in the store." in ran.err
    assert "`herd repair tiny:q4_0` mends it." in ran.err


def test_scripts_get_the_same_as_json(herd: Caller) -> None:
    herd("install", "tiny")
    assert herd.json("verify")["sound"] is True
    spoil(herd.home)

    ran = herd("verify", "--json")

    assert ran.code == 5
    (finding,) = json.loads(ran.out)["findings"]
    assert finding["flaw"] == "damaged"
    assert finding["damaged"] == [[0, len(GGUF)]]
    assert finding["models"] == ["tiny:q4_0"]


def test_names_and_all_do_not_go_together(herd: Caller) -> None:
    assert herd("verify", "tiny", "--all").code == 2
    assert herd("verify", "nothing").code == 3


def test_pieces_that_came_unhashed_are_hashed_once_it_is_installed(herd: Caller) -> None:
    assert herd("install", "tiny").code == 0
    assert (herd.home / "pieces" / digest(GGUF)).exists()


def test_an_install_whose_pieces_nobody_waits_for_is_one(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_: Work, count: int) -> None:
        raise Interrupted("Verifying was stopped.")

    monkeypatch.setattr(Work, "took", stopped)
    ran = herd("install", "tiny")
    assert ran.code == 0
    assert "`herd verify` does it, too." in ran.err
    assert [model["reference"] for model in herd.json("list")] == ["tiny:q4_0"]


def test_ctrl_c_ends_the_hashing_of_pieces_for_a_script_too(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(work: Work, count: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert work.stop.wait(30), "it is told to end"
        raise Interrupted("Verifying was stopped.")

    monkeypatch.setattr(Work, "took", pressed)
    ran = herd("install", "tiny", "--json")
    assert ran.code == 0, "the model is installed"
    assert json.loads(ran.out.splitlines()[-1])["event"] == "installed"
    assert "Interrupted" not in ran.err


def test_bytes_that_the_disk_lost_before_their_pieces_were_hashed_are_said_to_a_script(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def losing(store: Store, models: Sequence[Installed]) -> tuple[Installed, ...]:
        spoil(herd.home)
        return lacking(store, models)

    monkeypatch.setattr("herd.verify.lacking", losing)
    ran = herd("install", "tiny", "--json")
    assert ran.code == 5
    assert "`herd repair tiny:q4_0` mends it." in ran.err
