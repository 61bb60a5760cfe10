"""A loaded model: words to tokens, tokens read and written, the next one drawn. In the child.

The high-level class of llama-cpp-python copies the logits of the whole vocabulary into
Python for each token. Here a token stays inside llama.cpp, from the decoding to its own
sampler chain, and only its number and its text come out.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from herd.engine import loading
from herd.engine.binding import api, listen, vision
from herd.engine.crowd import Crowd, spent
from herd.engine.image_encoder import ImageEncoder, Part
from herd.engine.loading import Wanted
from herd.engine.memory import available
from herd.engine.prefixes import MOST, WORTH, Prefixes, shared
from herd.engine.samplers import odds, samplers
from herd.engine.stop_flag import StopFlag
from herd.engine.thinking import SPOKEN
from herd.engine.values import Odds
from herd.engine.vectors import Vectors
from herd.errors import EngineFailed, HerdError, Unanswerable
from herd.model import Sampling

_DONE, _ABORTED = 0, 2  # what llama_decode returns


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
        self._moved = moved
        said = listen()
        self._model = loading.load(wanted, stop, moved)
        if not self._model:
            raise loading.refused(wanted.reference, said(), stop)
        self._vocab = api.llama_model_get_vocab(self._model)
        self.layers = int(api.llama_model_n_layer(self._model))
        self.trained_context = int(api.llama_model_n_ctx_train(self._model))
        self.context = wanted.placement.context
        self._context = loading.context(self._model, wanted, stop)
        self._vectors: Vectors | None = None
        self._eyes: ImageEncoder | None = None
        try:
            if not self._context:
                raise loading.refused(wanted.reference, said(), stop)
            self.is_flash = loading.is_flash(wanted.placement, said())
            self._adapters = loading.adapt(self._model, self._context, wanted)
            if wanted.projector:
                self._eyes = ImageEncoder(vision(), self._model, wanted, self._glance)
        except HerdError:
            self.close()
            raise
        self._threads = wanted.threads
        self._crowd = Crowd(wanted.threads, self._use, spent)
        self._yields = wanted.yields
        self._chunk = wanted.placement.batch
        self._memory = api.llama_get_memory(self._context)
        self._prefixes = Prefixes(api, self._context, min(MOST, available() // 8))
        self._read: list[int] = []
        self._parts: dict[int, Part] = {}
        """Of the images that were shown, by the numbers that they begin with."""
        self._doubled = 0
        """Cells beyond positions that the images in what was read take."""
        self._fraction = 0.0
        self._one, self._at = (api.llama_token * 1)(), (api.llama_pos * 1)()
        self._batch = api.llama_batch_get_one(self._one, 1)
        if self._eyes:  # llama.cpp's own count of positions is wrong behind some images
            self._batch.pos = self._at
        self._piece = ctypes.create_string_buffer(256)
        self._marks = dict(self._found_marks())

    def close(self) -> None:
        """Give the memory back."""
        if self._vectors:
            self._vectors.close()
        if self._eyes:
            self._eyes.close()
        if self._context:
            api.llama_free(self._context)
        api.llama_model_free(self._model)

    @property
    def template(self) -> str | None:
        """The chat template in the file."""
        text = api.llama_model_chat_template(self._model, None)
        return text.decode(errors="replace") if text else None

    @property
    def names(self) -> str:
        """What the file calls the model, and how it says that it was trained."""
        found = []
        for key in (b"general.name", b"general.basename", b"general.finetune"):
            value = ctypes.create_string_buffer(256)
            if api.llama_model_meta_val_str(self._model, key, value, len(value)) > 0:
                found.append(value.value.decode(errors="replace"))
        return " ".join(found)

    @property
    def bos_text(self) -> str:
        """The token that begins a text, as templates write it."""
        return self._text_of(api.llama_vocab_bos(self._vocab))

    @property
    def eos_text(self) -> str:
        """The token that ends a text, as templates write it."""
        return self._text_of(api.llama_vocab_eos(self._vocab))

    def tokens(self, text: str, *, begins: bool = True) -> list[int]:
        """The tokens of a prompt, special ones by their names; one BOS where one belongs.

        Args:
            text: The prompt, or a part of it.
            begins: Whether the prompt begins with this part.
        """
        raw = text.encode(errors="replace")
        count = self._tokenize(raw, found := (api.llama_token * (len(raw) + 8))())
        if count < 0:  # so many did not fit: a letter can be several tokens
            count = self._tokenize(raw, found := (api.llama_token * -count)())
        tokens = list(found[: max(0, count)])
        bos = api.llama_vocab_bos(self._vocab)
        if begins and api.llama_vocab_get_add_bos(self._vocab) and tokens[:1] != [bos]:
            tokens.insert(0, bos)
        return tokens

    def seen(self, image: str) -> tuple[int, ...]:
        """The tokens of an image in a prompt; negative ones stand for its places.

        Raises:
            Unanswerable: the model cannot see, or the image cannot be shown to it.
            BadUsage: it is no image.
        """
        if self._eyes is None:
            raise Unanswerable("This model sees no images.", "Ask without one.")
        picture = self._eyes.picture(image)
        self._parts |= picture.parts
        return picture.tokens

    def cells(self, prompt: Sequence[int]) -> int:
        """Cells of the context that a prompt takes: its tokens, those of its images included."""
        if not self._parts:
            return len(prompt)
        parts = (self._parts.get(each) for each in prompt if each < 0)
        return len(prompt) + sum(part.cells - part.places for part in parts if part)

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
        while prompt[same] < 0 and prompt[same] not in self._parts:
            same -= 1  # an image is read from its beginning
        if same < len(self._read):
            self._keep(same)
        self._doubled = self.cells(self._read) - len(self._read)
        return len(self._read)

    def read(self, tokens: Sequence[int]) -> Iterator[int]:
        """Read on from what was read, in chunks; yields how many tokens are read after each.

        Ends early when the stop flag is set.
        """
        at = 0
        while at < len(tokens):
            if self._stop.is_set:
                return
            self._fraction = at / len(tokens)
            part = self._parts.get(tokens[at])
            chunk = list(tokens[at : at + part.places] if part else self._words(tokens, at))
            if not (self._shown(part, chunk) if part else self._told(chunk)):
                return
            at += len(chunk)
            yield at

    def write(self, token: int) -> bool:
        """Take a token as said; False if the stop flag was set meanwhile."""
        self._one[0], self._at[0] = token, len(self._read)
        outcome = api.llama_decode(self._context, self._batch)
        self._crowd.wrote()
        return self._decoded(outcome, [token])

    @property
    def room(self) -> int:
        """Tokens that the context has left."""
        return self.context - len(self._read) - self._doubled

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
            Unanswerable: llama.cpp does not read the grammar.
        """
        self._crowd.begin(is_free=self._yields and sampling.seed is None)
        chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        try:
            if grammar is not None:
                rules = api.llama_sampler_init_grammar(self._vocab, grammar.encode(), b"root")
                if not rules:
                    raise Unanswerable(
                        "llama.cpp does not take the grammar that the JSON schema makes.",
                        "Write the schema more simply.",
                    )
                api.llama_sampler_chain_add(chain, rules)
            vocabulary = int(api.llama_vocab_n_tokens(self._vocab))
            words = [each for each in seen if each >= 0]
            for each in samplers(api, sampling, vocabulary, words):
                api.llama_sampler_chain_add(chain, each)
            yield lambda: int(api.llama_sampler_sample(chain, self._context, -1))
        finally:
            api.llama_sampler_free(chain)

    def odds(self, token: int, most: int) -> Odds:
        """How likely a token was that was just drawn, and what the likeliest ones were."""
        logits = api.llama_get_logits_ith(self._context, -1)
        logprob, best = odds(logits, int(api.llama_vocab_n_tokens(self._vocab)), token, most)
        likeliest = {self._word(each): value for each, value in best.items()}
        return Odds(self._word(token), logprob, likeliest)

    @property
    def vectors(self) -> Vectors:
        """What turns texts into vectors, with a context of its own."""
        if self._vectors is None:
            self._vectors = Vectors(api, self._model, self.trained_context)
        return self._vectors

    def _use(self, threads: int) -> None:
        """Write with so many threads; a prompt is read with all, which meet less often there."""
        api.llama_set_n_threads(self._context, threads, self._threads)

    def _word(self, token: int) -> str:
        return self.piece(token).decode(errors="replace")

    def _words(self, tokens: Sequence[int], at: int) -> Sequence[int]:
        """What is read at once from here: up to the next image, and no more than a batch."""
        chunk = tokens[at : at + self._chunk]
        return chunk[: next((n for n, each in enumerate(chunk) if each < 0), len(chunk))]

    def _told(self, chunk: list[int]) -> bool:
        array = (api.llama_token * len(chunk))(*chunk)
        batch = api.llama_batch_get_one(array, len(chunk))  # keeps no reference to it
        if self._eyes:
            begin = len(self._read)
            batch.pos = (api.llama_pos * len(chunk))(*range(begin, begin + len(chunk)))
        return self._decoded(api.llama_decode(self._context, batch), chunk)

    def _shown(self, part: Part, chunk: list[int]) -> bool:
        assert self._eyes is not None  # noqa: S101  # nobody else makes parts
        begin = len(self._read)
        outcome = self._eyes.show(part, self._context, at=begin, batch=self._chunk)
        if not self._decoded(outcome, chunk):
            return False
        self._doubled += part.cells - part.places
        return True

    def _glance(self) -> bool:
        """Say that an image is still being read, and whether it is to be."""
        self._moved(self._fraction)
        return not self._stop.is_set

    def _decoded(self, outcome: int, tokens: list[int]) -> bool:
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
        self._doubled = self.cells(self._read) - len(self._read)

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
