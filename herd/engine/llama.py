"""llama.cpp through the C API of llama-cpp-python: the only module that speaks to it.

The high-level class of llama-cpp-python copies the logits of the whole vocabulary into
Python for each token. Here a token stays inside llama.cpp, from the decoding to its own
sampler chain, and only its number and its text come out.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from herd.engine import hardware
from herd.engine.causes import speaks_of_memory, unknown_architecture, why_not_loaded
from herd.engine.drawing import odds, samplers
from herd.engine.flag import StopFlag
from herd.engine.memory import available
from herd.engine.pieces import Adapter, Machine, Odds
from herd.engine.prefixes import MOST, WORTH, Prefixes, shared
from herd.engine.thinking import SPOKEN
from herd.engine.vectors import Vectors
from herd.errors import CannotRun, EngineFailed, Interrupted
from herd.fit import BATCH, Placement
from herd.model import Sampling

CHUNK = BATCH
"""Tokens of a prompt that are read at once; on a CPU a stop is heard inside of it, too."""

_CACHES = {"f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "bf16": 30}
"""enum ggml_type, for keys and values."""
_DEBUG = 1  # enum ggml_log_level
_DONE, _ABORTED = 0, 2  # what llama_decode returns


def _open_without_running(name: str) -> None:
    """Make a package importable from without its `__init__`.

    That of llama_cpp imports numpy and the high-level class: 80 of 105 ms, for nothing here.
    """
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    sys.modules[name] = importlib.util.module_from_spec(spec)


if "llama_cpp" not in sys.modules:
    _open_without_running("llama_cpp")
import llama_cpp._ggml as ggml  # noqa: E402
import llama_cpp.llama_cpp as api  # noqa: E402


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


class Llama:
    """One loaded model with one context, and what that context has read."""

    def __init__(self, wanted: Wanted, stop: StopFlag, moved: Callable[[float], None]) -> None:
        """Load it.

        Args:
            wanted: What to load.
            stop: Ends the loading, and later whatever is being read or written.
            moved: Told the fraction that is loaded.

        Raises:
            EngineFailed: llama.cpp refuses the file.
            CannotRun: it does not know this kind of model.
            Interrupted: the flag was set.
        """
        self._stop = stop
        said = _listen()
        self._model = _load(wanted, stop, moved)
        if not self._model:
            raise _refused(wanted.reference, said(), stop)
        self._vocab = api.llama_model_get_vocab(self._model)
        self.layers = int(api.llama_model_n_layer(self._model))
        self.trained_context = int(api.llama_model_n_ctx_train(self._model))
        self._context = self._new_context(wanted)
        if not self._context:
            api.llama_model_free(self._model)
            raise _refused(wanted.reference, said(), stop)
        self._vectors: Vectors | None = None
        self._adapters: list[object] = []
        self._adapt(wanted)
        self._memory = api.llama_get_memory(self._context)
        self._prefixes = Prefixes(api, self._context, min(MOST, available() // 8))
        self._read: list[int] = []
        self._one = (api.llama_token * 1)()
        self._batch = api.llama_batch_get_one(self._one, 1)
        self._piece = ctypes.create_string_buffer(256)
        self._marks = dict(self._found_marks())

    def close(self) -> None:
        """Give the memory back."""
        if self._vectors is not None:
            self._vectors.close()
        api.llama_free(self._context)
        api.llama_model_free(self._model)

    @property
    def template(self) -> str | None:
        """The chat template in the file."""
        text = api.llama_model_chat_template(self._model, None)
        return text.decode(errors="replace") if text else None

    @property
    def bos_text(self) -> str:
        """The token that begins a text, as templates write it."""
        return self._text_of(api.llama_vocab_bos(self._vocab))

    @property
    def eos_text(self) -> str:
        """The token that ends a text, as templates write it."""
        return self._text_of(api.llama_vocab_eos(self._vocab))

    def tokens(self, text: str) -> list[int]:
        """The tokens of a prompt, special ones by their names; one BOS where one belongs."""
        raw = text.encode(errors="replace")
        count = self._tokenize(raw, found := (api.llama_token * (len(raw) + 8))())
        if count < 0:  # so many did not fit: a letter can be several tokens
            count = self._tokenize(raw, found := (api.llama_token * -count)())
        tokens = list(found[: max(0, count)])
        bos = api.llama_vocab_bos(self._vocab)
        if api.llama_vocab_get_add_bos(self._vocab) and tokens[:1] != [bos]:
            tokens.insert(0, bos)
        return tokens

    def is_control(self, text: str) -> bool:
        """Whether the text as a whole is the name of a token that is no text."""
        raw = text.encode(errors="replace")
        found = (api.llama_token * (len(raw) + 8))()
        if self._tokenize(raw, found) != 1:
            return False
        return bool(api.llama_vocab_is_control(self._vocab, found[0])) or self.is_end(found[0])

    def forget(self) -> None:
        """Let the next prompt be read from its first token."""
        self._keep(0)

    def shares(self, prompt: Sequence[int]) -> int:
        """Keep what was read of this prompt before and forget the rest; tokens kept.

        What is forgotten of another conversation can be taken up again by its next prompt.
        """
        same = shared(self._read, prompt)
        if len(self._read) - same > max(WORTH, same):
            self._prefixes.keep(self._read)
        if kept := self._prefixes.find(prompt, more_than=same + WORTH):
            self._read = list(kept.tokens) if self._prefixes.restore(kept) else []
            same = shared(self._read, prompt)
        same = min(same, len(prompt) - 1)  # the last one gives the first logits
        if same < len(self._read):
            self._keep(same)
        return len(self._read)

    def read(self, tokens: Sequence[int]) -> Iterator[int]:
        """Read on from what was read, in chunks; yields how many tokens are read after each.

        Ends early when the stop flag is set.
        """
        for at in range(0, len(tokens), CHUNK):
            chunk = list(tokens[at : at + CHUNK])
            array = (api.llama_token * len(chunk))(*chunk)
            batch = api.llama_batch_get_one(array, len(chunk))  # keeps no reference to it
            if self._stop.is_set or not self._decoded(batch, chunk):
                return
            yield at + len(chunk)

    def write(self, token: int) -> bool:
        """Take a token as said; False if the stop flag was set meanwhile."""
        self._one[0] = token
        return self._decoded(self._batch, [token])

    @property
    def room(self) -> int:
        """Tokens that the context has left."""
        return self.context - len(self._read)

    def is_end(self, token: int) -> bool:
        """Whether the token says that the answer is over."""
        return bool(api.llama_vocab_is_eog(self._vocab, token))

    def piece(self, token: int, *, is_first: bool = False) -> bytes:
        """The bytes of a token, nothing for a control token.

        Args:
            token: The token.
            is_first: Whether to leave out the space with which many vocabularies begin.
        """
        if mark := self._marks.get(token):
            return mark
        size = self._sized(token, int(is_first))
        if size < 0:
            self._piece = ctypes.create_string_buffer(-size)
            size = self._sized(token, int(is_first))
        return self._piece.raw[:size]

    @contextmanager
    def sampler(
        self, sampling: Sampling, seen: Sequence[int], grammar: str | None = None
    ) -> Iterator[Callable[[], int]]:
        """What draws the next token, from llama.cpp's own samplers.

        Args:
            sampling: How to draw; what it leaves open is not applied.
            seen: The prompt, which the repetition penalty looks back on.
            grammar: What the answer must conform to (GBNF).

        Raises:
            EngineFailed: llama.cpp does not read the grammar.
        """
        chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        try:
            if grammar is not None:
                rules = api.llama_sampler_init_grammar(self._vocab, grammar.encode(), b"root")
                if not rules:
                    raise EngineFailed("The grammar of the answer does not read.")
                api.llama_sampler_chain_add(chain, rules)
            vocabulary = int(api.llama_vocab_n_tokens(self._vocab))
            for each in samplers(api, sampling, vocabulary, seen):
                api.llama_sampler_chain_add(chain, each)
            yield lambda: int(api.llama_sampler_sample(chain, self._context, -1))
        finally:
            api.llama_sampler_free(chain)

    def odds(self, token: int, most: int) -> Odds:
        """How likely a token was that was just drawn, and what the likeliest ones were."""
        logits = api.llama_get_logits_ith(self._context, -1)
        logprob, best = odds(logits, int(api.llama_vocab_n_tokens(self._vocab)), token, most)
        likeliest = {self._words(each): value for each, value in best.items()}
        return Odds(self._words(token), logprob, likeliest)

    @property
    def vectors(self) -> Vectors:
        """What turns texts into vectors, with a context of its own."""
        if self._vectors is None:
            self._vectors = Vectors(api, self._model, self.trained_context)
        return self._vectors

    def _words(self, token: int) -> str:
        return self.piece(token).decode(errors="replace")

    def _new_context(self, wanted: Wanted) -> object:
        params = api.llama_context_default_params()
        placement = wanted.placement
        params.n_ctx = self.context = placement.context  # llama.cpp rounds its own up
        params.n_batch = params.n_ubatch = CHUNK
        params.n_outputs_max = 1  # room for the logits of a whole chunk would be 100 MB and more
        params.n_threads = params.n_threads_batch = wanted.threads
        params.type_k = params.type_v = _CACHES[placement.cache]
        params.swa_full = placement.has_whole_windows
        params.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_AUTO
        params.abort_callback = ctypes.cast(ctypes.CDLL(None).strlen, api.ggml_abort_callback)
        params.abort_callback_data = self._stop.address
        return api.llama_init_from_model(self._model, params)

    def _adapt(self, wanted: Wanted) -> None:
        """Apply the adapters; they live as long as the model."""
        for each in wanted.adapters:
            made = api.llama_adapter_lora_init(self._model, os.fsencode(each.path))
            if not made:
                self.close()
                raise EngineFailed(
                    f"{each.path.name} is no adapter for {wanted.reference}.",
                    "A LoRA fits the one model that it was made for, in GGUF.",
                )
            self._adapters.append(made)
        if many := len(self._adapters):
            handles = (api.llama_adapter_lora_p_ctypes * many)(*self._adapters)
            scales = (ctypes.c_float * many)(*(each.scale for each in wanted.adapters))
            api.llama_set_adapters_lora(self._context, handles, many, scales)

    def _decoded(self, batch: object, tokens: list[int]) -> bool:
        outcome = api.llama_decode(self._context, batch)
        if outcome == _DONE:
            self._read += tokens
            return True
        self._keep(len(self._read))  # parts of the batch may have been read
        if outcome == _ABORTED:
            return False
        raise EngineFailed(f"llama.cpp could not go on (llama_decode says {outcome}).")

    def _keep(self, count: int) -> None:
        """Forget all but the first tokens; everything, where the model's memory has no parts."""
        removed = api.llama_memory_seq_rm(self._memory, 0, count, -1)
        if not removed or (count and api.llama_memory_seq_pos_min(self._memory, 0) > 0):
            count = 0
            api.llama_memory_clear(self._memory, False)
        del self._read[count:]

    def _found_marks(self) -> Iterator[tuple[int, bytes]]:
        """Control tokens around what a model thinks; of other control tokens nobody hears."""
        for text in SPOKEN:
            raw = text.encode()
            found = (api.llama_token * (len(raw) + 8))()
            count = self._tokenize(raw, found)
            if count == 1 and api.llama_vocab_is_control(self._vocab, found[0]):
                yield found[0], raw

    def _sized(self, token: int, lstrip: int) -> int:
        buffer = self._piece
        return int(api.llama_token_to_piece(self._vocab, token, buffer, len(buffer), lstrip, False))

    def _tokenize(self, raw: bytes, found: ctypes.Array[ctypes.c_int32]) -> int:
        return int(api.llama_tokenize(self._vocab, raw, len(raw), found, len(found), False, True))

    def _text_of(self, token: int) -> str:
        text = api.llama_vocab_get_text(self._vocab, token) if token >= 0 else None
        return text.decode(errors="replace") if text else ""


