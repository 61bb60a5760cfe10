"""config.toml and HERD_* -> Config. Strict: a key that herd does not know is an error."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from herd.errors import ConfigError
from herd.words import nearest


@dataclass(frozen=True)
class Config:
    """What the person chose; the defaults are herd's."""

    model: str = "smollm2"
    """The model that the app and `herd run` offer first."""
    context: int = 4096
    """Tokens that a conversation may hold, at most what the model was trained on."""
    gpu_layers: int = -1
    """Layers on the GPU; -1: as many as there are."""
    threads: int = 0
    """Threads that generate; 0: one for each physical core."""
    keep_alive: int = 1800
    """Seconds that a model stays loaded without being used; -1: as long as there is room."""
    dht: bool = True
    """Whether a magnet may be looked up in the distributed hash table."""


ENVIRONMENT = {each.name: f"HERD_{each.name.upper()}" for each in fields(Config)}
"""The variable that overrides each key."""

_LIMITS = {
    "context": (64, 1 << 24),
    "gpu_layers": (-1, 10_000),
    "threads": (0, 1024),
    "keep_alive": (-1, 1 << 31),
}


def load(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration in force: the file where there is one, HERD_* over it.

    Raises:
        ConfigError: the file or a variable does not read; nothing is guessed.
    """
    values = _from_file(path)
    for name, variable in ENVIRONMENT.items():
        if text := (os.environ if environ is None else environ).get(variable):
            values[name] = _checked(name, _from_text(name, text, variable), variable)
    return Config(**values)  # type: ignore[arg-type]  # checked name by name above


def parse(name: str, text: str) -> object:
    """The value that a person typed for a setting.

    Raises:
        ConfigError: there is no such setting, or it takes no such value.
    """
    _known(name, name)
    return _checked(name, _from_text(name, text, name), name)


def _known(name: str, said: str) -> None:
    if name not in ENVIRONMENT:
        near = nearest(name, list(ENVIRONMENT))
        hint = near[:1].upper() + near[1:] or f"herd knows {', '.join(ENVIRONMENT)}."
        raise ConfigError(f"{said} is not a setting of herd.", hint)


def _from_file(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as stream:
            document = tomllib.load(stream)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} does not read: {error}.", "Mend or remove the file.") from error
    for name in document:
        _known(name, f"{path}: {name}")
    return {name: _checked(name, value, str(path)) for name, value in document.items()}


def _from_text(name: str, text: str, variable: str) -> object:
    kind = type(getattr(Config, name))
    if kind is bool:
        known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if text.lower() in known:
            return known[text.lower()]
        raise ConfigError(f"{variable}={text} is neither yes nor no.", "Write 1 or 0.")
    if kind is int:
        try:
            return int(text)
        except ValueError as error:
            raise ConfigError(f"{variable}={text} is not a whole number.") from error
    return text


def _checked(name: str, value: object, origin: str) -> object:
    kind = type(getattr(Config, name))
    if type(value) is not kind:
        words = {int: "a whole number", bool: "true or false", str: "a text"}
        raise ConfigError(f"{origin}: {name} must be {words[kind]}, not {value!r}.")
    if name in _LIMITS and isinstance(value, int):
        low, high = _LIMITS[name]
        if not low <= value <= high:
            raise ConfigError(f"{origin}: {name} must be from {low} to {high}, not {value}.")
    return value
