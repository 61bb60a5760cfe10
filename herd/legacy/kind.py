"""Which old format a file claims to be, by its first four bytes."""

from __future__ import annotations

import stat
from enum import StrEnum
from pathlib import Path

from herd.errors import LegacyError


class Kind(StrEnum):
    """The formats of llama.cpp before GGUF, by the name of their magic."""

    GGML = "ggml"
    """March 2023, and alpaca.cpp for ever: no version, no scores."""
    GGMF = "ggmf"
    """From 2023-03-20: a version, and scores in the vocabulary."""
    GGJT = "ggjt"
    """From 2023-03-30: tensors aligned to 32 bytes, one file."""
    GGLA = "ggla"
    """A LoRA adapter; not a model."""
    GGSN = "ggsn"
    """The saved state of a session; not a model."""

    @property
    def is_model(self) -> bool:
        """Whether a file of this kind holds a model."""
        return self not in (Kind.GGLA, Kind.GGSN)


MAGICS = {kind.value.encode()[::-1]: kind for kind in Kind}
"""The magics are 32-bit numbers, so that their letters stand reversed in the file."""


def recognise(path: Path) -> Kind | None:
    """The old format that the file claims to be, None if it claims another; reads four bytes.

    Raises:
        LegacyError: the file cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb", buffering=0) as file:
            return MAGICS.get(file.read(4))
    except OSError as error:
        raise unreadable(path.name, error) from error


def unreadable(name: str, error: OSError) -> LegacyError:
    """What to say of a file that the system does not let us read."""
    reason = error.strerror or type(error).__name__
    return LegacyError(f"{name} cannot be read: {reason}.", "Check that it exists and is yours.")
