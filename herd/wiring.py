"""Makes the parts of a herd that the settings decide about; each drags its world in only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from herd.config import Config
from herd.places import Places

if TYPE_CHECKING:
    from herd.engine import Engine
    from herd.transfer import Transfer


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

    settings = Settings(config.gpu_layers, config.threads, running=str(where.running))
    keep_alive = None if config.keep_alive < 0 else float(config.keep_alive)
    return Visitor(where.door, where.engine_log, settings=settings, keep_alive=keep_alive)
