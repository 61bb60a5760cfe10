"""What is said of a model on the command line and in the app: licence, fit, sources. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from herd.model import (
    Choice,
    Commercial,
    HfSource,
    Licence,
    MagnetSource,
    PathSource,
    Source,
    SwarmState,
    UrlSource,
)
from herd.plan import Fit, Plan, Read
from herd.ranks import Mark, Ranks
from herd.transfer import describe
from herd.words import duration, size

FITS = {
    Fit.FITS: "fits into memory",
    Fit.TIGHT: "tight: it fills most of the memory",
    Fit.TOO_BIG: "too big for the memory of this machine",
    Fit.UNKNOWN: "not known before it is here",
}
ALLOWS = {
    Commercial.OPEN: "commercial use is open",
    Commercial.CONDITIONAL: "commercial use has conditions",
    Commercial.PROHIBITED: "no commercial use",
    Commercial.UNKNOWN: "",
}
OWN_TEMPLATE, REGISTRY_TEMPLATE = "the model's own", "the registry's"

_DAY = 86_400.0


def terms(licence: Licence) -> str:
    """A licence on one line."""
    words = [licence.id, ALLOWS[licence.commercial]]
    if licence.must_be_accepted:
        words.append("must be accepted")
    return ", ".join(word for word in words if word)


def whose_template(template: str | None) -> str:
    """Whose chat template a model is given."""
    return REGISTRY_TEMPLATE if template else OWN_TEMPLATE


def origin(source: Source) -> str:
    """A source, and what its registry holds against it."""
    if not isinstance(source, MagnetSource) or source.state is SwarmState.LIVE:
        return describe(source)
    never = ", never asked" if source.state is SwarmState.REVOKED else ""
    note = f": {source.note}" if source.note else ""
    return f"{describe(source)} ({source.state}{never}{note})"


def origins(sources: Sequence[Source]) -> tuple[str, ...]:
    """Sources, each told from the others: where several look alike, with their paths."""
    said = [origin(each) for each in sources]
    return tuple(
        _whole(each) if said.count(text) > 1 else text
        for each, text in zip(sources, said, strict=True)
    )


def _whole(source: Source) -> str:
    match source:
        case UrlSource(url):
            parts = urlsplit(url)
            return parts.netloc.rpartition("@")[2] + parts.path
        case HfSource(repo, revision, path):
            return f"huggingface.co/{repo}/{path} at {revision[:12]}"
        case _:
            return origin(source)


@dataclass(frozen=True)
class Way:
    """A source of a file, in the order in which it would be asked now."""

    source: Source
    known: Mark | None = None
    """How it behaved here, if it was asked."""

    @property
    def is_bad(self) -> bool:
        """Whether something is held against it: in the registry, or on this machine."""
        if isinstance(self.source, MagnetSource) and self.source.state is not SwarmState.LIVE:
            return True
        return self.known is not None and not self.known.is_good

    def health(self, now: float) -> str:
        """How it behaved here, in a few words; empty when it was not asked.

        Args:
            now: Seconds since the epoch.
        """
        if self.known is None:
            return ""
        when = _ago(now - self.known.at)
        return f"good {when}" if self.known.is_good else f"asked last: {self.known.why}, {when}"


def ways(sources: Iterable[Source], ranks: Ranks) -> tuple[Way, ...]:
    """The sources in the order in which they would be asked now, and what is known of each."""
    known = ranks.known(sources)
    found = [Way(source, mark) for source, mark in known.items()]
    return tuple(sorted(found, key=lambda way: way.known is not None and not way.known.is_good))


def _moves(plan: Plan) -> str:
    """What becomes of the bytes: files of this machine are copied, all else is fetched."""
    first = [fetch.file.sources[:1] for fetch in plan.fetches]
    is_near = all(isinstance(source, PathSource) for sources in first for source in sources)
    return "copy" if first and is_near else "fetch"


def _fetched(plan: Plan) -> str:
    """What an install would fetch, and what of it is here."""
    begun = sum(fetch.offset for fetch in plan.fetches)
    if not plan.fetches:
        if any(isinstance(step, Read) for step in plan.steps):
            return "nothing: it is read where it lies"
        return "nothing: the store has the bytes"
    if plan.bytes_to_fetch is None:
        return "a size that only the source knows"
    there = f" ({size(begun)} of it are here)" if begun else ""
    return f"{size(plan.choice.variant.size)}{there}"


def _converted(plan: Plan) -> str:
    """What becomes of old files; empty where nothing does."""
    if plan.convert is None:
        return "to GGUF, should it be a ggml file" if _may_be_old(plan.choice) else ""
    parts = [file.name for file in plan.choice.variant.files]
    what = "to GGUF" if len(parts) == 1 else f"{len(parts)} parts to one GGUF"
    goes = "" if plan.keeps_original or not plan.fetches else ", and what came goes afterwards"
    return f"{what}{_within(plan.convert.seconds)}{goes}"


def _may_be_old(choice: Choice) -> bool:
    """Whether only the first bytes will tell: an address or a magnet that ends as ggml files do."""
    if choice.model.registry is not None:
        return False
    return any(
        file.name.lower().endswith(".bin") and not isinstance(file.sources[0], PathSource)
        for file in choice.variant.files
    )


def _within(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f", in {'a second' if seconds < 1.5 else f'about {duration(seconds)}'}"


def steps(plan: Plan) -> tuple[tuple[str, str], ...]:
    """What an install would do, as labels and texts; what it does not do is not there."""
    rows = ((_moves(plan), _fetched(plan)), ("convert", _converted(plan)), ("disk", _room(plan)))
    return tuple((label, text) for label, text in rows if text)


def _room(plan: Plan) -> str:
    """What disk an install takes, and what is free."""
    if plan.ground.free is None:
        return ""
    free = f"{size(plan.ground.free)} are free"
    if plan.convert is None or plan.room is None:
        return free
    return f"up to {size(plan.room)} until it is converted; {free}"


def _ago(seconds: float) -> str:
    days = int(max(0.0, seconds) // _DAY)
    return "today" if days == 0 else "yesterday" if days == 1 else f"{days} days ago"
