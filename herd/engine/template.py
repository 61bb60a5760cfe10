"""Chat templates: turns in, the text of a prompt out.

A template is a program from a stranger, in Jinja. It runs in a sandbox that is limited in
time, memory and output, and what it does wrong becomes a TemplateFailed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from herd.chat import Call, Role, Turn
from herd.engine.limits import TookTooLong, limited
from herd.engine.tools import message, spelled_out

if TYPE_CHECKING:
    from jinja2.parser import Parser

LONGEST_TEMPLATE = 1 << 20
"""Characters; the longest of real models have some ten thousand."""

LARGEST_VALUE = 1 << 22
"""Characters, items or bits that a product may have in a template."""

_ANY = (
    "{% for m in messages %}{% if m['role'] != 'tool' %}"
    "{{ '[' + m['role'] + '] ' }}{{ m.content | trim }}{% else %}{% set last = true %}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ eos_token }}{% endif %}"
)
_PROBE = "Why do llamas hum?"
_PROBE_TOOL = {
    "type": "function",
    "function": {
        "name": "hum_probe",
        "description": "Hums.",
        "parameters": {"type": "object", "properties": {}},
    },
}


class TemplateFailed(Exception):
    """A template is no Jinja, refused the turns or went too far."""


@dataclass(frozen=True)
class Special:
    """The special tokens that templates write themselves, as text."""

    bos: str = ""
    eos: str = ""


class Template:
    """A chat template, and whether it takes a system turn."""

    def __init__(self, source: str, special: Special) -> None:
        """Compile it and try it on one question.

        Raises:
            TemplateFailed: it does not even render a question.
        """
        if len(source) > LONGEST_TEMPLATE:
            raise TemplateFailed("it is too long")
        self._special = special
        with limited(), _told():
            self._compiled = _Sandbox().from_string(source)
        if _PROBE not in self._rendered([Turn(Role.USER, _PROBE)]):
            raise TemplateFailed("it leaves the question out")
        self._takes_system = self._is_taken(Turn(Role.SYSTEM, "You are a llama."))
        self._takes_tools = self._are_taken()

    def render(
        self,
        turns: Sequence[Turn],
        tools: Sequence[Mapping[str, Any]] = (),
        thinks: bool | None = None,
    ) -> str:
        """The prompt of these turns, up to where the answer begins.

        Args:
            turns: The conversation.
            tools: What the model may want called; a template that knows no tools is given
                them as words of the system.
            thinks: Whether the model is to think first, for a template that asks.

        Raises:
            TemplateFailed: it refuses these turns.
        """
        if (tools or any(turn.calls or turn.tool for turn in turns)) and not self._takes_tools:
            turns, tools = spelled_out(turns, tools), ()
        turns = joined(turns)
        taken = turns if self._takes_system else without_system(turns)
        return self._rendered(taken, tools, thinks)

    def _is_taken(self, system: Turn) -> bool:
        try:
            return system.text in self._rendered([system, Turn(Role.USER, _PROBE)])
        except TemplateFailed:
            return False

    def _are_taken(self) -> bool:
        """Whether it writes a tool, a call of it and what it answered."""
        turns = [
            Turn(Role.USER, _PROBE),
            Turn(Role.ASSISTANT, "", calls=(Call("hum_probe", "{}", "call00000"),)),
            Turn(Role.TOOL, "a low note", tool="call00000"),
        ]
        try:
            text = self._rendered(turns, [_PROBE_TOOL])
        except TemplateFailed:
            return False
        return text.count("hum_probe") >= 2 and "a low note" in text

    def _rendered(
        self,
        turns: Sequence[Turn],
        tools: Sequence[Mapping[str, Any]] = (),
        thinks: bool | None = None,
    ) -> str:
        messages = [message(turn) for turn in turns]
        longest = LARGEST_VALUE + 16 * sum(len(turn.text) for turn in turns)
        parts: list[str] = []
        with limited(), _told():
            for part in self._compiled.generate(
                messages=messages,
                add_generation_prompt=True,
                tools=list(tools) or None,
                documents=None,
                bos_token=self._special.bos,
                eos_token=self._special.eos,
                **({} if thinks is None else {"enable_thinking": thinks}),
            ):
                parts.append(part)
                longest -= len(part)
                if longest < 0:
                    raise TemplateFailed("it writes without end")
        return "".join(parts)


def joined(turns: Sequence[Turn]) -> list[Turn]:
    """The turns without empty ones, neighbours of one role as one: many templates insist."""
    result: list[Turn] = []
    for turn in turns:
        if not turn.text.strip() and not turn.calls:
            continue
        if _is_plain(turn) and result and _is_plain(result[-1]) and result[-1].role is turn.role:
            turn = replace(turn, text=f"{result.pop().text}\n\n{turn.text}")
        result.append(turn)
    return result


def _is_plain(turn: Turn) -> bool:
    return not turn.calls and turn.role is not Role.TOOL


def without_system(turns: Sequence[Turn]) -> list[Turn]:
    """The turns with what the system says put before the first question."""
    system = [turn.text for turn in turns if turn.role is Role.SYSTEM]
    spoken = [turn for turn in turns if turn.role is not Role.SYSTEM]
    if not system:
        return spoken
    words = "\n\n".join(system)
    for at, turn in enumerate(spoken):
        if turn.role is Role.USER:
            spoken[at] = replace(turn, text=f"{words}\n\n{turn.text}")
            return spoken
    return [Turn(Role.USER, words), *spoken]


def plain(turns: Sequence[Turn]) -> str:
    """The prompt for a model without a template: what was said, for it to go on with."""
    return "\n\n".join(turn.text for turn in turns if turn.text.strip())


def warm_up() -> None:
    """Compile and render a template, so that the next one takes milliseconds less."""
    Template(_ANY, Special())


class _told:  # noqa: N801  # reads as a verb in `with`
    """Turns whatever a template can raise into TemplateFailed."""

    _RAISED = (
        jinja2.TemplateError,
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        MemoryError,
        RuntimeError,  # RecursionError among them
        TookTooLong,
        TypeError,
        ValueError,
    )

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MemoryError):
            raise TemplateFailed("it takes too much memory") from None
        if isinstance(error, self._RAISED):
            said = " ".join(str(error).split()) or type(error).__name__
            raise TemplateFailed(said[:160]) from None


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja as the templates of models expect it, and no further."""

    intercepted_binops = frozenset(["*", "**"])

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation]
        )
        self.filters["tojson"] = _to_json
        self.globals |= {"raise_exception": _refuse, "strftime_now": _now}

    def call_binop(  # what jinja2 calls
        self,
        context: object,  # noqa: ARG002
        operator: str,
        left: Any,
        right: Any,
    ) -> Any:
        """Multiply, if the result is not absurd."""
        if operator == "**" or _weight(left) * _weight(right) > LARGEST_VALUE:
            raise TemplateFailed("it makes too large a value")
        return left * right


class _Generation(Extension):
    """`{% generation %}` marks the answer for those who train; here it only stands there."""

    tags = {"generation"}  # noqa: RUF012  # as jinja2 declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """What stands between the marks."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _weight(value: object) -> int:
    match value:
        case bool() | float():
            return 1
        case int():
            return max(1, abs(value)) if abs(value) < LARGEST_VALUE else LARGEST_VALUE + 1
        case str() | list() | tuple():
            return max(1, len(value))
        case _:
            return LARGEST_VALUE + 1


def _refuse(message: object) -> NoReturn:
    raise TemplateFailed(" ".join(str(message).split())[:160])


def _now(form: str) -> str:
    """The moment in the form that `strftime` knows; C's own widths (`%99999d`) are refused."""
    if len(form) > 64 or any(letter.isdigit() for letter in form):
        raise TemplateFailed("it asks for an odd form of date")
    return datetime.now().strftime(form)


def _to_json(value: object, indent: int | None = None, **_: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
