"""A model that is loaded, and how it is spoken to. In the child."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from herd.chat import Turn
from herd.engine.cores import usable_cores
from herd.engine.flag import StopFlag
from herd.engine.llama import Llama, Wanted, machine
from herd.engine.pieces import NO_TEMPLATE, OWN_TEMPLATE, REGISTRY_TEMPLATE, Ready
from herd.engine.placing import placed
from herd.engine.protocol import Load
from herd.engine.quoting import quoted
from herd.engine.template import Special, Template, TemplateFailed, plain
from herd.engine.thinking import Marks, begun_by
from herd.errors import EngineFailed


@dataclass(frozen=True)
class Spoken:
    """A template, if there is one, and whose it is in words."""

    template: Template | None
    origin: str


class Talker:
    """A loaded model with the template that is in force."""

    def __init__(self, load: Load, stop: StopFlag, moved: Callable[[float], None]) -> None:
        """Load it; the arguments and the errors are those of Llama."""
        began = time.monotonic()
        model = load.model
        placement = placed(model, load.settings, machine().devices)
        threads = load.settings.threads if model.threads is None else model.threads
        wanted = Wanted(
            model.reference,
            model.path,
            placement,
            threads or usable_cores(),
            model.device,
            model.adapters,
        )
        self._wanted = wanted
        self.reference = model.reference
        self.begun: Marks | None = None
        """Between which marks the last prompt left the model."""
        self.llama = Llama(wanted, stop, moved)
        try:
            self._spoken = self._choose(model.template)
        except EngineFailed:
            self.llama.close()
            raise
        self.ready = self._describe(time.monotonic() - began)

    @property
    def has_template(self) -> bool:
        """Whether turns are told apart; without a template the model goes on with the text."""
        return self._spoken.template is not None

    def prompt(
        self,
        turns: Sequence[Turn],
        tools: Sequence[Mapping[str, Any]] = (),
        thinks: bool | None = None,
    ) -> list[int]:
        """The tokens of these turns, and of the tools that are offered with them.

        Raises:
            EngineFailed: the template refuses them.
        """
        template = self._spoken.template
        turns = quoted(turns, self.llama.is_control)
        try:
            text = template.render(turns, tools, thinks) if template else plain(turns)
        except TemplateFailed as failure:
            raise EngineFailed(
                f"The chat template of {self.reference} refuses this conversation: {failure}.",
                "Begin a new conversation, or switch to another model.",
            ) from None
        self.begun = begun_by(text) if template else None
        return self.llama.tokens(text)

    def close(self) -> None:
        """Give the memory back."""
        self.llama.close()

    def _choose(self, override: str | None) -> Spoken:
        special = Special(self.llama.bos_text, self.llama.eos_text)
        if override:
            try:
                return Spoken(Template(override, special), REGISTRY_TEMPLATE)
            except TemplateFailed as failure:
                raise EngineFailed(
                    f"The registry's chat template for {self.reference} does not work: {failure}.",
                    "Mend `template` in the registry, or leave it out.",
                ) from None
        own = self.llama.template
        if not own:
            return Spoken(None, NO_TEMPLATE)
        try:
            return Spoken(Template(own, special), OWN_TEMPLATE)
        except TemplateFailed as failure:
            return Spoken(None, f"{NO_TEMPLATE} (its own does not work: {failure})")

    def _describe(self, seconds: float) -> Ready:
        llama, placement = self.llama, self._wanted.placement
        return Ready(
            reference=self.reference,
            context=llama.context,
            trained_context=llama.trained_context,
            template=self._spoken.origin,
            device=placement.device,
            gpu_layers=min(placement.gpu_layers, llama.layers),
            layers=llama.layers,
            seconds=seconds,
            threads=self._wanted.threads,
            cache=placement.cache,
            is_mapped=placement.is_mapped,
            expected=placement.needs.total,
            verdict=str(placement.verdict),
            why=placement.why,
        )