def _load(wanted: Wanted, stop: StopFlag, moved: Callable[[float], None]) -> object:
    def look(fraction: float, _: object) -> bool:
        moved(min(1.0, max(0.0, fraction)))
        return not stop.is_set

    params = api.llama_model_default_params()
    layers = wanted.placement.gpu_layers
    # The output counts as one more layer.
    params.n_gpu_layers = layers + 1 if layers >= wanted.placement.layers else layers
    params.progress_callback = api.llama_progress_callback(look)
    only = hardware.handle(ggml.libggml, wanted.device) if wanted.device else None
    chosen = (ctypes.c_void_p * 2)(only, None)  # ends with a null
    if only:
        params.devices = ctypes.cast(chosen, ctypes.c_void_p)
    if not wanted.placement.is_mapped:
        params.load_mode = api.LLAMA_LOAD_MODE_NONE
    return api.llama_model_load_from_file(os.fsencode(wanted.path), params)


def _refused(reference: str, said: str, stop: StopFlag) -> EngineFailed | Interrupted:
    if stop.is_set:
        return Interrupted(f"The loading of {reference} was stopped.")
    message = f"{reference} could not be loaded: {why_not_loaded(said)}."
    if unknown_architecture(said):
        return CannotRun(message, "A newer llama-cpp-python may know it.")
    if speaks_of_memory(said):
        return EngineFailed(message, "Close other programs, or take a smaller model or context.")
    return EngineFailed(message, f"Remove it and install it again: `herd remove {reference}`.")


def machine() -> Machine:
    """What this build of llama.cpp has to compute on here."""
    return Machine(
        hardware.devices(ggml.libggml),
        hardware.features(api.llama_print_system_info()),
        can_offload=bool(api.llama_supports_gpu_offload()),
    )


_said: deque[str] = deque(maxlen=256)


def _log(level: int, text: bytes, _: object) -> None:
    """What llama.cpp says goes to the log, but for a thousand lines of details for each load."""
    if level != _DEBUG:
        _said.append(text.decode(errors="replace"))
        with suppress(OSError):
            os.write(2, text)


def _listen() -> Callable[[], str]:
    """What llama.cpp says from now on."""
    _said.clear()
    return lambda: "".join(_said)


_LOG = api.llama_log_callback(_log)  # llama.cpp keeps no reference that Python would count
api.llama_log_set(_LOG, None)
api.llama_backend_init()
