"""Looking at an old model: everything that can be wrong is found before a byte is written.

Only headers, vocabularies and records are read, no weights: a file that a stalled download
cut short is refused in milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from herd.errors import LegacyDamaged, LegacyRefused

from .facts import Facts, Legacy
from .families import family_of
from .gguf import Gguf
from .header import read_header
from .layout import DROPPED, Found, count_parts, lay_out, measure
from .reader import AGAIN, Reader
from .records import read_records
from .tokens import Tokens, make_tokens
from .vocabulary import read_pieces

Source = Path | Sequence[Path]
"""The first file of a model, or all its files in order."""

_CHUNK = 1 << 18


def inspect(source: Source, facts: Facts) -> Legacy:
    """Look at an old model without reading its weights.

    Raises:
        LegacyRefused: it is no LLaMA, or of a version nobody knows.
        LegacyDamaged: it is not whole, or says what cannot be true.
        LegacyError: it cannot be read.
    """
    return examine(source, facts)[0]


def examine(source: Source, facts: Facts) -> tuple[Legacy, Gguf]:
    """Inspect, and have the head of the GGUF ready as well."""
    parts = _find_parts(source, facts.called)
    first = parts[0]
    sides = measure(first, len(parts))
    tensors = lay_out(parts, sides)
    tokens = _tokens(first)
    heads_kv = sides.keys // first.header.head_width
    head = Gguf(first.header, sides.feed_forward, heads_kv, tensors, tokens, facts)
    legacy = Legacy(
        header=first.header,
        parts=tuple(part.path for part in parts),
        size=sum(part.size for part in parts),
        feed_forward=sides.feed_forward,
        heads_kv=heads_kv,
        vocabulary=len(tokens.texts),
        tensors=tensors,
        output_size=head.size,
        warnings=(*tokens.warnings, *_warnings(first)),
    )
    return legacy, head


def _find_parts(source: Source, called: str | None) -> list[Found]:
    given = [source] if isinstance(source, Path) else list(source)
    first = _walk_first(given[0], called or given[0].name)
    count = count_parts(first)
    paths = given
    if isinstance(source, Path):
        paths = [source, *(_beside(source, number) for number in range(1, count))]
    if len(paths) != count:
        raise LegacyDamaged(
            f"{first.called} consists of {count} parts, and {len(paths)} were given.", AGAIN
        )
    others = [_walk_other(path, first, number) for number, path in enumerate(paths) if number]
    return [first, *others]


def _beside(first: Path, number: int) -> Path:
    return first.with_name(f"{first.name}.{number}")


def _walk_first(path: Path, called: str) -> Found:
    try:
        return _walk(path, called)
    except (LegacyDamaged, LegacyRefused) as error:
        if family := family_of(path):
            raise _not_llama(called, family) from error
        raise


def _not_llama(called: str, family: str) -> LegacyRefused:
    return LegacyRefused(
        f"{called} is {family} ggml file, not LLaMA.",
        "herd converts LLaMA models of that age; look for a GGUF of this one.",
    )


def _walk(path: Path, called: str) -> Found:
    with Reader(path, called) as reader:
        header = read_header(reader)
        start = reader.position
        for _ in read_pieces(reader, header):
            pass
        vocabulary = range(start, reader.position)
        records = read_records(reader, header)
        return Found(path, called, reader.size, header, vocabulary, records)


def _walk_other(path: Path, first: Found, number: int) -> Found:
    called = f"part {number} of {first.called}"
    if not path.exists():
        raise LegacyDamaged(f"{path.name}, {called}, is missing.", "Put all parts into one folder.")
    part = _walk(path, called)
    if part.header != first.header or not _is_same_vocabulary(part, first):
        raise part.damaged("its header or vocabulary is not that of the first part")
    return part


def _is_same_vocabulary(one: Found, other: Found) -> bool:
    if one.vocabulary != other.vocabulary:
        return False
    with Reader(one.path, one.called) as left, Reader(other.path, other.called) as right:
        left.go(one.vocabulary.start)
        right.go(one.vocabulary.start)
        for at in range(one.vocabulary.start, one.vocabulary.stop, _CHUNK):
            count = min(_CHUNK, one.vocabulary.stop - at)
            if left.some(count) != right.some(count):
                return False
    return True


def _tokens(first: Found) -> Tokens:
    with Reader(first.path, first.called) as reader:
        reader.go(first.vocabulary.start)
        return make_tokens(read_pieces(reader, first.header), first.header, first.called)


def _warnings(first: Found) -> list[str]:
    dropped = sorted(DROPPED & first.records.keys())
    return [f"Tensor {name} was left out: it is computed today." for name in dropped]
