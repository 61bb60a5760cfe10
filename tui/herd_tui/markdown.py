"""Markdown (CommonMark, tables, strikethrough) as pieces to draw. Pure.

What comes is a model's: HTML in it is text, and an image is its description.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from textual.content import Content, Span
from textual.style import Style

from herd_tui.markdown_blocks import CodeLine, Piece, Prefix, Rule, Table, Words

BULLETS = "•▪‣◦"
EMPTY = Content("")
_STYLES = {"em": ".em", "strong": ".strong", "s": ".s"}

Highlight = Callable[[str, str], Content]
"""Code and the name of its language, made colourful; it keeps its lines."""
Block = tuple[Piece, ...]


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("gfm-like", {"html": False})


def blocks(
    text: str, highlight: Highlight, last: Highlight | None = None
) -> tuple[list[Block], int]:
    """The top-level blocks of a text, and the line at which the last of them begins.

    What comes behind a text may change its last block, and no other one.

    Args:
        text: Markdown.
        highlight: Colours code.
        last: Colours it in the last block.
    """
    tokens = _parser().parse(text)
    ends = [at for at, token in enumerate(tokens) if token.level == 0 and token.nesting <= 0]
    starts = [0, *(end + 1 for end in ends)]
    found = []
    for start, end in zip(starts, ends, strict=False):
        colours = last if last and end == ends[-1] else highlight
        found.append(tuple(_Writer(tokens[start : end + 1], colours).pieces()))
    place = tokens[starts[len(ends) - 1]].map if ends else None
    return found, place[0] if place else 0


class _Writer:
    """Makes pieces of the tokens of one block."""

    def __init__(self, tokens: Sequence[Token], highlight: Highlight) -> None:
        self._tokens = iter(tokens)
        self._highlight = highlight

    def pieces(self) -> Iterator[Piece]:
        """The block."""
        yield from self._inside(Prefix(), "", depth=0)

    def _inside(
        self, prefix: Prefix, end: str, depth: int, *, gaps: bool = True
    ) -> Iterator[Piece]:
        """What stands before the token of type `end`; blank lines between it where it has gaps."""
        is_first = True
        for token in self._tokens:
            if token.type == end:
                return
            if not is_first and gaps and token.nesting >= 0 and not token.hidden:
                yield Words(EMPTY, prefix)
            before, prefix = prefix, prefix.after_the_first
            yield from self._block(token, before, depth)
            is_first = False

    def _block(self, token: Token, prefix: Prefix, depth: int) -> Iterator[Piece]:
        match token.type:
            case "heading_open":
                yield from self._text("heading_close", prefix, f".{token.tag}")
            case "paragraph_open":
                yield from self._text("paragraph_close", prefix)
            case "bullet_list_open":
                yield from self._list("bullet_list_close", prefix, depth, None)
            case "ordered_list_open":
                first = int(token.attrs.get("start", 1))
                yield from self._list("ordered_list_close", prefix, depth, first)
            case "blockquote_open":
                quoted = prefix.then("▌ ", "▌ ", ".bar")
                yield from self._inside(quoted, "blockquote_close", depth)
            case "fence" | "code_block":
                yield from self._code(token, prefix)
            case "hr":
                yield Rule(prefix)
            case "table_open":
                yield self._table(prefix)
            case _:
                if token.content:
                    yield Words(Content(token.content), prefix)

    def _text(self, end: str, prefix: Prefix, style: str = "") -> Iterator[Piece]:
        for token in self._tokens:
            if token.type == end:
                return
            for line in inline(token).split(allow_blank=True):
                yield Words(line.stylize_before(style) if style else line, prefix)
                prefix = prefix.after_the_first

    def _list(self, end: str, prefix: Prefix, depth: int, number: int | None) -> Iterator[Piece]:
        is_first = True
        for token in self._tokens:
            if token.type == end:
                return
            bullet = f"{BULLETS[depth % len(BULLETS)]} " if number is None else f"{number}. "
            item = prefix.then(bullet, " " * len(bullet), ".bullet")
            pieces = list(self._inside(item, "list_item_close", depth + 1, gaps=False))
            yield from pieces or [Words(EMPTY, item)]
            if is_first:
                prefix, is_first = prefix.after_the_first, False
            number = None if number is None else number + 1

    def _code(self, token: Token, prefix: Prefix) -> Iterator[Piece]:
        language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
        code = self._highlight(token.content.rstrip("\n").expandtabs(4), language)
        yield CodeLine(EMPTY, prefix)
        for line in code.split(allow_blank=True):
            yield CodeLine(line, prefix.after_the_first)
        yield CodeLine(EMPTY, prefix.after_the_first)

    def _table(self, prefix: Prefix) -> Table:
        rows: list[list[Content]] = []
        aligns: list[str] = []
        for token in self._tokens:
            if token.type == "table_close":
                break
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "th_open":
                aligns.append(str(token.attrs.get("style", "")).rpartition(":")[2] or "left")
            elif token.type == "inline":
                rows[-1].append(inline(token))
        return Table(tuple(map(tuple, rows)), tuple(aligns), prefix)


def inline(token: Token) -> Content:
    """The text of a block with its styles; links can be clicked."""
    parts: list[str] = []
    spans: list[Span] = []
    opened: list[tuple[int, str | Style]] = []
    length = 0
    for child in token.children or ():
        kind = child.type
        text = ""
        if kind.endswith("_open"):
            href = str(child.attrs.get("href", ""))
            opened.append((length, _STYLES.get(child.tag) or _link(href)))
        elif kind.endswith("_close"):
            start, style = opened.pop()
            spans.append(Span(start, length, style))
        elif kind == "softbreak":
            text = " "
        elif kind == "hardbreak":
            text = "\n"
        elif kind == "code_inline":
            text = child.content
            spans.append(Span(length, length + len(text), ".code_inline"))
        elif kind == "image":
            text = child.content or str(child.attrs.get("src", ""))
            spans.append(Span(length, length + len(text), _link(str(child.attrs.get("src", "")))))
        else:
            text = re.sub(r"\s+", " ", child.content)
        parts.append(text)
        length += len(text)
    return Content("".join(parts), spans)


def _link(href: str) -> Style:
    return Style.from_meta({"@click": f"link({href!r})"})
