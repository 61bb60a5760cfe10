"""What the two processes say to each other: one JSON object on each line.

Every request has a number, and every reply carries the number of its request, so that
what still arrives of an answer that nobody waits for is told apart from the next one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from herd.chat import Call, Role, Turn
from herd.engine.pieces import (
    Began,
    Extras,
    Finished,
    Loadable,
    Odds,
    Ready,
    Text,
    Vector,
)
from herd.model import Sampling

LONGEST_REPLY = 1 << 20
"""Bytes of a reply; a longer one is not believed."""


class Garbled(Exception):
    """The other side said something that is not of this protocol."""


@dataclass(frozen=True)
class Settings:
    """What the person chose for every model."""

    gpu_layers: int = -1
    """Layers on the GPU; -1: as many as there are."""
    threads: int = 0
    """Threads that generate; 0: one for each physical core."""
    running: str | None = None
    """The folder in which loaded models show themselves to other herds; None: they do not."""


@dataclass(frozen=True)
class Load:
    """Have this model loaded, and no other."""

    model: Loadable
    settings: Settings


@dataclass(frozen=True)
class Ask:
    """Answer the last of these turns with the model that is loaded."""

    turns: tuple[Turn, ...]
    sampling: Sampling
    stop: tuple[str, ...]
    extras: Extras = field(default_factory=Extras)


@dataclass(frozen=True)
class Embed:
    """Give a Vector for each of these texts, with the model that is loaded."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Stop:
    """Leave the request of this number, wherever it is."""


@dataclass(frozen=True)
class Sign:
    """A sign of life from something that takes long."""

    fraction: float
    """From 0 to 1: how much of the file is loaded, or of the prompt is read."""


@dataclass(frozen=True)
class Failed:
    """A request came to nothing."""

    error: str
    """Its name in herd.errors."""
    message: str
    hint: str | None


Request = Load | Ask | Embed | Stop
Reply = Ready | Began | Text | Odds | Vector | Finished | Sign | Failed

_REPLIES = {
    kind.__name__: kind for kind in (Ready, Began, Text, Odds, Vector, Finished, Sign, Failed)
}
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "Reason": (str,),
    "str | None": (str, type(None)),
    "tuple[float, ...]": (list,),
    "Mapping[str, float]": (dict,),
}


def encode(number: int, said: Request | Reply) -> bytes:
    """One line; nothing in it but ASCII."""
    line = {"number": number, "kind": type(said).__name__, **asdict(said)}
    return json.dumps(line, default=str).encode() + b"\n"


def decode_reply(line: bytes) -> tuple[int, Reply]:
    """The number of the request, and what the child says to it.

    Raises:
        Garbled: it is no reply; the child is not to be believed any longer.
    """
    try:
        said = json.loads(line)
        number, kind = said.pop("number"), _REPLIES[said.pop("kind")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Garbled("no reply") from error
    wanted = {each.name: _TYPES[str(each.type)] for each in fields(kind)}
    if type(number) is not int or said.keys() != wanted.keys():
        raise Garbled("a reply with other fields")
    if not all(isinstance(said[name], types) for name, types in wanted.items()):
        raise Garbled("a reply with values of other types")
    if not all(type(value) in (int, float) for value in _numbers(said)):
        raise Garbled("a reply with values of other types")
    if kind is Vector:
        said["values"] = tuple(said["values"])
    return number, kind(**said)


def _numbers(said: dict[str, Any]) -> Iterator[object]:
    """What stands in the lists and the mappings of a reply."""
    for value in said.values():
        if isinstance(value, list):
            yield from value
        if isinstance(value, dict):
            yield from value.values()


def decode_request(line: bytes) -> tuple[int, Request]:
    """The number of the request, and what the parent wants."""
    said: dict[str, Any] = json.loads(line)
    number = int(said["number"])
    match said["kind"]:
        case "Load":
            return number, Load(_loadable(said["model"]), Settings(**said["settings"]))
        case "Ask":
            sampling = Sampling(**said["sampling"])
            extras = Extras(**said["extras"] | {"tools": tuple(said["extras"]["tools"])})
            return number, Ask(_turns(said["turns"]), sampling, tuple(said["stop"]), extras)
        case "Embed":
            return number, Embed(tuple(said["texts"]))
        case "Stop":
            return number, Stop()
        case _:
            raise Garbled("no request")


def _loadable(said: dict[str, Any]) -> Loadable:
    return Loadable(
        **said
        | {
            "path": Path(said["path"]),
            "stop": tuple(said["stop"]),
            "sampling": Sampling(**said["sampling"]),
        }
    )


def _turns(said: Sequence[dict[str, Any]]) -> tuple[Turn, ...]:
    return tuple(
        Turn(
            **turn
            | {
                "role": Role(turn["role"]),
                "calls": tuple(Call(**call) for call in turn["calls"]),
            }
        )
        for turn in said
    )
