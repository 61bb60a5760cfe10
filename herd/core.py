"""One herd: its registry, store, transfers, engine and conversations, wired together.

The command line and the terminal app are given one of these and know nothing below
it. Each part is made when it is first used, so that a command pays for what it needs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from herd import wiring
from herd.errors import Interrupted, UnknownModel
from herd.memory import memory as memory
from herd.places import Places, places

if TYPE_CHECKING:
    from herd.adopt import Adopter
    from herd.answer import Answer
    from herd.chat import Conversation
    from herd.config import Config, Loading
    from herd.downloads import Downloads
    from herd.engine import Adapter, Engine, Extras, Loadable, State
    from herd.engine.running import Running
    from herd.fit import Placement
    from herd.history import History
    from herd.install import Installer, Order
    from herd.jobs import Job, Jobs
    from herd.library import Entry
    from herd.model import Choice, Installed, Sampling
    from herd.piece_repair import PieceRepairer
    from herd.plan import Plan
    from herd.ranks import Ranks
    from herd.registry import Registry
    from herd.repair import Repairer
    from herd.resolve import Promise
    from herd.share import Sharer
    from herd.store import Store
    from herd.talk import Talk
    from herd.transfer import Transfer
    from herd.unpack import Unpacker


class Herd:
    """Everything a front end may ask for."""

    def __init__(
        self,
        where: Places | None = None,
        *,
        transfer: Callable[[Config], Transfer] | None = None,
        engine: Callable[[Places, Config], Engine] | None = None,
    ) -> None:
        """Touches nothing on the disk.

        Args:
            where: The places; by default those of this person.
            transfer: Makes the carriers; tests give others.
            engine: Makes the engine; tests give others.
        """
        self.places = where or places()
        self._asked: dict[str, tuple[str, Promise | None]] = {}
        self._make_transfer = transfer or wiring.transfer
        self._make_engine = engine or wiring.engine
        self.loading: Loading | None = None
        """How the person wants models loaded in this run; it goes before the configuration."""
        self.adapters: tuple[Adapter, ...] = ()
        self.projector: Path | None = None
        """The vision encoder that every model sees with in this run, in place of its own."""
        self._closing = threading.Event()

    @cached_property
    def config(self) -> Config:
        """The configuration in force."""
        from herd.config import load

        return load(self.places.config_file)

    @cached_property
    def registry(self) -> Registry:
        """The shipped registry and those that the person added."""
        from herd.registry import load

        return load(self.places)

    def reread(self) -> None:
        """Read the registries anew when they are next asked for: somebody changed them."""
        self.__dict__.pop("registry", None)

    @cached_property
    def store(self) -> Store:
        """What is installed: in the person's own store, and beneath it in the machine's."""
        return wiring.store(self.places, self.config.store)

    @cached_property
    def ranks(self) -> Ranks:
        """How sources behaved on this machine."""
        from herd.ranks import Ranks

        return Ranks(self.places.ranks)

    @cached_property
    def installer(self) -> Installer:
        """The path into the store."""
        from herd.install import Installer

        transfer = self._make_transfer(self.config)
        return Installer(
            self.store, transfer, memory, self.ranks, lambda it: self.registry.find_digests(it)
        )

    @cached_property
    def adopter(self) -> Adopter:
        """What takes over the models of other tools."""
        from herd.adopt import Adopter

        return Adopter(self.store, lambda: self.registry.models)

    @cached_property
    def repairer(self) -> Repairer:
        """What mends the store by the piece."""
        from herd.repair import Repairer

        return Repairer(self.store, self.piece_repairer)

    @cached_property
    def unpacker(self) -> Unpacker:
        """What installs bundles."""
        from herd.unpack import Unpacker

        return Unpacker(self.store, self.piece_repairer, lambda: self.registry.models)

    @cached_property
    def piece_repairer(self) -> PieceRepairer:
        """What makes a file whole by the piece."""
        from herd.piece_repair import PieceRepairer

        return PieceRepairer(
            self.store, self._make_transfer(self.config), lambda: self.registry.models
        )

    @cached_property
    def sharer(self) -> Sharer:
        """Makes torrents of what is installed."""
        from herd.share import Sharer

        return Sharer(self.store, lambda: self.registry, self.places.cache / "torrents")

    @cached_property
    def jobs(self) -> Jobs:
        """Installs that run beside everything else."""
        from herd.chatting import Chatting
        from herd.download_orders import rules_of
        from herd.jobs import Jobs

        return Jobs(
            self.installer.install,
            self.downloads,
            rules_of(self.config),
            self._discard,
            Chatting(self.places.locks),
        )

    @cached_property
    def downloads(self) -> Downloads:
        """What was begun and is not done, by whichever herd."""
        from herd.downloads import Downloads

        return Downloads(self.places.downloads)

    @cached_property
    def engine(self) -> Engine:
        """The owner of loaded models; its process starts with the first one."""
        return self._make_engine(self.places, self.config)

    @cached_property
    def history(self) -> History:
        """Conversations."""
        from herd.history import History

        return History(self.places.chats)

    def choose(self, text: str, promise: Promise | None = None) -> Choice:
        """What a name, an address, a magnet or a path stands for."""
        from herd.resolve import resolve

        choice = self.ranks.choice(resolve(text, self.registry, promise, memory))
        self._asked[str(choice.reference)] = (text, promise)
        return choice

    def alike(self, choice: Choice) -> tuple[Choice, ...]:
        """The registry's ggml models that a file of the person's own may be, by its size."""
        from herd.resolve import alike

        return alike(choice, self.registry)

    def plan(self, choice: Choice, *, keeps_original: bool = False) -> Plan:
        """What installing it would take; `keeps_original` as in `install.Order`."""
        return self.installer.plan(choice, keeps_original=keeps_original)

    def start(self, order: Order) -> Job:
        """Begin an install in a thread of its own; it outlives this process in the list."""
        from herd.download_orders import asked_for

        name = str(order.choice.reference)
        return self.jobs.start(order, asked_for(order, *self._asked.get(name, (name, None))))

    def restore(self, name: str | None = None) -> tuple[Job, ...]:
        """Take over the downloads that no living process runs: all, or the one of this name.

        One that cannot be asked for any more (its registry is gone) stays in the list.
        """
        from herd.download_orders import restored

        # Where there is nothing to go on with, nothing is made that installs.
        return restored(self.downloads, name, self.choose, lambda *begun: self.jobs.start(*begun))

    def _discard(self, order: Order) -> None:
        self.installer.discard(order.choice)

    def transfers(self) -> tuple[Job, ...]:
        """The installs of this process, without making what installs need."""
        return self.jobs.all() if "jobs" in self.__dict__ else ()

    @property
    def states(self) -> tuple[State, ...]:
        """What each model does that is loaded, is being loaded or broke; starts no engine."""
        return self.engine.seen if "engine" in self.__dict__ else ()

    def first_model(self) -> Installed | None:
        """The model to begin with: the configured one, else the last installed one that runs."""
        able = [each for each in self.store.installed() if each.format.is_runnable]
        try:
            return self.installed(self.config.model)
        except UnknownModel:
            return max(able, key=lambda each: each.installed_at, default=None)

    def shelf(self) -> tuple[Entry, ...]:
        """What is offered and what is installed, the installed ones first."""
        from herd.library import shelve

        return shelve(self.registry.models, self.store.installed())

    def installed(self, text: str) -> Installed:
        """The installed model of this name or alias.

        Raises:
            NotInstalled: the registry knows it, the store does not have it.
            UnknownModel: nobody knows it.
        """
        from herd.lookup import installed

        return installed(text, self.store, lambda: self.registry)

    def remove(self, installed: Installed) -> int:
        """Take a model out of the store; bytes freed."""
        return self.store.remove(installed)

    def loadable(
        self, installed: Installed, sampling: Sampling | None = None, *, sees: bool = False
    ) -> Loadable:
        """What the engine must know of an installed model.

        Args:
            installed: The model.
            sampling: What the person set now; it goes before the settings and the registry.
            sees: Whether it will be shown images.

        Raises:
            CannotRun: it is of a format that herd does not run, or sees no images.
        """
        from herd import loadable

        wanted = loadable.wanted(self.config, self.loading, installed)
        made = loadable.of(self.store, installed, wanted, self.config.context)
        drawn = loadable.drawn(self.config, installed)
        drawn = sampling.over(drawn) if sampling else drawn
        made = replace(made, adapters=self.adapters, sampling=drawn)
        if sees:
            made = loadable.seeing(made, installed, self.store, self.projector)
        return made

    def ask(
        self,
        conversation: Conversation,
        sampling: Sampling | None = None,
        stop: threading.Event | None = None,
        extras: Extras | None = None,
    ) -> Answer:
        """The answer of the conversation's model to its last turn; it begins when iterated.

        Raises:
            UnknownModel, CannotRun: of the model, as `installed` and `loadable` say.
            BadUsage: an image that the last turn shows is none.
        """
        from herd.answer import Answer
        from herd.loadable import with_images

        installed = self.installed(conversation.model or self.config.model)
        wanted = sampling.over(conversation.sampling) if sampling else conversation.sampling
        conversation = with_images(conversation)
        sees = any(turn.images for turn in conversation.turns)
        loadable = self.loadable(installed, wanted, sees=sees)
        digest = installed.files[0].sha256
        answer = Answer(self.engine, loadable, conversation, stop, extras, digest)
        if "jobs" in self.__dict__:
            answer.meanwhile = self.jobs.while_chatting
        return answer

    def running(self) -> tuple[Running, ...]:
        """Models that are loaded on this machine, by whichever herd, the last used first."""
        from herd.engine.running import running

        return running(self.places.running)

    def foresee(self, choice: Choice) -> str | None:
        """How a model would be loaded here, from its header at its source; None: nobody tells."""
        from herd import foresight
        from herd.engine import gpus

        devices = gpus.devices(self.engine)
        return foresight.told(choice, foresight.shape_of(choice), devices, self.config.context)

    def placement(self, installed: Installed) -> Placement:
        """How an installed model would be loaded now."""
        from herd.engine import Settings, gpus
        from herd.engine.placing import placed

        settings = Settings(self.config.gpu_layers, self.config.threads)
        return placed(self.loadable(installed), settings, gpus.devices(self.engine))

    def aside(self, conversation: Conversation) -> Talk:
        """As `talk`, but nothing of it is kept: another model's answer to compare with."""
        from herd.talk import Nowhere, Talk

        talk = Talk(self.ask(conversation), conversation, Nowhere())
        talk.start()
        return talk

    def talk(self, conversation: Conversation, sampling: Sampling | None = None) -> Talk:
        """Begin the answer to the last turn in a thread of its own; history keeps it as it comes.

        Raises:
            UnknownModel, NotInstalled, CannotRun: nothing began.
            HerdError: the question could not be kept.
        """
        from herd.talk import Talk

        answer = self.ask(conversation, sampling)
        self.history.save(conversation)
        model = str(self.installed(conversation.model or self.config.model).reference)

        def is_loaded() -> bool:
            loaded = self.engine.loaded
            return loaded is not None and loaded.reference == model

        talk = Talk(answer, conversation, self.history, is_loaded=is_loaded)
        talk.start()
        return talk

    def hash_pieces(self, models: Sequence[Installed]) -> None:
        """Of what came faster than they could be hashed; in any thread, until `close`.

        Raises:
            DigestMismatch: the disk has lost bytes meanwhile.
        """
        from herd.progress import Gauge
        from herd.store.proof import Work
        from herd.verify import hash_pieces, lacking

        if lack := lacking(self.store, models):
            with suppress(Interrupted):
                hash_pieces(self.store, lack, Work(Gauge(), self._closing))

    def close(self) -> None:
        """Stop what runs: installs keep what they staged, the engine's process ends."""
        self._closing.set()
        parts = self.__dict__
        if "jobs" in parts:
            self.jobs.close()
        if "engine" in parts:
            self.engine.close()
        if "history" in parts:
            self.history.close()
