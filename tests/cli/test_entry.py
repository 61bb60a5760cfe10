"""How a command can end: every error has its sentence and its code."""

from __future__ import annotations

import inspect
import logging
import sys
from pathlib import Path
from types import ModuleType

import pytest

from herd import cli, errors
from herd.cli.log import LogFile
from herd.cli.session import Session
from herd.core import Herd
from herd.errors import HerdError
from tests.cli.calling import Caller

CLASSES = [
    each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, HerdError)
]
CODES = {
    "HerdError": 1, "BadUsage": 2, "RegistryError": 2, "ConfigError": 2, "UnknownModel": 3,
    "NotInstalled": 3, "NoSourceDelivered": 4, "SourceFailed": 4, "SourceRefused": 4,
    "DigestMismatch": 5, "SignatureRefused": 5, "NoRoom": 6, "CannotWrite": 6,
    "LicenceNotAccepted": 7,
    "EngineFailed": 8, "CannotRun": 8, "LegacyError": 8, "LegacyRefused": 8, "LegacyDamaged": 8,
    "EngineCrashed": 8, "Unanswerable": 8, "Busy": 9, "HistoryUnreadable": 1, "Interrupted": 130,
}  # fmt: skip
"""What scripts rely on."""


def fails(herd: Caller, error: BaseException) -> None:
    def make() -> Herd:
        raise error

    herd.make = make


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_is_a_sentence_a_hint_and_its_code(herd: Caller, kind: type[HerdError]) -> None:
    fails(herd, kind("It is so.", "Do this."))

    ran = herd("list")

    assert (ran.out, ran.err) == ("", "herd: It is so.\nDo this.\n")
    assert ran.code == CODES[kind.__name__]


def test_an_error_without_a_hint_is_one_line(herd: Caller) -> None:
    fails(herd, HerdError("It is so."))

    assert herd("list").err == "herd: It is so.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("completion",), "'{bash|zsh|fish}'. Choose from: bash, zsh, fish"),
        (("install", ""), "herd: The name is empty."),
        (("info", "./none.gguf"), "herd: There is no .gguf file ./none.gguf."),
        (("info", __file__), "`herd install --dry-run /"),
        (("info", "hf:a/b"), "`herd install --dry-run hf:a/b` says what would come from there."),
    ],
)
def test_what_was_typed_wrongly_is_one_sentence_and_a_hint(
    herd: Caller, words: tuple[str, ...], said: str
) -> None:
    ran = herd(*words)

    assert said in ran.err
    assert len(ran.err.splitlines()) == 2


def test_an_error_never_writes_escapes_of_strangers(herd: Caller) -> None:
    fails(herd, HerdError("It \x1b[2Jis\x07 so.", "Do\x9b this."))

    assert herd("list").err == "herd: It [2Jis so.\nDo this.\n"


def test_ctrl_c_is_130(herd: Caller) -> None:
    fails(herd, KeyboardInterrupt())

    ran = herd("list")

    assert (ran.code, ran.err) == (130, "herd: Interrupted.\n")


def test_ctrl_c_while_herd_is_still_imported_is_130_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Importing(ModuleType):
        def __getattr__(self, name: str) -> object:
            if name == "run":
                raise KeyboardInterrupt
            raise AttributeError(name)

    monkeypatch.setitem(sys.modules, "herd.cli.entry", Importing("herd.cli.entry"))

    assert cli.main(["list"]) == 130
    assert capsys.readouterr().err == "herd: Interrupted.\n"


def test_debug_shows_the_traceback_of_an_error(herd: Caller) -> None:
    fails(herd, HerdError("It is so."))

    for words in (("--debug", "list"), ("list", "--debug")):
        ran = herd(*words)
        assert ran.err.startswith("Traceback")
        assert ran.err.endswith("herd: It is so.\n")


def test_what_nobody_foresaw_is_one_sentence_and_its_traceback_is_in_the_log(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(*_: object) -> None:
        raise ZeroDivisionError("by https://user:secret@example.org/x?token=secret")

    monkeypatch.setattr("herd.store.Store.shelf", surprise)

    ran = herd("list")

    log = herd.home / "logs" / "herd.log"
    assert ran.code == 1
    assert ran.err.startswith("herd: Something unexpected happened: ZeroDivisionError: by ")
    assert ran.err.endswith(f"{log} has the details.\n")
    assert "Traceback" in log.read_text()
    assert "secret" not in log.read_text()
    assert not [each for each in logging.getLogger().handlers if "herd" in type(each).__module__]


def test_a_herd_that_cannot_even_be_made_is_one_sentence_too(herd: Caller) -> None:
    fails(herd, ImportError("no module named psutil"))

    ran = herd("list")

    assert ran.code == 1
    assert "herd: Something unexpected happened: ImportError: no module named psutil" in ran.err
    assert ran.err.endswith("herd.log has the details.\n")


def test_a_log_on_a_full_disk_is_no_second_error_when_it_is_closed() -> None:
    file = LogFile(Path("/dev/full"))
    file.emit(logging.makeLogRecord({"msg": "a line", "levelno": logging.WARNING}))

    file.close()

    assert file.has_failed


def test_a_log_that_cannot_be_written_is_no_second_error(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    (herd.home / "logs").write_text("a file where the folder would be")
    monkeypatch.setattr("herd.store.Store.shelf", lambda _: 1 / 0)

    ran = herd("list")

    assert ran.code == 1
    assert ran.err.endswith("--debug shows the details.\n")


def test_a_key_that_no_registry_has_is_shown_with_its_line(herd: Caller) -> None:
    path = herd.home / "registries" / "test.yaml"
    path.write_text(path.read_text().replace("    role: chat", "    rôle: chat"))

    ran = herd("registry", "check")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"herd: {path}:6: models.tiny")
    assert f"{path}:6: models.tiny" in herd("search").err


def test_what_a_command_began_is_ended_with_it(herd: Caller, tmp_path: Path) -> None:
    closed: list[str] = []
    made = herd.make

    def make() -> Herd:
        each = made()
        close = each.close

        def note() -> None:
            closed.append("closed")
            close()

        each.close = note  # type: ignore[method-assign]
        return each

    herd.make = make

    assert herd("list").code == 0
    assert closed == ["closed"]


def test_a_session_makes_no_herd_for_nothing() -> None:
    def make() -> Herd:
        raise AssertionError

    Session(make).close()
