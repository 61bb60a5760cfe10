"""What widgets and screens tell each other: facts in the past tense, wishes in the imperative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from herd.errors import HerdError

if TYPE_CHECKING:
    from herd.job import Job
    from herd.model import Choice


@dataclass
class WorkDone(Message):
    """A thread came to its end with what it was asked for."""

    then: Callable[[], object]
    """Runs in the app's own thread; what it gives back is awaited if it can be."""


@dataclass
class WorkFailed(Message):
    """A thread came to an error."""

    error: HerdError


@dataclass
class TransferEnded(Message):
    """An install ended: done, failed or stopped."""

    job: Job


@dataclass
class LibraryChanged(Message):
    """Something was installed or removed."""


@dataclass
class Install(Message):
    """Begin to install this; everything that must be asked was asked."""

    choice: Choice
    is_licence_accepted: bool


@dataclass
class OpenChat(Message):
    """Begin a conversation with this model."""

    reference: str


@dataclass
class ShowScreen(Message):
    """Go to the screen of this name."""

    name: str
