from __future__ import annotations

import os
from pathlib import Path

import pytest

from herd.config import Config, Loading, load
from herd.errors import ConfigError
from herd.model import Sampling


def test_without_a_file_herd_has_its_own_defaults(tmp_path: Path) -> None:
    assert load(tmp_path / "config.toml", {}) == Config()


def test_the_file_says_what_it_says_and_the_environment_goes_before_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('model = "qwen3-4b"\ncontext = 8192\n')

    config = load(path, {"HERD_CONTEXT": "2048", "HERD_DHT": "no"})

    assert config == Config(model="qwen3-4b", context=2048, dht=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("contxt = 1", "contxt is not a setting of herd."),
        ("context = true", "context must be a whole number, not True."),
        ("context = 1", "context must be from 64 to 16777216, not 1."),
        ("model = 3", "model must be a text, not 3."),
        ("model = ", "does not read"),
        ("[context]\nx = 1", "context must be a whole number"),
        ("models = 3", "models must be tables"),
        ("keys = 3", "keys must be a table"),
        ('[keys]\n"chat.stop" = 3', "keys must be a table"),
        ("[models]\nsmollm2 = 3", "models must be tables"),
        ("[models.smollm2]\nctx = 3", "models.smollm2: ctx is nothing that a model is loaded"),
        ("[models.smollm2]\ncontext = 3", "models.smollm2: context must be from 64"),
        ('[models.smollm2]\ncache = "q9"', "cache must be one of f16, q8_0"),
        ('[models.smollm2]\ntemplate = "wool"', "template must be one of alpaca"),
        ("[models.smollm2]\ntemplate = []", "template must be one of alpaca"),
        ("[models.smollm2]\nflash_attn = 1", "flash_attn must be true or false"),
        ("[models.smollm2]\ntemperature = nan", "temperature must be from 0 to 100"),
        ("[models.smollm2]\ntop_p = true", "top_p must be from 0 to 1"),
        ("[models.smollm2]\ntop_k = 0.5", "top_k must be a whole number"),
    ],
)
def test_a_setting_that_does_not_read_is_one_sentence(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)

    with pytest.raises(ConfigError) as caught:
        load(path, {})

    assert message in caught.value.message
    assert str(path) in caught.value.message


def test_commands_of_the_app_may_have_other_keys_and_colours(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('theme = "nord"\n[keys]\n"chat.stop" = "ctrl+x"\n')

    config = load(path, {})

    assert config.keys == {"chat.stop": "ctrl+x"}
    assert config.theme == "nord"


def test_single_models_may_be_loaded_in_another_way(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[models."qwen3:q4_0"]\ncontext = 8192\ncache = "q8_0"\n')

    assert load(path, {}).models == {"qwen3:q4_0": Loading(context=8192, cache="q8_0")}
    assert Loading(threads=2).over(Loading(context=9, threads=1)) == Loading(9, threads=2)


def test_single_models_may_draw_and_compute_in_another_way(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        "[models.qwen3]\ntemperature = 1\nmin_p = 0.1\nseed = 3\nbatch = 64\nmmap = false\n"
        'flash_attn = true\ntemplate = "chatml"\n'
    )

    config = load(path, {})

    assert config.sampling == {"qwen3": Sampling(temperature=1, min_p=0.1, seed=3)}
    assert config.models == {
        "qwen3": Loading(batch=64, mmap=False, flash_attn=True, template="chatml")
    }


def test_a_misspelt_setting_names_the_nearest_one(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("contxt = 1")

    with pytest.raises(ConfigError) as caught:
        load(path, {})

    assert caught.value.hint == "Did you mean context?"


@pytest.mark.parametrize(
    ("variable", "text"),
    [("HERD_CONTEXT", "many"), ("HERD_DHT", "perhaps"), ("HERD_THREADS", "-1")],
)
def test_a_variable_that_does_not_read_is_named(tmp_path: Path, variable: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.toml", {variable: text})

    assert variable in caught.value.message


@pytest.mark.parametrize("text", ["context = " + "[" * 100_000, 'store = "\\u0000"'])
def test_a_file_made_to_do_harm_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=r"config\.toml"):
        load(path, {})


def test_a_home_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")

    with pytest.raises(ConfigError) as refusal:
        load(tmp_path / "home" / "config.toml", {})

    assert refusal.value.message.startswith(f"{tmp_path / 'home'} is no folder, and herd")
    assert refusal.value.hint == "HERD_HOME takes the path of a folder."


def test_a_pipe_in_the_place_of_the_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    os.mkfifo(path)

    with pytest.raises(ConfigError, match="is no ordinary file"):
        load(path, {})
