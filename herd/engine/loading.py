"""A model out of its file and into llama.cpp, with the context it works in. In the child."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herd.engine import hardware
from herd.engine.binding import api, ggml
from herd.engine.load_failures import speaks_of_memory, unknown_architecture, why_not_loaded
from herd.engine.placing import asked_layers
from herd.engine.protocol import Load
from herd.engine.stop_flag import StopFlag
from herd.engine.values import Adapter, Machine
from herd.errors import CannotRun, EngineFailed, Interrupted
from herd.fit import Device, Placement

_CACHES = {"f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "bf16": 30}
"""enum ggml_type, for keys and values."""
_FLASH = re.compile(r"Flash Attention (?:was auto, set to )?enabled")


@dataclass(frozen=True)
class Wanted:
    """How a model is to be loaded."""

    reference: str
    path: Path
    placement: Placement
    threads: int
    device: str | None = None
    """The one device to compute on; None: all that there are."""
    adapters: tuple[Adapter, ...] = ()
    projector: Path | None = None
    """With which it sees images; None: it need not see."""
    yields: bool = False
    """Whether fewer threads may write where other programs take the processors."""


def load(wanted: Wanted, stop: StopFlag, moved: Callable[[float], None]) -> object:
    """The model; nothing if llama.cpp refuses it or the flag was set."""

    def look(fraction: float, _: object) -> bool:
        moved(min(1.0, max(0.0, fraction)))
        return not stop.is_set

    params = api.llama_model_default_params()
    layers = wanted.placement.gpu_layers
    # The output counts as one more layer, and is the first that llama.cpp puts there.
    params.n_gpu_layers = layers + 1 if layers else 0
    params.progress_callback = api.llama_progress_callback(look)
    only = hardware.handle(ggml.libggml, wanted.device) if wanted.device else None
    uses_gpu = bool(layers) or wanted.placement.is_read_on_gpu
    chosen = (ctypes.c_void_p * 2)(only if uses_gpu else None, None)  # ends with a null
    if only or not uses_gpu:
        # With no layer there a GPU would still read prompts: that takes memory, which may be what
        # is lacking.
        params.devices = ctypes.cast(chosen, ctypes.c_void_p)
    if not wanted.placement.is_mapped:
        params.load_mode = api.LLAMA_LOAD_MODE_NONE
    return api.llama_model_load_from_file(os.fsencode(wanted.path), params)


def context(model: object, wanted: Wanted, stop: StopFlag) -> Any:
    """A context of the model, whose computing is left when the flag is set; nothing if refused."""
    params = api.llama_context_default_params()
    placement = wanted.placement
    params.n_ctx = placement.context  # llama.cpp rounds its own up
    params.n_batch = params.n_ubatch = placement.batch
    params.n_outputs_max = 1  # room for the logits of a whole batch would be 100 MB and more
    params.n_threads = params.n_threads_batch = wanted.threads
    params.type_k = params.type_v = _CACHES[placement.cache]
    params.swa_full = placement.has_whole_windows
    params.flash_attn_type = {
        None: api.LLAMA_FLASH_ATTN_TYPE_AUTO,
        True: api.LLAMA_FLASH_ATTN_TYPE_ENABLED,
        False: api.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    }[placement.flash]
    params.abort_callback = ctypes.cast(ctypes.CDLL(None).strlen, api.ggml_abort_callback)
    params.abort_callback_data = stop.address
    return api.llama_init_from_model(model, params)


def is_flash(placement: Placement, said: str) -> bool:
    """Whether flash attention is in force, from what llama.cpp said when it was left to it."""
    if placement.flash is not None:
        return placement.flash
    return _FLASH.search(said) is not None


def adapt(model: object, context: object, wanted: Wanted) -> list[object]:
    """Apply the adapters; they live as long as the model.

    Raises:
        EngineFailed: one does not fit it.
    """
    made: list[object] = []
    for each in wanted.adapters:
        made.append(api.llama_adapter_lora_init(model, os.fsencode(each.path)))
        if not made[-1]:
            raise EngineFailed(
                f"{each.path.name} is no adapter for {wanted.reference}.",
                "A LoRA fits the one model that it was made for, in GGUF.",
            )
    if many := len(made):
        handles = (api.llama_adapter_lora_p_ctypes * many)(*made)
        scales = (ctypes.c_float * many)(*(each.scale for each in wanted.adapters))
        api.llama_set_adapters_lora(context, handles, many, scales)
    return made


class NoRoom(EngineFailed):
    """Some memory, of the machine or of a GPU, does not hold it."""


def refused(reference: str, said: str, stop: StopFlag) -> EngineFailed | Interrupted:
    """Why a model was not loaded, from what llama.cpp said."""
    if stop.is_set:
        return Interrupted(f"The loading of {reference} was stopped.")
    message = f"{reference} could not be loaded: {why_not_loaded(said)}."
    if unknown_architecture(said):
        return CannotRun(message, "A newer llama-cpp-python may know it.")
    if speaks_of_memory(said):
        return NoRoom(message, "Close other programs, or take a smaller model or context.")
    return EngineFailed(message, f"Remove it and install it again: `herd remove {reference}`.")


def devices(load: Load) -> tuple[Device, ...]:
    """What a model may be loaded on.

    Raises:
        EngineFailed: an RPC server gives no device, or this build knows none.
    """
    if load.model.device == "CPU" or asked_layers(load.model, load.settings) == 0:
        return hardware.devices(ggml.libggml, has_gpus=False)
    return machine(load.settings.rpc).devices


def machine(servers: tuple[str, ...] = ()) -> Machine:
    """What this build of llama.cpp has to compute on here, and at these RPC servers.

    Raises:
        EngineFailed: one of them gives no device, or this build knows none.
    """
    if missing := hardware.connect(ggml.libggml, servers):
        knows = "RPC" in hardware.backends(ggml.libggml)
        raise EngineFailed(
            f"No RPC server of llama.cpp gives a device at {missing[0]}."
            if knows
            else "This build of llama.cpp cannot compute on other machines (RPC).",
            "Start `rpc-server` there, or take it out of the setting `rpc`."
            if knows
            else "`herd doctor` has the command that builds it, or empty the setting `rpc`.",
        )
    return Machine(
        hardware.devices(ggml.libggml),
        hardware.features(api.llama_print_system_info()),
        backends=hardware.backends(ggml.libggml),
    )
