"""config.toml and HERD_* -> Config. Strict: a key that herd does not know is an error."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herd.errors import ConfigError
from herd.words import bytes_of, nearest

if TYPE_CHECKING:
    from herd.model import Sampling

CACHES = ("f16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "bf16", "f32")
"""Types that the keys and values of a context may have."""


@dataclass(frozen=True)
class Loading:
    """How a model is to be loaded; None leaves it to herd."""

    context: int | None = None
    gpu_layers: int | None = None
    threads: int | None = None
    cache: str | None = None
    """One of CACHES."""
    batch: int | None = None
    """Tokens of a prompt that are read at once."""
    flash_attn: bool | None = None
    mmap: bool | None = None
    """Whether the file is mapped into memory, or read into it."""
    template: str | None = None
    """The name of a chat template, in place of the model's own (herd.templates)."""

    def over(self, other: Loading) -> Loading:
        """This, and where it says nothing, the other."""
        mine = {name: value for name, value in vars(self).items() if value is not None}
        return replace(other, **mine)


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
    rpc: str = ""
    """RPC servers of llama.cpp that compute too: `host:port, host:port`; they are not encrypted."""
    keep_alive: int = 1800
    """Seconds that a model stays loaded without being used; -1: as long as there is room."""
    download_limit: int = 0
    """Bytes per second of all downloads together; 0: no limit."""
    connections: int = 8
    """Connections to one host; 16 are quicker where packets get lost, and less polite."""
    upload_limit: int = 0
    """Bytes per second that sharing may take; 0: no limit."""
    chatting_limit: int = 0
    """Bytes per second of all downloads while a model answers; 0: as else."""
    download_hours: str = ""
    """When downloads may run: 22:00-07:00; empty: always."""
    downloads_at_once: int = 2
    """Downloads that run at the same time; the others wait."""
    pause_metered: bool = True
    """Whether downloads wait while the connection is metered."""
    store: str = ""
    """The folder of the store; empty: among herd's own things. `herd move-store` sets it."""
    dht: bool = True
    """Whether a magnet may be looked up in the distributed hash table."""
    lan: bool = False
    """Whether peers of a swarm are looked for on the own network, which is told what is fetched."""
    theme: str = ""
    """The colours of the app, by the name of a Textual theme; empty: herd's choice."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Other keys for commands of the app: a table `[keys]` of `"chat.stop" = "ctrl+x"`."""
    sampling: Mapping[str, Sampling] = field(default_factory=dict)
    """How single models draw: the same tables."""
    models: Mapping[str, Loading] = field(default_factory=dict)
    """How single models are loaded: tables `[models.NAME]` or `[models."NAME:VARIANT"]`."""


_TABLES = ("models", "sampling", "keys")
ENVIRONMENT = {
    each.name: f"HERD_{each.name.upper()}" for each in fields(Config) if each.name not in _TABLES
}
"""The variable that overrides each key."""

_LIMITS = {
    "context": (64, 1 << 24),
    "batch": (32, 1 << 16),
    "top_k": (0, 1 << 24),
    "repeat_last_n": (-1, 1 << 24),
    "seed": (0, 1 << 63),
    "max_tokens": (1, 1 << 24),
    "gpu_layers": (-1, 10_000),
    "threads": (0, 1024),
    "download_limit": (0, 1 << 40),
    "upload_limit": (0, 1 << 40),
    "chatting_limit": (0, 1 << 40),
    "downloads_at_once": (1, 64),
    "connections": (1, 16),
    "keep_alive": (-1, 1 << 31),
}


