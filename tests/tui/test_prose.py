"""An answer is drawn as Markdown in lines of its own, and growing changes nothing of that."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.content import Content
from textual.geometry import Offset
from textual.selection import Selection

from herd_tui.markdown import blocks
from herd_tui.widgets.prose import Prose

ANSWER = """# Llamas
They *hum* and **spit**, `softly`; ~~never~~ see [more](https://llamas.example.org).

- one
- two that runs on and on until it has to be wrapped into a second line
  1. deep

> quoted, and long enough to be wrapped into two lines of this width at least

```python
def hum(llama):
    return "mmm" * 20  # a comment that is longer than a line has cells for it
```

| name | size |
|:-----|-----:|
| 大きな llama that is too long for its column | 7 |
| b | 20000 |

---
The end."""
WIDTH = 40


class Page(App[None]):
    CSS = "Prose { height: auto; }"

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.prose = Prose(text)

    def compose(self) -> ComposeResult:
        yield self.prose


def lines(text: str, width: int = WIDTH) -> list[str]:
    found, _ = blocks(text, lambda code, _: Content(code))
    return [
        line.plain.rstrip() for block in found for piece in block for line in piece.lines(width)
    ]


@pytest.mark.parametrize("step", [1, 7, 50])
async def test_a_text_that_came_in_parts_looks_like_one_that_came_at_once(step: int) -> None:
    whole, parts = Page(ANSWER), Page()
    async with whole.run_test(size=(WIDTH, 60)) as pilot:
        await pilot.pause()
        expected = (whole.prose.size, whole.prose.get_selection(Selection(None, None)))
    async with parts.run_test(size=(WIDTH, 60)) as pilot:
        await pilot.pause()
        for at in range(0, len(ANSWER), step):
            parts.prose.append(ANSWER[at : at + step])
        parts.prose.finish()
        await pilot.pause()

        assert (parts.prose.size, parts.prose.get_selection(Selection(None, None))) == expected


@pytest.mark.parametrize("width", [1, 8, 20, 40, 200])
def test_no_line_is_wider_than_there_is_room(width: int) -> None:
    words = "\n\n".join(part for part in ANSWER.split("\n\n") if not part.startswith("|"))

    assert all(cell_len(line) <= max(width, 8) for line in lines(words, width))


def test_a_table_is_wrapped_into_its_columns() -> None:
    table = [line for line in lines(ANSWER) if "20000" in line or "llama that" in line]

    assert all(cell_len(line) <= WIDTH for line in table)
    assert len(table) == 2


def test_nested_lists_are_indented() -> None:
    assert lines("- a\n  - b\n    1. c\n- d") == ["• a", "  ▪ b", "    1. c", "• d"]


def test_html_is_text() -> None:
    assert lines("<script>hum()</script>\n\na <b>llama</b>") == [
        "<script>hum()</script>",
        "a <b>llama</b>",
    ]


async def test_what_is_copied_has_no_breaks_where_the_screen_has_them() -> None:
    page = Page(ANSWER)
    async with page.run_test(size=(WIDTH, 60)) as pilot:
        await pilot.pause()
        copied = page.prose.get_selection(Selection(None, None))

        assert copied
        assert "two that runs on and on until it has to be wrapped into a second line" in " ".join(
            copied[0].split()
        )
        top = page.prose.get_selection(Selection(Offset(2, 0), Offset(6, 0)))
        assert top == ("amas", "\n")


async def test_a_link_is_copied_and_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    page, copied = Page("[more](https://llamas.example.org)"), list[str]()
    monkeypatch.setattr(page, "copy_to_clipboard", copied.append)
    async with page.run_test(size=(WIDTH, 10)) as pilot:
        await pilot.click(Prose, offset=(1, 0))
        await pilot.pause()

    assert copied == ["https://llamas.example.org"]
