"""What the two processes say to each other: one JSON object on each line.

Every request has a number, and every reply carries the number of its request, so that
what still arrives of an answer that nobody waits for is told apart from the next one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from herd.chat import Call, Role, Turn
from herd.engine.values import (
    Adapter,
    Began,
    Extras,
    Finished,
    Loadable,
    Machine,
    Odds,
    Ready,
    Text,
    Thinking,
    Vector,
)
from herd.fit import Device
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
    rpc: tuple[str, ...] = ()
    """RPC servers of llama.cpp whose devices are used too, each `host:port`."""
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
class Look:
    """Say what there is to compute on: a Machine."""

    rpc: tuple[str, ...] = ()
    """RPC servers of llama.cpp, each `host:port`."""


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


Request = Load | Ask | Embed | Look | Stop
Reply = Machine | Ready | Began | Thinking | Text | Odds | Vector | Finished | Sign | Failed

_REPLIES = {
    kind.__name__: kind
    for kind in (Machine, Ready, Began, Thinking, Text, Odds, Vector, Finished, Sign, Failed)
}
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "Reason": (str,),
    "str | None": (str, type(None)),
    "bool": (bool,),
    "tuple[float, ...]": (list,),
    "tuple[str, ...]": (list,),
    "tuple[Device, ...]": (list,),
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
    wanted = {each.name: str(each.type) for each in fields(kind)}
    if type(number) is not int or said.keys() != wanted.keys():
        raise Garbled("a reply with other fields")
    if not all(isinstance(said[name], _TYPES[form]) for name, form in wanted.items()):
        raise Garbled("a reply with values of other types")
    try:
        return number, kind(**{name: _part(wanted[name], said[name]) for name in said})
    except (TypeError, KeyError) as error:
        raise Garbled("a reply with values of other types") from error


def _part(form: str, value: Any) -> Any:
    """A value of a reply, with what is in it.

    Raises:
        TypeError: something in it is not what it should be.
    """
    match form:
        case "tuple[Device, ...]":
            return tuple(_device(each) for each in value)
        case "tuple[float, ...]":
            return tuple(_checked(each, int, float) for each in value)
        case "tuple[str, ...]":
            return tuple(_checked(each, str) for each in value)
        case "Mapping[str, float]":
            return {name: _checked(each, int, float) for name, each in value.items()}
        case _:
            return value


def _device(said: Any) -> Device:
    device = Device(**said)
    for name in ("free", "total"):
        _checked(getattr(device, name), int)
    for name in ("name", "description"):
        _checked(getattr(device, name), str)
    return device


def _checked(value: Any, *kinds: type) -> Any:
    if type(value) not in kinds:
        raise TypeError(value)
    return value


def decode_request(line: bytes) -> tuple[int, Request]:
    """The number of the request, and what the parent wants."""
    said: dict[str, Any] = json.loads(line)
    number = int(said["number"])
    match said["kind"]:
        case "Load":
            settings = said["settings"] | {"rpc": tuple(said["settings"]["rpc"])}
            return number, Load(_loadable(said["model"]), Settings(**settings))
        case "Ask":
            sampling = Sampling(**said["sampling"])
            extras = Extras(**said["extras"] | {"tools": tuple(said["extras"]["tools"])})
            return number, Ask(_turns(said["turns"]), sampling, tuple(said["stop"]), extras)
        case "Embed":
            return number, Embed(tuple(said["texts"]))
        case "Look":
            return number, Look(tuple(said["rpc"]))
        case "Stop":
            return number, Stop()
        case _:
            raise Garbled("no request")


def _loadable(said: dict[str, Any]) -> Loadable:
    return Loadable(
        **said
        | {
            "path": Path(said["path"]),
            "projector": Path(said["projector"]) if said["projector"] else None,
            "stop": tuple(said["stop"]),
            "sampling": Sampling(**said["sampling"]),
            "adapters": tuple(
                Adapter(Path(each["path"]), each["scale"]) for each in said["adapters"]
            ),
        }
    )


def _turns(said: Sequence[dict[str, Any]]) -> tuple[Turn, ...]:
    return tuple(
        Turn(
            **turn
            | {
                "role": Role(turn["role"]),
                "calls": tuple(Call(**call) for call in turn["calls"]),
                "images": tuple(turn["images"]),
            }
        )
        for turn in said
    )
