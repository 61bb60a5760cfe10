"""What works here and what does not: each finding is a line, and a bad one says what mends it."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from herd import __version__, disk
from herd.chat import Role, Turn
from herd.engine import Began, Engine, Finished, Loadable, gpus, trial
from herd.engine.cores import usable_cores
from herd.engine.values import Machine
from herd.errors import HerdError
from herd.model import HfSource, PypiSource, Sampling, UrlSource
from herd.transfer.pip import unreached
from herd.words import count as number_of
from herd.words import size

if TYPE_CHECKING:
    from herd.core import Herd

LITTLE_ROOM = 5_000_000_000
"""Bytes of disk below which hardly a model finds room."""

_WITHIN = 5.0
_PROMPT = "llama wool hum " * 80
_ANSWER = Sampling(temperature=0.0, max_tokens=64)


class Grade(StrEnum):
    """How a finding is shown."""

    GOOD = "good"
    NOTE = "note"
    """It works, and could be better."""
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    text: str
    grade: Grade = Grade.GOOD
    mend: str | None = None
    """The command, or the one thing to do, that mends it."""


Look = Callable[["Herd"], Iterator[Finding]]


def findings(herd: Herd, *, is_offline: bool = False) -> Iterator[Finding]:
    """Everything, as it is found; nothing here raises."""
    looks: list[Look] = [_herd, _devices, _store, _registry, _torrents]
    looks += [] if is_offline else [_network, _index]
    for look in (*looks, _terminal):
        try:
            yield from look(herd)
        except HerdError as error:
            subject = look.__name__.strip("_")
            mend = _mending(error, _MENDS.get(subject, "herd logs"))
            yield Finding(subject, error.message, Grade.BAD, mend)


_MENDS = {
    "herd": "herd config --help",
    "devices": "herd logs --engine",
    "store": "herd verify",
    "registry": "herd registry check",
}
"""What is typed next where an error has no command of its own."""


def _mending(error: HerdError, otherwise: str) -> str:
    """The command that an error speaks of, else what tells more."""
    if found := re.search(r"`([^`]+)`", error.hint or ""):
        return found[1]
    if error.hint and not error.hint.endswith("."):
        return error.hint
    return f"{otherwise}  # {error.hint}" if error.hint else otherwise


def _herd(herd: Herd) -> Iterator[Finding]:
    system = f"{platform.system()} {platform.machine()}"
    yield Finding("herd", f"{__version__}, Python {platform.python_version()}, {system}")
    _ = herd.config  # a file that does not read is an error of its own
    yield Finding("settings", str(herd.places.config_file))


def _devices(herd: Herd) -> Iterator[Finding]:
    engine = herd.engine
    try:
        built = f"llama-cpp-python {version('llama-cpp-python')}"
    except PackageNotFoundError:
        built = "llama-cpp-python is not installed"
    if herd.config.rpc and not gpus.knows_rpc():
        text = "The setting rpc names other machines, and this build of llama.cpp cannot use them."
        yield Finding("RPC", text, Grade.BAD, gpus.build_command("RPC"))
        return
    machine = engine.look()
    parts = f"for {', '.join(machine.backends) or 'CPU'}: {' '.join(machine.features)}"
    yield Finding("llama.cpp", f"{built} {parts}")
    yield from _missed()
    yield from _unseen(machine)
    for device in machine.devices:
        memory = f"{size(device.free)} of {size(device.total)} free"
        cores = "" if device.is_gpu else f", {usable_cores()} threads"
        yield Finding(device.name, f"{device.description}{cores}, {memory}")
    yield from _speeds(herd, machine)


def _missed() -> Iterator[Finding]:
    """A GPU that lies idle because llama.cpp was not built for it."""
    gpu = gpus.missed()
    if gpu is None:
        return
    first = gpus.needs_first(gpu.vendor)
    command = gpus.build_command(gpu.vendor)
    text = f"There is one by {gpu.vendor}, and this build of llama.cpp cannot use it"
    yield Finding("GPU", f"{text}; {first}." if first else f"{text}.", Grade.BAD, command)


def _unseen(machine: Machine) -> Iterator[Finding]:
    """A GPU that llama.cpp was built for, and of which its driver shows it none."""
    if any(device.is_gpu for device in machine.devices) or not (built := gpus.usable()):
        return
    if name := gpus.hidden(os.environ):
        text = f"{name} hides it from llama.cpp: everything is computed on the CPU."
        yield Finding("GPU", text, Grade.NOTE, f"unset {name}")
        return
    vendor = built[0].vendor
    text = f"There is one by {vendor}, llama.cpp was built for it, and its driver shows none."
    mend = "nvidia-smi" if vendor == "NVIDIA" else "herd logs --engine"
    yield Finding("GPU", text, Grade.BAD, f"{mend}  # it says what is wrong")


def _speeds(herd: Herd, machine: Machine) -> Iterator[Finding]:
    """What each device makes of the smallest model that is installed, else of noise."""
    able = [each for each in herd.store.installed() if each.format.is_runnable]
    able = [each for each in able if each.role == "chat"]
    smallest = min(able, key=lambda each: each.size, default=None)
    with tempfile.TemporaryDirectory() as folder:
        for device in machine.devices:
            if smallest:
                path, name = herd.store.path_of(smallest), str(smallest.reference)
            else:
                path, name = trial.write(Path(folder) / "trial.gguf"), "a trial model"
            layers = -1 if device.is_gpu else 0
            model = Loadable(name, path, gpu_layers=layers, device=device.name)
            yield _speed(herd.engine, model, device.name)


def _speed(engine: Engine, model: Loadable, device: str) -> Finding:
    subject = f"speed on {device}"
    try:
        ready = engine.ensure(model)
        began, finished = _said(engine, model)
    except HerdError as error:
        mend = _mending(error, "herd logs --engine")
        return Finding(subject, error.message, Grade.BAD, mend)
    if began is None or finished is None or not finished.tokens:
        return Finding(subject, f"{model.reference} says nothing.", Grade.BAD, "herd logs --engine")
    reading = (began.prompt_tokens - began.reused_tokens) / max(1e-9, finished.first_token_seconds)
    writing = (finished.tokens - 1) / max(1e-9, finished.seconds)
    where = f", on {ready.device} instead" if ready.device != device else ""
    text = (
        f"{model.reference}: reads {reading:,.0f} tokens/s, writes {writing:,.0f} tokens/s{where}"
    )
    return Finding(subject, text, Grade.NOTE if where else Grade.GOOD)


def _said(engine: Engine, model: Loadable) -> tuple[Began | None, Finished | None]:
    began, finished = None, None
    turns = [Turn(Role.USER, _PROMPT)]
    for piece in engine.answer(model, turns, _ANSWER, threading.Event()):
        match piece:
            case Began():
                began = piece
            case Finished():
                finished = piece
    return began, finished


def _store(herd: Herd) -> Iterator[Finding]:
    store = herd.store
    if store.is_away:
        text = f"The store at {store.root} is not there: is its drive unplugged?"
        yield Finding("store", text, Grade.BAD, "herd config store --unset  # or plug it in")
        return
    held = store.installed()
    once = {file.sha256: file.size for each in held for file in each.files}
    where = disk.nearest(store.root)
    if not os.access(where, os.W_OK):
        yield Finding(
            "store", f"{store.root} cannot be written.", Grade.BAD, "export HERD_HOME=DIR"
        )
    else:
        yield Finding("store", f"{store.root}: {len(held)} installed, {size(sum(once.values()))}")
    for path in store.damaged():
        name = f"{path.parent.name}:{path.stem}"
        mend = f"rm {path} && herd install {name}"
        yield Finding("store", f"{path} does not read as a manifest.", Grade.BAD, mend)
    free = disk.free(store.root)
    if free < LITTLE_ROOM:
        yield Finding("disk", f"{size(free)} are free: little.", Grade.NOTE, "herd prune")
    else:
        yield Finding("disk", f"{size(free)} are free")


def _registry(herd: Herd) -> Iterator[Finding]:
    registry = herd.registry
    for sentence in registry.troubles:
        yield Finding("registry", sentence, Grade.BAD, "herd registry update")
    hidden = len(registry.hidden)
    registries = number_of(len(registry.origins), "registry", "registries")
    count = f"{number_of(len(registry.models), 'model')} of {registries}"
    if not hidden:
        yield Finding("registry", count)
        return
    text = f"{count}; {hidden} have names that were taken."
    yield Finding("registry", text, Grade.NOTE, "herd registry list")


def _torrents(herd: Herd) -> Iterator[Finding]:  # noqa: ARG001  # looks are called alike
    if importlib.util.find_spec("libtorrent"):
        yield Finding("torrents", "libtorrent is there")
    else:
        mend = f"{sys.executable} -m pip install libtorrent"
        yield Finding("torrents", "Without libtorrent no magnet works.", Grade.NOTE, mend)


def _network(herd: Herd) -> Iterator[Finding]:
    """Whether the hosts that most models come from can be reached at all."""
    hosts: dict[str, int] = {}
    for model in herd.registry.models:
        for variant in model.variants:
            for file in variant.files:
                for source in file.sources:
                    if isinstance(source, HfSource | UrlSource):
                        host = _host(source)
                        hosts[host] = hosts.get(host, 0) + 1
    most = sorted(hosts, key=lambda each: hosts[each], reverse=True)[:2]
    proxy = os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY")
    if proxy:
        yield Finding("network", "A proxy is set; what is behind it is not tried.")
        return
    for host in most:
        try:
            socket.create_connection((host, 443), _WITHIN).close()
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            yield Finding(
                "network",
                f"{host} cannot be reached ({reason}): models that lie there do not come.",
                Grade.BAD,
                "export https_proxy=http://PROXY:PORT  # or: herd install ./FILE.gguf",
            )
        else:
            yield Finding("network", f"{host} can be reached")


def _index(herd: Herd) -> Iterator[Finding]:
    """Whether pip's package index can be asked, from which models come that packages carry."""
    sources = (
        source
        for model in herd.registry.models
        for variant in model.variants
        for file in variant.files
        for source in file.sources
        if isinstance(source, PypiSource)
    )
    source = next(sources, None)
    if source is None:
        return
    package = source.requirement.partition("==")[0]
    if why := unreached(package, _WITHIN):
        text = f"{package} cannot be had from it ({why}): models in packages do not come."
        yield Finding("package index", text, Grade.BAD, f"{sys.executable} -m pip config list")
    else:
        yield Finding("package index", "can be reached")


