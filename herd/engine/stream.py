"""Bytes of tokens in, text out: whole characters, and nothing of a stop sequence. Pure."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """The text of an answer as its tokens come.

    A character may be spread over several tokens and a stop sequence too, so what could
    still become either is held back until it is known.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._stop = [each for each in stop if each]
        self._held = ""
        self.is_stopped = False
        """Whether a stop sequence came; nothing follows it."""

    def feed(self, token: bytes) -> str:
        """The text that is certain now, possibly none."""
        return self._release(self._decoder.decode(token))

    def end(self) -> str:
        """What was held back, now that nothing more comes."""
        text = self._release(self._decoder.decode(b"", final=True))
        held, self._held = self._held, ""
        return text if self.is_stopped else text + held

    def _release(self, text: str) -> str:
        if self.is_stopped:
            return ""
        self._held += text
        found = [at for at in (self._held.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self.is_stopped = True
            ready, self._held = self._held[: min(found)], ""
            return ready
        keep = max((_overlap(self._held, stop) for stop in self._stop), default=0)
        cut = len(self._held) - keep
        ready, self._held = self._held[:cut], self._held[cut:]
        return ready


def _overlap(text: str, stop: str) -> int:
    """Characters at the end of the text with which the stop sequence begins."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
