"""What is seen of a swarm, and when that means that waiting is over. Pure: time is given.

A dead magnet raises no alarm of its own: libtorrent would look for peers for ever. So
everything is judged here by the clock, from snapshots; alerts only add words to it.

    asking    no metadata within `metadata` seconds      -> NO_METADATA
    fetching  no new byte within `stalled` seconds       -> STALLED
    fetching  no peer and no new byte within `aside` seconds while
              a mirror waits that the swarm cannot use     -> STALLED
    fetching  peers banned, none left, nothing new within `banned` seconds -> SPOILT
    fetching  a piece was wrong, or one of the banned is on trial: nothing
              new within as many                                           -> SPOILT
    fetching  one of the banned on trial: banned again, none left, within
              a fifth of them                                              -> SPOILT
    checking  the clock stands still: what is on the disk takes the time it takes
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import urlsplit

from herd.words import count

_MOST_WORDS = 160
_MOST_TRACKERS_TOLD = 3
_SOONER = 5
"""How many times as soon a peer on trial is done with that is banned again."""


@dataclass(frozen=True)
class SwarmPatience:
    """What a swarm is granted. Times are seconds."""

    metadata: float = 30.0
    """Until a magnet's metadata is there."""
    stalled: float = 60.0
    """Without a new byte."""
    aside: float = 3.0
    """Without a new byte and without a peer where a mirror waits that gives only the whole file."""
    banned: float = 15.0
    """Without a new byte where a piece was wrong: honest peers may be banned for it, and those that
    stay are on parole, where libtorrent asks none of them for a piece that it has half of."""
    tick: float = 0.05
    """Between two looks."""


class Phase(Enum):
    """What a torrent is doing."""

    ASKING = auto()
    """Peers are asked for the metadata."""
    CHECKING = auto()
    """What lies on the disk is compared with the piece hashes."""
    FETCHING = auto()
    WHOLE = auto()
    """Every wanted piece is there and right."""


@dataclass(frozen=True)
class Look:
    """A snapshot of a torrent."""

    phase: Phase
    done: int = 0
    """Bytes of the wanted pieces that are there."""
    peers: int = 0
    """Connected now."""
    fetched: int = 0
    """Payload bytes that came over the network, right or wrong."""
    wasted: int = 0
    """Of those: wrong, or there already."""
    prefix: int = 0
    """Bytes from the beginning of the file that are there and right."""
    given: int = 0
    """Payload bytes that went out."""

    @property
    def note(self) -> str:
        """What to show beside the numbers."""
        if self.phase is Phase.CHECKING:
            return "checking what is there"
        if not self.peers:
            return "finding peers"
        if self.phase is Phase.ASKING:
            return "asking for metadata"
        return count(self.peers, "peer")


@dataclass(frozen=True)
class Given:
    """What became of a file that is shared."""

    uploaded: int
    """Payload bytes that went out."""
    peers: int
    """Connected now."""
    is_damaged: bool = False
    """Whether a piece proved wrong before it went out."""
    is_over: bool = False
    """Whether it is not given away any more."""


@dataclass
class Reports:
    """What trackers, peers and the disk said; it grows while a session lives."""

    trackers: dict[str, str] = field(default_factory=dict)
    """The last word of each tracker, by its address."""
    seen: set[tuple[str, int]] = field(default_factory=set)
    """Addresses of peers that were tried."""
    banned: set[str] = field(default_factory=set)
    """In this session."""
    liars: set[str] = field(default_factory=set)
    """Banned in this session or in one before."""
    failed: list[int] = field(default_factory=list)
    """Pieces that proved wrong, until somebody takes them off the list."""
    is_spoilt: bool = False
    """Whether a piece proved wrong, in this session."""
    right: list[int] = field(default_factory=list)
    """Pieces that proved right, likewise."""
    disk: DiskTrouble | None = None
    """The first one; thousands follow it."""
    flaw: str = ""
    """What libtorrent found wrong with the torrent itself."""

    def heard(self, tracker: str, words: str) -> None:
        """A tracker said something."""
        self.trackers[tracker] = plain(words)

    @property
    def sentence(self) -> str:
        """Trackers and peers in one line, for the end of a message."""
        told = [
            f"{urlsplit(address).hostname} says: {words}"
            for address, words in list(self.trackers.items())[:_MOST_TRACKERS_TOLD]
        ]
        told.append(f"{count(len(self.seen), 'peer')} seen")
        told += [f"{len(self.liars)} banned for wrong bytes"] if self.liars else []
        return "; ".join(told)


@dataclass(frozen=True)
class DiskTrouble:
    """The disk refused."""

    errno: int
    words: str


class Overdue(Enum):
    """Why waiting is over."""

    NO_METADATA = auto()
    STALLED = auto()
    SPOILT = auto()


class SwarmWatch:
    """Judges one fetch by the clock, over all the sessions that it takes."""

    def __init__(self, patience: SwarmPatience, now: float) -> None:
        self._patience = patience
        self._best = -1
        self._waited = 0.0
        self._waited_banned = self._waited_spoilt = 0.0
        self._then = now
        self.granted = patience.stalled
        """Seconds that were to pass without a new byte, by the last look."""

    def rest(self, now: float) -> None:
        """The time until now is not the swarm's: what is on the disk was checked for a session."""
        self._then, self._waited_banned, self._waited_spoilt = now, 0.0, 0.0

    def judge(
        self,
        look: Look,
        reports: Reports,
        now: float,
        *,
        is_aside: bool = False,
        is_trial: bool = False,
    ) -> Overdue | None:
        """Whether waiting is over after this look.

        Args:
            look: What was seen.
            reports: What was said.
            now: Seconds of a monotonic clock.
            is_aside: Whether nobody is connected, and a mirror could give the file without them.
            is_trial: Whether of those who were banned only one may come (`swarm_suspects`).
        """
        passed, self._then = now - self._then, now
        if look.phase is Phase.CHECKING:
            return None
        if look.done > self._best or look.phase is Phase.WHOLE:
            # A poisoned piece comes and goes: only bytes beyond the best so far are progress.
            self._best, self._waited = look.done, 0.0
            self._waited_banned = self._waited_spoilt = 0.0
            return None
        self._waited += passed
        if look.phase is Phase.ASKING:
            return Overdue.NO_METADATA if self._waited >= self._patience.metadata else None
        self.granted = self._patience.aside if is_aside else self._patience.stalled
        if self._waited >= self.granted:
            return Overdue.STALLED
        is_deserted = bool(reports.banned) and look.peers == 0
        self._waited_banned = self._waited_banned + passed if is_deserted else 0.0
        is_spoilt = is_trial or reports.is_spoilt or bool(reports.banned)
        self._waited_spoilt = self._waited_spoilt + passed if is_spoilt else 0.0
        granted = self._patience.banned / (_SOONER if is_trial else 1)
        is_over = self._waited_banned >= granted or self._waited_spoilt >= self._patience.banned
        return Overdue.SPOILT if is_over else None


def plain(words: str) -> str:
    """A stranger's words as one short line that a terminal can show."""
    shown = "".join(each if each.isprintable() else " " for each in words[: 4 * _MOST_WORDS])
    return " ".join(shown.split())[:_MOST_WORDS] or "nothing"
