"""`herd install` and `herd remove`: what is asked, what is said, what is left."""

from __future__ import annotations

import hashlib
import sys
import threading
from pathlib import Path

import pytest

from herd.errors import CannotRun, NoSourceDelivered, SourceRefused
from herd.jobs import Job
from tests.cli.calling import URL, Caller, Typed
from tests.tools import tiny_gguf
from tests.tools.fakes import GGUF, STRANGE, digest, registry_text

LICENSED = registry_text(URL, name="bound").replace(
    "licence: {id: MIT, commercial: open}",
    "licence: {id: research-only, commercial: prohibited, must-be-accepted: true, "
    'url: "https://example.org/terms", note: For research alone.}',
)


def names(herd: Caller) -> list[str]:
    return [model["reference"] for model in herd.json("list")]


def answers(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("herd.cli.session.is_interactive", lambda: True)
    monkeypatch.setattr(sys, "stdin", Typed(text, is_terminal=True))


@pytest.mark.parametrize("verb", ["install", "pull", "get"])
def test_a_model_is_installed_and_the_end_is_said_on_stderr(herd: Caller, verb: str) -> None:
    ran = herd(verb, "tiny")

    assert (ran.code, ran.out) == (0, "")
    assert "Installed tiny:q4_0: 4.1 kB from models.example.org" in ran.err
    assert "verified." in ran.err
    assert names(herd) == ["tiny:q4_0"]


def test_bytes_that_a_registry_vouches_for_are_verified_wherever_they_came_from(
    herd: Caller, tmp_path: Path
) -> None:
    mine, strange = tmp_path / "mine.gguf", tmp_path / "strange.gguf"
    mine.write_bytes(GGUF)
    strange.write_bytes(STRANGE)

    known, unknown = herd("install", str(mine)), herd("install", str(strange))

    assert "Its bytes are those of tiny:q4_0, which a registry vouches for." in known.err
    assert "Nobody promised a digest" not in known.err
    assert "Nobody promised a digest for strange.gguf" in unknown.err
    proved = {model["name"]: model["verified"] for model in herd.json("list")}
    assert proved == {"mine": True, "strange": False}


def test_a_model_that_is_there_already_is_no_trouble(herd: Caller) -> None:
    herd("install", "tiny")

    ran = herd("install", "tiny")

    assert (ran.code, ran.err) == (0, "tiny:q4_0 is installed already (4.1 kB).\n")
    assert herd.carrier.asked == [URL]


def test_an_address_that_is_there_already_has_the_size_of_what_is_there(herd: Caller) -> None:
    words = ("install", URL, "--as", "mine", "--sha256", digest(GGUF))
    herd(*words)
    assert "is installed already (4.1 kB)." in herd(*words).err


def test_a_dry_run_prints_the_plan_as_the_answer_and_touches_nothing(herd: Caller) -> None:
    ran = herd("install", "--dry-run", "tiny")

    assert ran.code == 0
    assert ran.out.startswith("tiny:q4_0  Tiny the test model\n  fetch    4.1 kB")
    assert herd.carrier.asked == []
    assert sorted(path.name for path in herd.home.iterdir()) == ["cache", "registries"]


def test_a_file_of_this_machine_is_copied_not_fetched(herd: Caller, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(STRANGE)

    ran = herd("install", "--dry-run", str(tmp_path / "mine.gguf"))

    assert "\n  copy     4.1 kB\n" in ran.out
    assert "fetch" not in ran.out


def test_quiet_installs_without_a_word(herd: Caller) -> None:
    ran = herd("install", "-q", "tiny")

    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (9, "it says that it is GGUF of version 9, and there are 2 and 3"),
        (3 << 24, "it was written for big-endian machines"),
    ],
)
def test_a_header_that_is_odd_is_said_where_nobody_vouches_for_the_bytes(
    herd: Caller, version: int, said: str
) -> None:
    content = b"GGUF" + version.to_bytes(4, "little") + bytes(1000)
    url = "https://example.org/odd.gguf"
    herd.carrier.contents[url] = content

    ran = herd("install", "-y", url)

    assert (ran.code, "unverified" in ran.err) == (0, True)
    assert f"odd.gguf will hardly run: {said}." in ran.err

    herd("remove", "-y", "odd")
    vouched = herd("install", "-y", url, "--sha256", hashlib.sha256(content).hexdigest())
    assert "will hardly run" not in vouched.err


def test_bytes_that_nobody_promised_are_installed_and_called_unverified(herd: Caller) -> None:
    herd.carrier.contents["https://example.org/mine.gguf"] = STRANGE

    ran = herd("install", "https://example.org/mine.gguf")

    assert ran.code == 0
    assert f"Nobody promised a digest for mine.gguf; it has sha256 {digest(STRANGE)}" in ran.err


