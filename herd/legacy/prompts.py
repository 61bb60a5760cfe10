"""The prompts that models of 2023 were taught, which their files do not say.

Those who made them gave the prompt along in a readme or in a program, so a person has to name
it, or the name of the file gives it away.
"""

from __future__ import annotations

from herd import templates
from herd.templates import TEMPLATES, Prompt

__all__ = ["PROMPTS", "Prompt", "guessed", "named"]

PROMPTS = {name: TEMPLATES[name] for name in ("alpaca", "vicuna", "plain")}


def named(name: str) -> Prompt:
    """The prompt of this name.

    Raises:
        BadUsage: there is none.
    """
    return templates.named(name, PROMPTS)


def guessed(file_name: str) -> Prompt | None:
    """The prompt that the name of a file gives away."""
    return templates.signed(file_name, PROMPTS)
