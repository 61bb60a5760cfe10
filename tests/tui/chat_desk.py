"""What a test of the chat does again and again: ask, wait for the answer, answer a dialog."""

from __future__ import annotations

from textual.widgets import Input

from herd_tui.commands import COMMANDS
from herd_tui.screens.ask import Ask
from tests.tui.hand import Hand

MARKDOWN = """\
# Why they hum

A llama hums for **three** reasons:

- it is `content`
- it calls its cria

```python
def hum(llama: Llama) -> str:
    return "mmm" * llama.mood
```

[b]Not bold[/b], and [a link](https://example.org).
"""


def turns(hand: Hand) -> list[tuple[str, str]]:
    return [(str(turn.role), turn.text) for turn in hand.app.chat.conversation.turns]


async def ask(hand: Hand, text: str, *, times: int = 1) -> None:
    """Ask, and wait until it is answered: the conversation has so many answers then."""
    await hand.say(text)
    await answered(hand, times)


async def answered(hand: Hand, times: int = 1) -> None:
    await hand.until(
        lambda: (
            [role for role, _ in turns(hand)].count("assistant") == times
            and hand.app.chat.talk is None
        )
    )


async def fill(hand: Hand, text: str) -> None:
    """Answer the question that is asked in a line."""
    await hand.until(lambda: hand.is_at(Ask))
    hand.app.screen.query_one(Input).value = text
    await hand.press("enter")


async def run(hand: Hand, command_id: str) -> None:
    """Run a command that has no key, as its slash does."""
    slash = next(each.slash for each in COMMANDS if each.id == command_id)
    await hand.say(f"/{slash}")
