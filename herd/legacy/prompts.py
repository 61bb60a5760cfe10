"""The prompts that models of 2023 were taught, which their files do not say.

Those who made them gave the prompt along in a readme or in a program, so a person has to name
it, or the name of the file gives it away.
"""

from __future__ import annotations

import re

from herd.errors import BadUsage
from herd.templates import TEMPLATES, Prompt

__all__ = ["PROMPTS", "Prompt", "guessed", "named"]

PROMPTS = {name: TEMPLATES[name] for name in ("alpaca", "vicuna", "plain")}


def named(name: str) -> Prompt:
    """The prompt of this name.

    Raises:
        BadUsage: there is none.
    """
    if name not in PROMPTS:
        raise BadUsage(f"There is no template {name!r}.", f"There is {', '.join(PROMPTS)}.")
    return PROMPTS[name]


def guessed(file_name: str) -> Prompt | None:
    """The prompt that the name of a file gives away."""
    for prompt in PROMPTS.values():
        if prompt.sign and re.search(prompt.sign, file_name, re.IGNORECASE):
            return prompt
    return None
