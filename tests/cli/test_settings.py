"""`herd config` and `herd logs`."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from herd.config import ENVIRONMENT, load
from herd.config_file import edited
from herd.errors import ConfigError
from tests.cli.calling import Caller

HANDMADE = """\
# What I chose.
model = "qwen3-4b"   # the #1
  context=8192
"threads" = 2 # two cores
"""


def test_every_setting_is_shown_with_what_it_comes_from(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    (herd.home / "config.toml").write_text("context = 2048\n")
    monkeypatch.setenv("HERD_THREADS", "3")

    rows = {row.split()[0]: row.split()[1:] for row in herd("config").out.splitlines()[1:]}

    assert set(rows) == set(ENVIRONMENT)
    assert rows["context"] == ["2048", str(herd.home / "config.toml")]
    assert rows["threads"] == ["3", "HERD_THREADS"]
    assert rows["model"] == ['"smollm2"', "herd"]


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_every_setting_says_what_it_means(herd: Caller, name: str) -> None:
    ran = herd("config", name)

    assert ran.out.count("\n") == 1
    assert len(ran.err.split()) > 3, "there is a string below its field in Config"


def test_one_setting_is_printed_alone(herd: Caller) -> None:
    assert herd("config", "dht").out == "true\n"
    assert herd.json("config", "context") == 4096
    assert herd.json("config")["model"] == "smollm2"


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("context", "2048", 2048),
        ("gpu_layers", "-1", -1),
        ("dht", "no", False),
        ("model", "tiny", "tiny"),
        ("download_limit", "5MB", 5_000_000),
        ("chatting_limit", "500k", 500_000),
        ("download_hours", "22:00-07:00", "22:00-07:00"),
    ],
)
def test_a_setting_is_changed(herd: Caller, name: str, value: str, wanted: object) -> None:
    ran = herd("config", name, value)

    assert (ran.code, ran.out) == (0, "")
    assert getattr(load(herd.home / "config.toml", {}), name) == wanted


def test_a_setting_is_taken_back(herd: Caller) -> None:
    herd("config", "context", "2048")

    assert herd("config", "context", "--unset").code == 0
    assert herd("config", "context").out == "4096\n"


def test_a_variable_that_goes_before_the_file_is_named(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERD_CONTEXT", "512")

    assert "HERD_CONTEXT is set and goes before it." in herd("config", "context", "2048").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("contxt",), "contxt is not a setting of herd.\nDid you mean context?"),
        (("contxt", "5"), "contxt is not a setting of herd.\nDid you mean context?"),
        (("context", "many"), "context=many is not a whole number."),
        (("context", "1"), "context must be from 64"),
        (("context", "1"), "herd: context must be"),
        (("download_limit", "fast"), "Write bytes per second, such as 500k or 2MB."),
        (("download_hours", "soon"), "download_hours must be like 22:00-07:00, not 'soon'."),
        (("dht", "maybe"), "dht=maybe is neither yes nor no."),
        (("--unset",), "--unset takes the NAME of a setting alone."),
        (("context", "1", "--unset"), "--unset takes the NAME of a setting alone."),
    ],
)
def test_what_is_no_setting_or_no_value_is_refused(
    herd: Caller, words: tuple[str, ...], said: str
) -> None:
    ran = herd("config", *words)

    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert not (herd.home / "config.toml").exists()


def test_a_file_that_does_not_read_is_named(herd: Caller) -> None:
    (herd.home / "config.toml").write_text("context = = 1")

    ran = herd("config")

    assert ran.code == 2
    assert str(herd.home / "config.toml") in ran.err


def test_comments_and_everything_else_stay_when_a_setting_changes() -> None:
    changed = edited(edited(edited(HANDMADE, "threads", 4), "model", "phi#4"), "dht", False)

    assert changed == (
        '# What I chose.\nmodel = "phi#4"   # the #1\n  context=8192\n'
        "threads = 4 # two cores\ndht = false\n"
    )


def test_the_settings_of_single_models_are_left_alone() -> None:
    text = "dht = true\n\n[models.tiny]  # small\ncontext = 512\n"

    changed = edited(edited(text, "context", 2048), "dht", None)

    assert changed == "\ncontext = 2048\n[models.tiny]  # small\ncontext = 512\n"
    assert edited(text, "context", None) == text


def test_a_setting_that_is_taken_out_leaves_the_rest() -> None:
    assert edited(HANDMADE, "context", None) == HANDMADE.replace("  context=8192\n", "")


def test_what_cannot_be_changed_line_by_line_is_left_to_the_person() -> None:
    with pytest.raises(ConfigError):
        edited('model = """\nqwen"""\n', "model", "phi-4")


values = st.one_of(st.integers(-9, 9999), st.booleans(), st.text(st.characters(codec="ascii")))


@given(values, values)
@example("\x7f", 'a "#" # b')
def test_whatever_was_written_comes_back(first: object, second: object) -> None:
    text = edited("# kept\n", "model", first)

    assert tomllib.loads(text) == {"model": first}
    assert tomllib.loads(edited(text, "model", second)) == {"model": second}
    assert edited(text, "model", None) == "# kept\n"


def test_a_setting_does_not_fall_into_the_table_of_a_model() -> None:
    text = edited("[models.smollm2]\ncontext = 512\n", "context", 8192)

    assert tomllib.loads(text) == {"context": 8192, "models": {"smollm2": {"context": 512}}}


def test_logs_show_the_last_lines_of_each(herd: Caller) -> None:
    logs = herd.home / "logs"
    logs.mkdir()
    (logs / "herd.log").write_text("".join(f"line {at}\n" for at in range(50)))
    (logs / "engine.log").write_bytes(b"llama\xff\n")

    both, engine = herd("logs", "-n", "2"), herd("logs", "--engine")

    assert both.out == "line 48\nline 49\nllama\N{REPLACEMENT CHARACTER}\n"
    assert str(logs / "herd.log") in both.err
    assert engine.out == "llama\N{REPLACEMENT CHARACTER}\n"


def test_logs_that_are_not_there_are_empty(herd: Caller) -> None:
    assert herd("logs").out == ""
    assert herd("logs", "--path").out == "".join(
        f"{herd.home / 'logs' / name}\n" for name in ("herd.log", "engine.log")
    )


def test_a_model_that_nobody_knows_is_no_default(herd: Caller) -> None:
    ran = herd("config", "model", "smollm3-2")

    assert ran.code == 3
    assert "neither installed nor offered" in ran.err
    assert "Did you mean" in ran.err
    assert not (herd.home / "config.toml").exists()
    assert herd("config", "model", "tiny").code == 0
