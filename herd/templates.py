"""Chat templates that have a name, for models whose file does not say which one is theirs.

Which one that is, is guessed from the names of a model and from the words of its vocabulary,
and a guess is always shown. A model that nothing calls one to talk with is taken as a base
model: it goes on with a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from herd.errors import BadUsage


@dataclass(frozen=True)
class Prompt:
    """A chat template and what ends an answer under it."""

    name: str
    template: str
    """Jinja."""
    stop: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """Of the vocabulary of a model that was made for it."""
    sign: str | None = None
    """What the name of such a model has in it (a regular expression)."""


@dataclass(frozen=True)
class Guess:
    """A template that may be the right one, and what speaks for it."""

    prompt: Prompt
    why: str


def _of(start: str, each: dict[str, str], end: str) -> str:
    """A template that writes each turn by its role, in one way."""
    roles = "".join(
        f"{{%- {'if' if at == 0 else 'elif'} message['role'] == '{role}' -%}}{{{{ {text} }}}}"
        for at, (role, text) in enumerate(each.items())
    )
    return (
        f"{start}{{%- for message in messages -%}}{roles}{{%- endif -%}}{{%- endfor -%}}"
        f"{{%- if add_generation_prompt -%}}{{{{ {end} }}}}{{%- endif -%}}"
    )


def _system(otherwise: str) -> str:
    """What the system says, and this where it says nothing."""
    return (
        "{%- if messages[0]['role'] == 'system' -%}{{ messages[0]['content'] }}{%- else -%}"
        f"{otherwise}{{%- endif -%}}"
    )


_SAID = "message['content']"
_CHATML = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"
)
_LLAMA3 = (
    "{{ bos_token }}{%- for message in messages -%}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}"
    "{{ message['content'] | trim + '<|eot_id|>' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif -%}"
)
_LLAMA2 = _of(
    "",
    {
        "system": f"'[INST] <<SYS>>\\n' + {_SAID} + '\\n<</SYS>>\\n\\n'",
        "user": "('' if loop.previtem and loop.previtem['role'] == 'system' else '[INST] ') + "
        f"{_SAID} + ' [/INST]'",
        "assistant": f"' ' + {_SAID} + ' ' + eos_token + bos_token",
    },
    "''",
)
_MISTRAL = _of(
    "{{ bos_token }}",
    {"user": f"'[INST] ' + {_SAID} + ' [/INST]'", "assistant": f"' ' + {_SAID} + eos_token"},
    "''",
)
_GEMMA = _of(
    "{{ bos_token }}",
    {
        "user": f"'<start_of_turn>user\\n' + {_SAID} + '<end_of_turn>\\n'",
        "assistant": f"'<start_of_turn>model\\n' + {_SAID} + '<end_of_turn>\\n'",
    },
    "'<start_of_turn>model\\n'",
)
_ZEPHYR = (
    "{%- for message in messages -%}"
    "{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{ '<|assistant|>\\n' }}{%- endif -%}"
)
_PHI3 = _ZEPHYR.replace("eos_token", "'<|end|>'")
_ALPACA = _of(
    _system(
        "Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request."
    ),
    {
        "user": f"'\\n\\n### Instruction:\\n\\n' + {_SAID}",
        "assistant": f"'\\n\\n### Response:\\n\\n' + {_SAID}",
    },
    "'\\n\\n### Response:\\n\\n'",
)
_VICUNA = _of(
    _system(
        "A chat between a curious user and an artificial intelligence assistant. The assistant "
        "gives helpful, detailed, and polite answers to the user's questions."
    ),
    {"user": f"' USER: ' + {_SAID}", "assistant": f"' ASSISTANT: ' + {_SAID} + '</s>'"},
    "' ASSISTANT:'",
)
_PLAIN = "{%- for message in messages -%}{{ message['content'] + '\\n' }}{%- endfor -%}"

TEMPLATES = {
    prompt.name: prompt
    for prompt in (
        Prompt("alpaca", _ALPACA, ("### Instruction:",), sign="alpaca|gpt4all"),
        Prompt("vicuna", _VICUNA, ("USER:",), sign="vicuna"),
        Prompt("chatml", _CHATML, ("<|im_end|>",), ("<|im_start|>", "<|im_end|>")),
        Prompt("llama3", _LLAMA3, ("<|eot_id|>",), ("<|start_header_id|>", "<|eot_id|>")),
        Prompt("gemma", _GEMMA, ("<end_of_turn>",), ("<start_of_turn>", "<end_of_turn>")),
        Prompt("phi3", _PHI3, ("<|end|>",), ("<|user|>", "<|assistant|>", "<|end|>")),
        Prompt("zephyr", _ZEPHYR, ("<|user|>",), ("<|user|>", "<|assistant|>"), "zephyr"),
        Prompt("mistral", _MISTRAL, ("[INST]",), ("[INST]", "[/INST]"), "mi[sx]tral.*instruct"),
        Prompt("llama2", _LLAMA2, ("[INST]",), sign="llama-?2.*chat"),
        Prompt("plain", _PLAIN),
    )
}
"""alpaca: Stanford's, of alpaca.cpp and GPT4All-LoRA too; vicuna: of Vicuna 1.1 and later;
plain: the turns as they are, for models that continue a text. The others have the names of
those whose models made them usual."""

_TALKS = re.compile(
    r"instruct|chat|assistant|hermes|dolphin|tulu|orca|wizardlm|(?<![a-z])(it|sft|dpo)(?![a-z])",
    re.IGNORECASE,
)
"""What a model that was taught to answer has in its names."""


def named(name: str, among: Mapping[str, Prompt] = TEMPLATES) -> Prompt:
    """The template of this name.

    Raises:
        BadUsage: there is none.
    """
    if name not in among:
        raise BadUsage(f"There is no template {name!r}.", f"There is {', '.join(among)}.")
    return among[name]


def signed(names: str, among: Mapping[str, Prompt] = TEMPLATES) -> Prompt | None:
    """The template that a name gives away."""
    for prompt in among.values():
        if prompt.sign and re.search(prompt.sign, names, re.IGNORECASE):
            return prompt
    return None


def guessed(names: str, knows: Callable[[str], bool]) -> Guess | None:
    """The template that a model was probably made for; None: a base model, as far as one sees.

    Args:
        names: All that the model is called.
        knows: Whether its vocabulary has a special word.
    """
    if prompt := signed(names):
        return Guess(prompt, "guessed by its name")
    if not _TALKS.search(names):
        return None
    for prompt in TEMPLATES.values():
        if prompt.words and all(map(knows, prompt.words)):
            return Guess(prompt, "guessed by its vocabulary")
    return Guess(TEMPLATES["alpaca"], "a guess: nothing says what it was made for")
