"""What goes into the engine and what comes out of it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from herd.fit import Device
from herd.model import Sampling

OWN_TEMPLATE = "the model's own"
REGISTRY_TEMPLATE = "the registry's"
NO_TEMPLATE = "none, it continues plain text"
ASKED = "as was asked"

Reason = Literal["stop", "length", "stopped", "context", "loop"]
"""Why an answer ended: the model was done, max_tokens, the person, the context is full, or the
model said the same again and again."""


@dataclass(frozen=True)
class Adapter:
    """A LoRA in GGUF: a small change of a model, and how much of it."""

    path: Path
    scale: float = 1.0


@dataclass(frozen=True)
class Loadable:
    """What the engine must know of a model."""

    reference: str
    """The name the person knows it by; messages say it."""
    path: Path
    template: str | None = None
    """A Jinja chat template that goes before the model's own."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer and are not part of it."""
    context: int | None = None
    """Tokens wanted, at most; None leaves it to the engine."""
    is_exact: bool = False
    """Whether the context must not be shortened, even if it does not fit."""
    gpu_layers: int | None = None
    """Layers on the GPU; None: as the settings say."""
    threads: int | None = None
    """None: as the settings say."""
    cache: str = "f16"
    """Type of the keys and values of the context, as ggml calls it."""
    adapters: tuple[Adapter, ...] = ()
    projector: Path | None = None
    """The vision encoder (mmproj) with which it sees images; None: none will be shown."""
    batch: int | None = None
    """Tokens of a prompt that are read at once; None leaves it to the engine."""
    flash: bool | None = None
    """Whether to use flash attention; None leaves it to the engine."""
    is_mapped: bool | None = None
    """Whether the file is mapped into memory or read into it; None leaves it to the engine."""
    device: str | None = None
    """The one device to compute on, by its name; None: whatever fits best."""
    sampling: Sampling = field(default_factory=Sampling)
    """What the registry and the person ask for; the engine samples as `answer` is told."""
    whose: str = REGISTRY_TEMPLATE
    """Whose the template is, in words."""
    names: str = ""
    """What else the model is called: a guess at its template, where nobody says it."""


@dataclass(frozen=True)
class Extras:
    """What an answer may need beside turns and sampling."""

    prompt: str | None = None
    """A text to go on with as it is, in place of the turns: no template."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """Tools that the model may want called, in the form that templates know (OpenAI's)."""
    schema: Mapping[str, Any] | None = None
    """A JSON Schema that the answer must conform to; `{}` is any JSON object."""
    likeliest: int | None = None
    """How many likeliest tokens to tell with each token; None: no Odds at all."""
    thinks: bool | None = None
    """Whether the model is to think first; None: as its template has it. Few templates ask."""


@dataclass(frozen=True)
class Ready:
    """A model that is loaded."""

    reference: str
    context: int
    """Tokens that a conversation may hold."""
    trained_context: int
    """Tokens that it was trained on."""
    template: str
    """Whose chat template is in force, in words."""
    device: str
    """`CPU`, or the name and the make of a GPU."""
    gpu_layers: int
    layers: int
    seconds: float
    """What loading took."""
    threads: int = 0
    cache: str = "f16"
    """Type of the keys and values of the context."""
    is_mapped: bool = True
    """Whether the file is mapped into memory, or read into it."""
    expected: int = 0
    """Bytes that it was reckoned to take."""
    batch: int = 512
    """Tokens of a prompt that are read at once."""
    is_flash: bool = False
    """Whether flash attention is used."""
    sees: bool = False
    """Whether it can be shown images as it is loaded."""
    verdict: str = ""
    """Whether it fits."""
    why: tuple[str, ...] = ()
    """What was chosen, and for which reason."""


@dataclass(frozen=True)
class Machine:
    """What this build of llama.cpp has to compute on here."""

    devices: tuple[Device, ...]
    features: tuple[str, ...]
    """Of the CPU, that the build uses."""
    backends: tuple[str, ...] = ()
    """What the build computes with: `CPU`, `CUDA`, `Metal`, `Vulkan`, `RPC` ..."""


@dataclass(frozen=True)
class Began:
    """The prompt is known and is being read."""

    prompt_tokens: int
    reused_tokens: int
    """Tokens of the prompt that the model had read before."""
    left_out: int
    """The oldest turns, which no longer fit."""


@dataclass(frozen=True)
class Text:
    """The next words of an answer."""

    text: str


@dataclass(frozen=True)
class Thinking:
    """The next words of what the model thinks before it answers; no part of the answer."""

    text: str


@dataclass(frozen=True)
class Finished:
    """An answer is over."""

    reason: Reason
    tokens: int
    """Tokens of the answer."""
    seconds: float
    """From the first token of the answer to its last."""
    first_token_seconds: float
    """From the question to the first token."""


@dataclass(frozen=True)
class Odds:
    """How likely a token was that was said. Comes before its text."""

    text: str
    logprob: float
    """Natural logarithm of its probability, before any sampling."""
    likeliest: Mapping[str, float]
    """The likeliest tokens at its place, with theirs."""


@dataclass(frozen=True)
class Vector:
    """What a text means to the model: float32[n_embd], of length 1."""

    values: tuple[float, ...]
    tokens: int
    """Tokens of the text."""


Piece = Began | Thinking | Text | Odds | Finished
"""What an answer consists of."""
