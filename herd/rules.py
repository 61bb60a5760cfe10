"""When downloads may run, and how fast: the person's rules. Pure; the time is an argument."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

from herd.errors import ConfigError

_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


@dataclass(frozen=True)
class Hours:
    """A part of the day, over midnight too."""

    start: time
    stop: time

    def has(self, moment: time) -> bool:
        """Whether it is that part of the day."""
        if self.start <= self.stop:
            return self.start <= moment < self.stop
        return moment >= self.start or moment < self.stop

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.stop:%H:%M}"


def hours(text: str) -> Hours | None:
    """Read `22:00-07:00`; an empty text is the whole day.

    Raises:
        ConfigError: it does not read.
    """
    if not text.strip():
        return None
    match = _HOURS.fullmatch(text.strip())
    numbers = [int(each) for each in match.groups()] if match else []
    try:
        return Hours(time(numbers[0], numbers[1]), time(numbers[2], numbers[3]))
    except (IndexError, ValueError) as error:
        raise ConfigError(
            f"download_hours must be like 22:00-07:00, not {text!r}.", "Empty means always."
        ) from error


@dataclass(frozen=True)
class Rules:
    """What holds for all downloads."""

    at_once: int = 2
    """Downloads that run at the same time; the others wait."""
    limit: int = 0
    """Bytes per second of all together; 0: no limit."""
    upload_limit: int = 0
    """The same of what goes out to members of swarms meanwhile."""
    chatting_limit: int = 0
    """The same while a model answers; 0: no other limit than else."""
    hours: Hours | None = None
    """When they may run; None: always."""
    pauses_metered: bool = True
    """Whether they wait while the connection is metered."""

    def why_not(self, moment: time, *, is_metered: bool) -> str | None:
        """Why nothing may run now, in words; None when it may."""
        if self.hours is not None and not self.hours.has(moment):
            return f"until {self.hours.start:%H:%M} (download_hours)"
        if is_metered and self.pauses_metered:
            return "the connection is metered (HERD_METERED=0 goes on)"
        return None

    def limit_now(self, *, is_chatting: bool, asked: int | None = None) -> int | None:
        """Bytes per second now.

        Args:
            is_chatting: Whether a model answers.
            asked: What the person said beside the configuration: `herd downloads limit`.
        """
        usual = self.limit if asked is None else asked
        limits = [usual] + ([self.chatting_limit] if is_chatting else [])
        return min([each for each in limits if each], default=None)
