"""A model that is loaded, and how it is spoken to. In the child."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from herd.chat import Turn, begun
from herd.engine import loading
from herd.engine.llama import Llama
from herd.engine.loading import Wanted
from herd.engine.placing import asked_layers, placed
from herd.engine.protocol import Load
from herd.engine.quoting import quoted
from herd.engine.stop_flag import StopFlag
from herd.engine.template import Special, Template, TemplateFailed, plain
from herd.engine.thinking import Marks, begun_by
from herd.engine.values import NO_TEMPLATE, OWN_TEMPLATE, Loadable, Ready
from herd.errors import EngineFailed, Unanswerable
from herd.fit import BITS, FLASH_OPEN, Placement
from herd.image import MOST_IMAGES
from herd.templates import guessed
from herd.words import count as number_of

_TOO_MANY_LAYERS = (
    "Ask for fewer layers on the GPU, or leave out --gpu-layers: then as many go there as fit."
)


@dataclass(frozen=True)
class Spoken:
    """A template, if there is one, and whose it is in words."""

    template: Template | None
    origin: str
    stop: tuple[str, ...] = ()
    """Texts that end an answer under it."""


class Talker:
    """A loaded model with the template that is in force."""

    def __init__(self, load: Load, stop: StopFlag, moved: Callable[[float], None]) -> None:
        """Load it; the arguments and the errors are those of Llama."""
        began = time.monotonic()
        model = load.model
        self.reference = model.reference
        self.begun: Marks | None = None
        """Between which marks the last prompt left the model."""
        self._wanted, self.llama = _loaded(load, stop, moved)
        try:
            self._spoken = self._choose(model)
        except EngineFailed:
            self.llama.close()
            raise
        self.ready = self._describe(time.monotonic() - began)

    @property
    def has_template(self) -> bool:
        """Whether turns are told apart; without a template the model goes on with the text."""
        return self._spoken.template is not None

    @property
    def stop(self) -> tuple[str, ...]:
        """Texts that end an answer under the template, beside those of the model."""
        return self._spoken.stop

    def prompt(
        self,
        turns: Sequence[Turn],
        tools: Sequence[Mapping[str, Any]] = (),
        thinks: bool | None = None,
    ) -> list[int]:
        """The tokens of these turns, and of the tools that are offered with them.

        An answer at their end that is not complete stays open: the model goes on with it.

        Raises:
            Unanswerable: the template refuses them.
        """
        template = self._spoken.template
        mark = secrets.token_hex(12) if begun(turns) else ""
        if mark:
            turns = [*turns[:-1], replace(turns[-1], text=turns[-1].text + mark)]
        turns, images = marked(quoted(turns, self.llama.is_control))
        try:
            text = template.render(turns, tools, thinks) if template else plain(turns)
        except TemplateFailed as failure:
            raise Unanswerable(
                f"The chat template of {self.reference} refuses this conversation: {failure}.",
                "Begin a new conversation, or switch to another model.",
            ) from None
        self.begun = begun_by(text) if template else None
        if mark:  # what a template writes behind an answer closes it
            text, is_there, _ = text.partition(mark)
            text += "" if is_there else turns[-1].text.removesuffix(mark)
        return self._tokens(text, images)

    def close(self) -> None:
        """Give the memory back."""
        self.llama.close()

    def _tokens(self, text: str, images: Mapping[str, str]) -> list[int]:
        """The tokens of a prompt, with those of its images where their marks stand."""
        if not images:
            return self.llama.tokens(text)
        tokens: list[int] = []
        for piece in re.split("(" + "|".join(images) + ")", text):
            if piece in images:
                tokens += self.llama.seen(images[piece])
            elif piece:
                tokens += self.llama.tokens(piece, begins=not tokens)
        return tokens

    def _choose(self, model: Loadable) -> Spoken:
        special = Special(self.llama.bos_text, self.llama.eos_text)
        if model.template:
            try:
                return Spoken(Template(model.template, special), model.whose)
            except TemplateFailed as failure:
                raise EngineFailed(
                    f"The registry's chat template for {self.reference} does not work: {failure}.",
                    "Mend `template` in the registry, or name another with `--template`.",
                ) from None
        own, failed = self.llama.template, ""
        if own:
            try:
                return Spoken(Template(own, special), OWN_TEMPLATE)
            except TemplateFailed as failure:
                failed = f" (its own does not work: {failure})"
        names = f"{model.reference} {model.names} {self.llama.names}"
        guess = guessed(names, self.llama.is_control)
        if guess is None:
            return Spoken(None, f"{NO_TEMPLATE}{failed}")
        prompt = guess.prompt
        origin = f"{prompt.name}, {guess.why}{failed}"
        return Spoken(Template(prompt.template, special), origin, prompt.stop)

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
            batch=placement.batch,
            is_flash=llama.is_flash,
            sees=self._wanted.projector is not None,
            is_mapped=placement.is_mapped,
            expected=placement.needs.total,
            verdict=str(placement.verdict),
            why=tuple(_settled(each, llama.is_flash) for each in placement.why),
        )


def marked(turns: Sequence[Turn]) -> tuple[list[Turn], dict[str, str]]:
    """The turns with a mark for each image before their words, and whose marks these are.

    Nobody can guess a mark: an image stands nowhere but where it was shown. Of very many
    images the oldest are left out.
    """
    images: dict[str, str] = {}
    left_out = max(0, sum(len(turn.images) for turn in turns) - MOST_IMAGES)
    result = []
    for turn in turns:
        marks = ""
        for shown in turn.images:
            left_out -= 1
            if left_out >= 0:
                continue
            mark = f"image{secrets.token_hex(12)}x"
            images[mark] = shown
            marks += mark
        result.append(replace(turn, text=marks + turn.text, images=()) if turn.images else turn)
    return result, images


def _loaded(load: Load, stop: StopFlag, moved: Callable[[float], None]) -> tuple[Wanted, Llama]:
    """The model, with fewer layers on GPUs than were reckoned to fit if they do not."""
    model, devices, tries, lacked = load.model, loading.devices(load), 0, ""
    while True:
        placement = placed(model, load.settings, devices)
        _refuse(placement)
        if lacked:
            placement = replace(placement, why=(*placement.why, lacked))
        wanted = Wanted(
            model.reference,
            model.path,
            placement,
            placement.threads,
            model.device,
            model.adapters,
            model.projector,
            yields=not (model.threads or load.settings.threads or placement.gpu_layers),
        )
        try:
            return wanted, Llama(wanted, stop, moved)
        except loading.NoRoom as failure:
            layers = placement.gpu_layers
            if layers and asked_layers(model, load.settings) >= 0:
                raise EngineFailed(failure.message, _TOO_MANY_LAYERS) from None
            if not layers and not placement.is_read_on_gpu:
                raise EngineFailed(failure.message, failure.hint) from None
        # Somebody else took the memory meanwhile, or it takes more than was reckoned.
        if layers:
            lacked = f"{number_of(layers, 'layer')} did not fit on {placement.device} after all"
        tries += 1
        devices = tuple(
            replace(each, free=each.free >> tries) if each.is_gpu else each
            for each in loading.devices(load)
        )


def _settled(why: str, is_flash: bool) -> str:
    """The reason, with what llama.cpp made of the choice that was left to it."""
    if why != FLASH_OPEN:
        return why
    return f"flash attention {'on: the device knows' if is_flash else 'off: no device knows'} it"


def _refuse(placement: Placement) -> None:
    if placement.flash is False and BITS[placement.cache] < 16:
        raise EngineFailed(
            f"Keys and values in {placement.cache} need flash attention.",
            "Leave out --no-flash-attn, or take `--cache f16`.",
        )
