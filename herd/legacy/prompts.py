"""The prompts that models of 2023 were taught, which their files do not say.

Those who made them gave the prompt along in a readme or in a program, so a person has to name
it, or the name of the file gives it away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from herd.errors import BadUsage


@dataclass(frozen=True)
class Prompt:
    """A chat template and what ends an answer under it."""

    name: str
    template: str
    """Jinja."""
    stop: tuple[str, ...] = ()


_ALPACA = """\
{%- if messages[0]['role'] == 'system' -%}
{{ messages[0]['content'] }}
{%- else -%}
Below is an instruction that describes a task. Write a response that appropriately completes \
the request.
{%- endif -%}
{%- for message in messages -%}
{%- if message['role'] == 'user' -%}
{{ '\\n\\n### Instruction:\\n\\n' + message['content'] }}
{%- elif message['role'] == 'assistant' -%}
{{ '\\n\\n### Response:\\n\\n' + message['content'] }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '\\n\\n### Response:\\n\\n' }}
{%- endif -%}"""

_VICUNA = """\
{%- if messages[0]['role'] == 'system' -%}
{{ messages[0]['content'] }}
{%- else -%}
A chat between a curious user and an artificial intelligence assistant. The assistant gives \
helpful, detailed, and polite answers to the user's questions.
{%- endif -%}
{%- for message in messages -%}
{%- if message['role'] == 'user' -%}
{{ ' USER: ' + message['content'] }}
{%- elif message['role'] == 'assistant' -%}
{{ ' ASSISTANT: ' + message['content'] + '</s>' }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ ' ASSISTANT:' }}
{%- endif -%}"""

_PLAIN = """\
{%- for message in messages -%}
{{ message['content'] + '\\n' }}
{%- endfor -%}"""

PROMPTS = {
    prompt.name: prompt
    for prompt in (
        Prompt("alpaca", _ALPACA, ("### Instruction:",)),
        Prompt("vicuna", _VICUNA, ("USER:",)),
        Prompt("plain", _PLAIN),
    )
}
"""alpaca: Stanford's, of alpaca.cpp and GPT4All-LoRA too; vicuna: of Vicuna 1.1 and later;
plain: the turns as they are, for models that continue a text."""

_SIGNS = {
    "alpaca": re.compile("alpaca|gpt4all", re.IGNORECASE),
    "vicuna": re.compile("vicuna", re.IGNORECASE),
}


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
    found = (name for name, sign in _SIGNS.items() if sign.search(file_name))
    name = next(found, None)
    return PROMPTS[name] if name else None