def _host(source: HfSource | UrlSource) -> str:
    if isinstance(source, HfSource):
        return "huggingface.co"
    return source.url.split("//", 1)[-1].split("/", 1)[0].split(":")[0]


def _terminal(herd: Herd) -> Iterator[Finding]:  # noqa: ARG001  # looks are called alike
    columns, lines = shutil.get_terminal_size((0, 0))
    encoding = (sys.stdout.encoding or "").lower()
    if "utf" not in encoding:
        text = f"{encoding or 'no encoding'}: many letters are shown as question marks."
        yield Finding("terminal", text, Grade.BAD, "export LC_ALL=C.UTF-8")
    term = os.environ.get("TERM", "")
    colours = "24 bit colour" if os.environ.get("COLORTERM") in ("truecolor", "24bit") else ""
    if term in ("", "dumb"):
        text = f"TERM is {term or 'not set'}: the app cannot draw."
        yield Finding("terminal", text, Grade.NOTE, "export TERM=xterm-256color")
    elif columns and (columns < 80 or lines < 24):
        text = f"{columns} x {lines}: the app wants 80 x 24."
        yield Finding("terminal", text, Grade.NOTE, "Make the window larger.")
    else:
        where = f"{columns} x {lines}" if columns else ""
        yield Finding("terminal", ", ".join(filter(None, [term, where, colours])))
