"""Makes the parts of a herd that the settings decide about; each drags its world in only then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from herd.config import Config, load
from herd.places import Places, expanded

if TYPE_CHECKING:
    from herd.engine import Engine
    from herd.store import Store
    from herd.transfer import Transfer


def store(own: Places, chosen: str) -> Store:
    """The person's own store, at the folder that they chose, and beneath it the machine's."""
    from herd.store import Store, View

    if chosen:
        own = replace(own, store=expanded(chosen).absolute())
    shared = load(own.system_config, {}).store if own.system_config.is_file() else None
    below = (View(replace(own, store=Path(shared))),) if shared else ()
    return Store(own, below, is_chosen=bool(chosen))


def transfer(config: Config) -> Transfer:
    """The carriers, as the person set them."""
    from herd.transfer import Transfer

    return Transfer(
        dht=config.dht, lan=config.lan, upload=config.upload_limit, connections=config.connections
    )


def engine(where: Places, config: Config) -> Engine:
    """The owner of loaded models, as the person set it."""
    from herd.engine import Settings
    from herd.engine.visitor import Visitor

    rpc = tuple(filter(None, (each.strip() for each in config.rpc.split(","))))
    settings = Settings(config.gpu_layers, config.threads, rpc, running=str(where.running))
    keep_alive = None if config.keep_alive < 0 else float(config.keep_alive)
    return Visitor(where.door, where.engine_log, settings=settings, keep_alive=keep_alive)
