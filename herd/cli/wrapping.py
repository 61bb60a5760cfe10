"""A text that comes piece by piece, broken between words at the edge of a terminal.

A word is shown as it comes. One that turns out not to fit is taken back and begins the next
line. Code between fences is left as it is: whoever copies it wants its own lines.
"""

from __future__ import annotations

import unicodedata

_FENCE = "```"
_TAB = 8
_NONE_WIDE = ("Mn", "Me", "Cf")
"""Categories of characters that take no cell: marks, and what is no character at all."""


class Wrapping:
    """Where the cursor stands on the line, and what of it may still be taken back."""

    def __init__(self) -> None:
        self._column = 0
        self._word = ""
        """What stands behind the last blank."""
        self._line = ""
        """How the line begins, as far as a fence would show."""
        self._is_code = False

    def put(self, text: str, columns: int) -> str:
        """The next piece, as it is to be written.

        Args:
            text: Without control characters but for tabs and newlines.
            columns: Cells of the terminal now; the last one stays empty, for terminals do not
                agree on what follows a full line.
        """
        return "".join(self._put(each, columns - 1) for each in text)

    def _put(self, character: str, room: int) -> str:
        if character == "\n":
            self._is_code ^= self._line.lstrip().startswith(_FENCE)
            self._column, self._word, self._line = 0, "", ""
            return character
        self._line += character if len(self._line) < _TAB else ""
        wide = self._cells(character)
        before = ""
        if self._column + wide > room and not self._is_code:
            if character.isspace():
                self._column, self._word = 0, ""
                return "\n"
            before = self._next_line(room, wide)
        self._column += wide
        # Between characters of two cells (Chinese, Japanese, Korean) a line may break anywhere.
        if character.isspace() or wide > 1:
            self._word = ""
        elif wide or self._word:  # a mark alone begins no word: it stays with what it is on
            self._word += character
        return before + character

    def _next_line(self, room: int, wide: int) -> str:
        """Go to the next line, with the word that began; one that fills a line is cut there."""
        cells = sum(self._cells(each) for each in self._word)
        if not self._word or cells + wide > room or cells == self._column:
            self._column, self._word = 0, ""
            return "\n"
        self._column = cells
        return f"\x1b[{cells}D\x1b[K\n{self._word}"

    def _cells(self, character: str) -> int:
        if character == "\t":
            return _TAB - self._column % _TAB
        if unicodedata.category(character) in _NONE_WIDE:
            return 0
        return 2 if unicodedata.east_asian_width(character) in "WF" else 1