def test_a_file_that_is_cut_short_is_no_model_wherever_it_lies(
    herd: Caller, tmp_path: Path
) -> None:
    mine, url = tmp_path / "mine.gguf", "https://example.org/theirs.gguf"
    whole = tiny_gguf.write(mine).read_bytes()
    for size in (4, 300, len(whole) // 2):
        mine.write_bytes(whole[:size])
        herd.carrier.contents[url] = whole[:size]

        at_home, outside = herd("install", str(mine)), herd("install", url)

        assert (at_home.code, outside.code) == (CannotRun.exit_code, CannotRun.exit_code)
        assert f"{mine} is cut short: it " in at_home.err
        assert "theirs.gguf is cut short where it came from: it " in outside.err
    herd.carrier.contents[url] = whole

    assert herd("install", url).code == 0
    assert names(herd) == ["theirs:file"]


def test_a_digest_that_was_given_is_held_to(herd: Caller) -> None:
    url = "https://example.org/mine.gguf"
    herd.carrier.contents[url] = GGUF

    wrong = herd("install", url, "--sha256", "0" * 64)
    right = herd("install", url, "--sha256", digest(GGUF).upper(), "--as", "mine")

    assert wrong.code == 5
    assert right.code == 0
    assert herd.json("list")[0]["verified"] is True


def test_other_bytes_than_promised_install_nothing(herd: Caller) -> None:
    herd.carrier.contents[URL] = GGUF.replace(b"\x00", b"\x01")

    ran = herd("install", "tiny")

    assert ran.code == 5
    assert "tiny.gguf" in ran.err
    assert names(herd) == []


def test_a_source_that_delivers_nothing_is_named(herd: Caller) -> None:
    herd.carrier.failure = SourceRefused("models.example.org says 404")

    ran = herd("install", "tiny")

    assert ran.code == NoSourceDelivered.exit_code
    assert "models.example.org says 404" in ran.err


def test_one_failure_does_not_keep_the_others_from_coming(herd: Caller) -> None:
    herd.offer(registry_text("https://models.example.org/gone.gguf", name="gone"), "second")
    herd.carrier.contents["https://models.example.org/gone.gguf"] = b"GGUF, but not those bytes"

    ran = herd("install", "gone", "tiny")

    assert ran.code == 5
    assert ran.err.count("herd: ") == 1
    assert names(herd) == ["tiny:q4_0"]


def test_an_unknown_name_among_several_stops_before_the_first_byte(herd: Caller) -> None:
    ran = herd("install", "tiny", "nobody")

    assert ran.code == 3
    assert herd.carrier.asked == []


@pytest.mark.parametrize("words", [("--as", "x"), ("--sha256", "0" * 64), ("--template", "plain")])
def test_what_is_said_of_one_file_goes_with_one_name(herd: Caller, words: tuple[str, str]) -> None:
    ran = herd("install", "a.gguf", "b.gguf", *words)

    assert ran.code == 2
    assert "--as, --sha256 and --template go with one name." in ran.err


def test_a_licence_that_must_be_accepted_stops_a_script(herd: Caller) -> None:
    herd.offer(LICENSED, "second")

    ran = herd("install", "bound")

    assert ran.code == 7
    assert "https://example.org/terms" in ran.err
    assert "--accept-licence" in ran.err
    assert herd.carrier.asked == []


def test_a_licence_is_accepted_by_an_option(herd: Caller) -> None:
    herd.offer(LICENSED, "second")

    assert herd("install", "bound", "--accept-licence").code == 0


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 7), ("\n", 7), ("what\nyes\n", 0)])
def test_a_person_is_asked_for_a_licence(
    herd: Caller, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    herd.offer(LICENSED, "second")
    answers(monkeypatch, typed)

    ran = herd("install", "bound")

    assert ran.code == code
    assert "For research alone.\nhttps://example.org/terms" in ran.err
    assert "Do you accept research-only? [y/N]" in ran.err


def test_a_person_who_goes_away_has_accepted_nothing(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    herd.offer(LICENSED, "second")
    answers(monkeypatch, "")

    assert herd("install", "bound").code == 130
    assert herd.carrier.asked == []


@pytest.mark.parametrize("words", [("install", "-y", "bound"), ("run", "-y", "bound", "hum?")])
def test_y_asks_nothing_and_accepts_no_licence(
    herd: Caller, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    herd.offer(LICENSED, "second")
    answers(monkeypatch, "y\n")

    ran = herd(*words)

    assert (ran.code, ran.out) == (7, "")
    assert "[y/N]" not in ran.err


def test_a_format_that_nothing_runs_is_said_before_a_byte_moves(herd: Caller) -> None:
    herd.offer(registry_text(URL, name="old").replace("files:", "format: raw\n        files:"), "b")

    ran = herd("install", "old")

    assert ran.code == 8
    assert "old:q4_0 is a raw file" in ran.err
    assert herd.carrier.asked == []


def test_remove_says_what_it_freed(herd: Caller) -> None:
    herd("install", "tiny")

    ran = herd("rm", "tiny")

    assert (ran.code, ran.out, ran.err) == (0, "", "Removed tiny:q4_0: 4.1 kB freed.\n")
    assert names(herd) == []


@pytest.mark.parametrize(("typed", "left"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_a_person_is_asked_before_a_model_goes(
    herd: Caller, monkeypatch: pytest.MonkeyPatch, typed: str, left: int
) -> None:
    herd("install", "tiny")
    answers(monkeypatch, typed)

    ran = herd("remove", "tiny")

    assert ran.code == 0
    assert "Remove tiny:q4_0? That frees 4.1 kB. [y/N]" in ran.err
    assert len(names(herd)) == left


def test_the_question_says_who_else_has_the_bytes(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    herd("install", "tiny")
    herd.carrier.contents["https://example.org/twin.gguf"] = GGUF
    herd("install", "https://example.org/twin.gguf")
    answers(monkeypatch, "n\n")

    ran = herd("remove", "tiny")

    assert "Remove tiny:q4_0? That frees 0 B: twin:file has the same bytes. [y/N]" in ran.err


def test_y_does_not_ask(herd: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    herd("install", "tiny")
    answers(monkeypatch, "")

    assert herd("remove", "-y", "tiny").code == 0
    assert names(herd) == []


def test_what_another_model_uses_too_is_not_counted_as_freed(herd: Caller, tmp_path: Path) -> None:
    herd("install", "tiny")
    herd.carrier.contents["https://example.org/twin.gguf"] = GGUF
    herd("install", "https://example.org/twin.gguf")

    ran = herd("remove", "twin")
    assert ran.err == "Removed twin:file: 0 B freed (tiny:q4_0 has the same bytes).\n"


def test_removing_what_is_not_there_removes_nothing_of_the_rest(herd: Caller) -> None:
    herd("install", "tiny")

    ran = herd("remove", "tiny", "nobody")

    assert ran.code == 3
    assert "nobody is neither installed nor offered by a registry." in ran.err
    assert names(herd) == ["tiny:q4_0"]


def test_where_nobody_sees_a_bar_a_line_comes_now_and_then(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.cli.bar.LINE_EVERY", 0.0)
    gate = herd.carrier.gates[URL] = threading.Event()
    looks: list[float] = []
    wait = Job.wait

    def look(job: Job, timeout: float | None = None) -> bool:
        looks.append(0)
        if len(looks) > 3:
            gate.set()
        return wait(job, timeout)

    monkeypatch.setattr(Job, "wait", look)

    ran = herd("install", "tiny")

    assert ran.code == 0
    assert "tiny:q4_0: fetching · 2.0 kB of 4.1 kB" in ran.err


def test_a_person_is_asked_for_the_digest_of_an_address(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://example.org/mine.gguf"
    herd.carrier.contents[url] = GGUF
    answers(monkeypatch, f"nonsense\n{digest(GGUF)}\n")

    ran = herd("install", url)

    assert "Does its page tell a sha256?" in ran.err
    assert "nonsense is none that can be taken." in ran.err
    assert "verified." in ran.err
    assert "unverified" not in ran.err


def test_a_digest_that_nobody_knows_is_none(herd: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://example.org/mine.gguf"
    herd.carrier.contents[url] = STRANGE
    answers(monkeypatch, "\n")

    assert "unverified" in herd("install", url).err
    assert "sha256?" not in herd("install", "-y", url).err


def test_what_a_swarm_learns_is_said_at_the_first_one_alone(herd: Caller) -> None:
    magnet = f"magnet:?xt=urn:btih:{'ab' * 20}&dn=new-model.gguf"
    words = "learn your address and what you fetch"
    assert words in herd("install", "--dry-run", magnet).err
    assert words not in herd("install", "--dry-run", magnet).err


def test_nothing_is_said_of_strangers_where_the_store_has_the_bytes(herd: Caller) -> None:
    herd("install", "tiny")
    magnet = f"magnet:?xt=urn:btih:{'ab' * 20}&dn=new-model.gguf"

    ran = herd("install", "--dry-run", magnet, "--sha256", digest(GGUF))

    assert "nothing: the store has the bytes" in ran.out
    assert "strangers" not in ran.err
