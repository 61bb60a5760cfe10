"""What people and tools say stays text: the name of a control token in it ends no turn. Pure.

A page that is summed up may have `<|im_end|>` in it, and behind that words in the name of the
system. A character that nobody sees keeps such a name from being the token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from herd.chat import Role, Turn

_MAY_BEGIN = re.compile(r"<(?=([^<>\s]{1,62}>))|\[(?=([A-Z_/]{2,24}\]))")
"""Control tokens are like this: `<|im_end|>`, `</s>`, `<end_of_turn>`, `[INST]`; one may stand
within what looks like another."""
_UNSEEN = "\N{ZERO WIDTH SPACE}"
_FROM_OUTSIDE = (Role.USER, Role.TOOL)


def quoted(turns: Sequence[Turn], is_control: Callable[[str], bool]) -> list[Turn]:
    """The turns, with every name of a control token in what came from outside broken up."""
    known: dict[str, bool] = {}

    def broken(match: re.Match[str]) -> str:
        name = match[0] + (match[1] or match[2])
        if name not in known:
            known[name] = is_control(name)
        return match[0] + _UNSEEN if known[name] else match[0]

    return [
        replace(turn, text=_MAY_BEGIN.sub(broken, turn.text))
        if turn.role in _FROM_OUTSIDE
        else turn
        for turn in turns
    ]