_REALS = {
    "temperature": (0, 100),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "repeat_penalty": (0, 100),
}
_KINDS: dict[str, type] = {"flash_attn": bool, "mmap": bool} | dict.fromkeys(
    ("batch", "top_k", "repeat_last_n", "seed", "max_tokens"), int
)
"""Of what is set for single models alone."""
_RATES = ("download_limit", "upload_limit", "chatting_limit")
"""Settings that are bytes per second; typed, they may be `500k` or `2MB`."""


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
        from herd import disk

        with disk.ordinary(path) as stream:
            text = stream.read()
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        home = next(each for each in path.parents if each.exists())
        raise ConfigError(
            f"{home} is no folder, and herd is to keep its things there.",
            "HERD_HOME takes the path of a folder.",
        ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"{path} does not read: {reason}.", "Mend or remove the file.") from error
    import tomllib  # 6 ms, and the nouns 10; most people have no such file

    from herd.model import Sampling

    try:
        document = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} does not read: {error}.", "Mend or remove the file.") from error
    models = _tables(document.pop("models", {}), str(path))
    tables: dict[str, object] = {
        "models": {name: Loading(**_of(Loading, table)) for name, table in models.items()},
        "sampling": {name: Sampling(**_of(Sampling, table)) for name, table in models.items()},
        "keys": _keys(document.pop("keys", {}), str(path)),
    }
    for name in document:
        _known(name, f"{path}: {name}")
    flat = {name: _checked(name, value, str(path)) for name, value in document.items()}
    return flat | tables


def _keys(table: object, path: str) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(key, str) for key in table.values()):
        raise ConfigError(
            f'{path}: keys must be a table of texts: "chat.stop" = "ctrl+x".',
            "F1 in the app lists the commands.",
        )
    return table


def _tables(tables: object, path: str) -> dict[str, dict[str, Any]]:
    """The tables of single models, which say how each is loaded and how it draws."""
    if not isinstance(tables, dict) or not all(isinstance(each, dict) for each in tables.values()):
        raise ConfigError(f"{path}: models must be tables: `[models.smollm2]`.")
    for model, table in tables.items():
        for name, value in table.items():
            _check_of_model(name, value, f"{path}: models.{model}")
    return tables


def _of(kind: type, table: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in table.items() if name in names}


def _check_of_model(name: str, value: object, origin: str) -> None:
    from herd.model import Sampling
    from herd.templates import TEMPLATES

    known = [each.name for kind in (Loading, Sampling) for each in fields(kind)]
    if name not in known:
        near = nearest(name, known)
        raise ConfigError(
            f"{origin}: {name} is nothing that a model is loaded with, or draws by.",
            near[:1].upper() + near[1:] or f"herd knows {', '.join(known)}.",
        )
    if name in _REALS:
        if type(value) not in (int, float) or not _REALS[name][0] <= value <= _REALS[name][1]:  # type: ignore[operator]  # a number by now
            low, high = _REALS[name]
            raise ConfigError(f"{origin}: {name} must be from {low} to {high}, not {value!r}.")
    elif name == "cache" and value not in CACHES:
        raise ConfigError(f"{origin}: cache must be one of {', '.join(CACHES)}.")
    elif name == "template" and value not in tuple(TEMPLATES):
        raise ConfigError(f"{origin}: template must be one of {', '.join(TEMPLATES)}.")
    elif name not in ("cache", "template"):
        _checked(name, value, origin, _KINDS.get(name))


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
            rate = bytes_of(text) if name in _RATES else None
            if rate is not None:
                return rate
            hint = "Write bytes per second, such as 500k or 2MB." if name in _RATES else ""
            raise ConfigError(f"{variable}={text} is not a whole number.", hint) from error
    return text


def _checked(name: str, value: object, origin: str, kind: type | None = None) -> object:
    kind = kind or type(getattr(Config, name))
    what = name if origin == name else f"{origin}: {name}"
    if type(value) is not kind:
        words = {int: "a whole number", bool: "true or false", str: "a text"}
        raise ConfigError(f"{what} must be {words[kind]}, not {value!r}.")
    if isinstance(value, str) and not value.isprintable():
        raise ConfigError(f"{origin}: {name} has a character that cannot be shown.")
    if name in _LIMITS and isinstance(value, int):
        low, high = _LIMITS[name]
        if not low <= value <= high:
            raise ConfigError(f"{what} must be from {low} to {high}, not {value}.")
    return value
