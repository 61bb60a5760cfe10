"""Conversations that a model read and left for another one, to be taken up where they were.

What a context of llama.cpp has read of one conversation is copied out before it reads
another; copying it back costs milliseconds, reading it again costs seconds. `api` is
llama_cpp's module with the C functions, which `binding.py` opens. In the child.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WORTH = 64
"""Tokens; fewer are read again as fast as they are copied."""

MOST = 512 << 20
"""Bytes of all copies together."""


@dataclass(frozen=True, eq=False)
class Kept:
    """What was read of one conversation."""

    tokens: tuple[int, ...]
    state: ctypes.Array[ctypes.c_uint8]


class Prefixes:
    """The copies of one context, the last used last."""

    def __init__(self, api: Any, context: object, most: int = MOST) -> None:
        self._api = api
        self._context = context
        self._most = most
        self._kept: list[Kept] = []

    def keep(self, tokens: Sequence[int]) -> None:
        """Copy what the context holds: these tokens. What is too large is not copied."""
        size = int(self._api.llama_state_seq_get_size(self._context, 0))
        if not 0 < size <= self._most // 2:
            return
        state = (ctypes.c_uint8 * size)()
        if self._api.llama_state_seq_get_data(self._context, state, size, 0) != size:
            return
        self._kept = [each for each in self._kept if shared(each.tokens, tokens) < len(each.tokens)]
        self._kept.append(Kept(tuple(tokens), state))
        while sum(len(each.state) for each in self._kept) > self._most:
            self._kept.pop(0)

    def find(self, prompt: Sequence[int], more_than: int) -> Kept | None:
        """The copy that has most of this prompt, if it has so many of its tokens."""
        best = max(self._kept, key=lambda each: shared(each.tokens, prompt), default=None)
        return best if best and shared(best.tokens, prompt) > more_than else None

    def restore(self, kept: Kept) -> bool:
        """Let the context have read that again; False: it has read nothing now."""
        size = len(kept.state)
        self._kept.remove(kept)
        self._api.llama_memory_clear(self._api.llama_get_memory(self._context), False)
        done = self._api.llama_state_seq_set_data(self._context, kept.state, size, 0)
        if done != size:
            self._api.llama_memory_clear(self._api.llama_get_memory(self._context), False)
            return False
        return True


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """Tokens with which both begin."""
    most = min(len(one), len(other))
    return next((at for at in range(most) if one[at] != other[at]), most)
