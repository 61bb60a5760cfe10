"""What is said of models: the same words wherever they are said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from herd.describe import origin, origins, steps, terms, ways
from herd.model import (
    Choice,
    Commercial,
    File,
    Format,
    HfSource,
    InfoHash,
    Licence,
    MagnetSource,
    PathSource,
    SwarmState,
    UrlSource,
)
from herd.plan import Ground, plan
from herd.ranks import DAYS, GOOD_DAYS, Ranks
from tests.test_plan import DIGEST, FILE, choice

A, B, C = (UrlSource(f"https://{name}.example/x.gguf") for name in "abc")
DAY = 86_400.0


def test_sources_that_failed_come_last_and_each_says_how_it_behaved(tmp_path: Path) -> None:
    now = [1e9]
    ranks = Ranks(tmp_path / "ranks.json", clock=lambda: now[0])
    ranks.note([(A, "gone: it is not there (404)")], good=[B])
    now[0] += 2 * DAY

    found = ways((A, B, C), ranks)

    assert [way.source for way in found] == [B, C, A]
    assert [way.health(now[0]) for way in found] == [
        "good 2 days ago",
        "",
        "asked last: gone: it is not there (404), 2 days ago",
    ]
    assert [way.is_bad for way in found] == [False, False, True]


def test_what_is_known_of_a_source_is_forgotten_after_a_while(tmp_path: Path) -> None:
    now = [1e9]
    ranks = Ranks(tmp_path / "ranks.json", clock=lambda: now[0])
    ranks.note([(A, "it answers 500")], good=[B])

    now[0] += (DAYS + 1) * DAY
    assert [way.health(now[0]) for way in ways((A, B), ranks)] == ["", "good 8 days ago"]
    now[0] += GOOD_DAYS * DAY
    assert [way.known for way in ways((A, B), ranks)] == [None, None]


def test_a_source_that_failed_and_delivers_again_is_good(tmp_path: Path) -> None:
    ranks = Ranks(tmp_path / "ranks.json")
    ranks.note([(A, "it answers 500")])
    assert ranks.doubted((A, B)) == (A,)

    ranks.note([], good=[A])

    assert ranks.doubted((A, B)) == ()
    assert ranks.against(A) is None


def test_a_swarm_says_what_its_registry_holds_against_it() -> None:
    dead = MagnetSource(InfoHash("a" * 40), state=SwarmState.DEAD, note="no peers")

    assert origin(dead).endswith("(dead: no peers)")
    assert ways((dead,), Ranks(Path("/nowhere")))[0].is_bad


def test_sources_of_one_host_are_told_apart_by_their_paths() -> None:
    same = (
        UrlSource("https://m.example/a/x.gguf?token=secret"),
        UrlSource("https://m.example/b/x.gguf"),
    )
    forks = tuple(HfSource("u/m", each * 40, "x.gguf") for each in "01")

    assert origins((A, *same, *forks)) == (
        "a.example",
        "m.example/a/x.gguf",
        "m.example/b/x.gguf",
        "huggingface.co/u/m/x.gguf at 000000000000",
        "huggingface.co/u/m/x.gguf at 111111111111",
    )


def test_a_licence_says_what_it_allows_and_whether_it_is_asked() -> None:
    asking = Licence("mnpl", commercial=Commercial.PROHIBITED, must_be_accepted=True)

    assert terms(asking) == "mnpl, no commercial use, must be accepted"
    assert terms(Licence("odd", commercial=Commercial.UNKNOWN)) == "odd"


OLD = replace(FILE, name="old.bin", size=4_000_000_000)
ROOM = Ground(free=20_000_000_000)


def own(file: File) -> Choice:
    """A file that no registry describes."""
    found = choice(file)
    return replace(found, model=replace(found.model, registry=None))


@pytest.mark.parametrize(
    ("wanted", "ground", "said"),
    [
        (
            choice(),
            Ground(staged={FILE: 400_000_000}),
            ["fetch: 1.00 GB (400.0 MB of it are here)"],
        ),
        (choice(), Ground(kept=frozenset({DIGEST})), ["fetch: nothing: the store has the bytes"]),
        (choice(), ROOM, ["fetch: 1.00 GB", "disk: 20.00 GB are free"]),
        (
            choice(OLD, Format.GGML),
            ROOM,
            [
                "fetch: 4.00 GB",
                "convert: to GGUF, in about 16 s, and what came goes afterwards",
                "disk: up to 8.00 GB until it is converted; 20.00 GB are free",
            ],
        ),
        (
            choice(replace(OLD, size=100_000_000), Format.GGML),
            Ground(),
            ["fetch: 100.0 MB", "convert: to GGUF, in a second, and what came goes afterwards"],
        ),
        (
            choice(replace(OLD, size=None), Format.GGML),
            ROOM,
            [
                "fetch: a size that only the source knows",
                "convert: to GGUF, and what came goes afterwards",
                "disk: 20.00 GB are free",
            ],
        ),
        (choice(OLD), Ground(), ["fetch: 4.00 GB"]),
        (own(OLD), Ground(), ["fetch: 4.00 GB", "convert: to GGUF, should it be a ggml file"]),
        (own(replace(OLD, sources=(PathSource("/old.bin"),))), Ground(), ["copy: 4.00 GB"]),
    ],
)
def test_the_steps_of_an_install_are_those_that_it_will_take(
    wanted: Choice, ground: Ground, said: list[str]
) -> None:
    assert [f"{label}: {text}" for label, text in steps(plan(wanted, ground))] == said


def test_what_is_kept_does_not_go_after_a_conversion() -> None:
    planned = plan(choice(OLD, Format.GGML), Ground(), keeps_original=True)

    assert dict(steps(planned))["convert"] == "to GGUF, in about 16 s"
