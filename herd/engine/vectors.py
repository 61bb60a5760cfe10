"""Texts into vectors, in the child: a context of llama.cpp that gives embeddings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from herd.engine.values import Vector
from herd.errors import EngineFailed, Unanswerable

LONGEST = 8192
"""Tokens of one text, at most; a model that was trained on less takes less."""


class Vectors:
    """A second context of a loaded model; `api` is llama_cpp's own module."""

    def __init__(self, api: Any, model: object, trained_context: int) -> None:
        """Make the context.

        Raises:
            EngineFailed: the model gives no vectors.
        """
        self._api = api
        self._model = model
        self.longest = min(trained_context or LONGEST, LONGEST)
        self._size = int(api.llama_model_n_embd(model))
        self._context = self._made(api.LLAMA_POOLING_TYPE_UNSPECIFIED)
        kind = api.llama_pooling_type(self._context) if self._context else None
        if kind == api.LLAMA_POOLING_TYPE_NONE:
            # A model that was made to talk: the mean of what it makes of each token.
            api.llama_free(self._context)
            self._context = self._made(api.LLAMA_POOLING_TYPE_MEAN)
        if not self._context or kind == api.LLAMA_POOLING_TYPE_RANK:
            self.close()
            raise EngineFailed("This model gives no embeddings.", "`herd search embedding`")

    def of(self, tokens: Sequence[int]) -> Vector:
        """The vector of a text.

        Raises:
            Unanswerable: it is empty, or longer than the model takes.
            EngineFailed: llama.cpp does not read it.
        """
        api, context = self._api, self._context
        if not 0 < len(tokens) <= self.longest:
            raise Unanswerable(
                f"A text of {len(tokens):,} tokens has no embedding here; "
                f"it must have from 1 to {self.longest:,}.",
                "Cut it into parts.",
            )
        api.llama_memory_clear(api.llama_get_memory(context), True)
        array = (api.llama_token * len(tokens))(*tokens)
        batch = api.llama_batch_get_one(array, len(tokens))
        encodes = api.llama_model_has_encoder(self._model)
        decodes = api.llama_model_has_decoder(self._model)
        run = api.llama_encode if encodes and not decodes else api.llama_decode
        outcome = run(context, batch)
        found = None if outcome else api.llama_get_embeddings_seq(context, 0)
        if not found:
            raise EngineFailed(f"llama.cpp could not read the text (it says {outcome}).")
        values = found[: self._size]
        length = math.sqrt(sum(value * value for value in values)) or 1.0
        return Vector(tuple(value / length for value in values), len(tokens))

    def close(self) -> None:
        """Give the memory back."""
        if self._context:
            self._api.llama_free(self._context)
            self._context = None

    def _made(self, pooling: int) -> Any:
        params = self._api.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = self.longest
        params.n_seq_max = 1
        params.embeddings = True
        params.pooling_type = pooling
        return self._api.llama_init_from_model(self._model, params)
