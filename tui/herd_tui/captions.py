"""What is said beside an answer and under a conversation. Pure."""

from __future__ import annotations

from herd import image
from herd.answer import Answer
from herd.chat import Turn
from herd.engine import Phase as Doing
from herd.engine import State
from herd.errors import HerdError
from herd.talk import Phase, Talk
from herd.words import count, one_line


def stamp(turn: Turn, *, is_coming: bool = False) -> str:
    """Who gave an answer, and how fast: `smollm2-135m:q4_1 · 48 tokens · 31 tokens/s`.

    Args:
        turn: The answer.
        is_coming: Whether it is still being written.
    """
    parts = [one_line(turn.model or "a model")]
    if turn.tokens:
        parts.append(count(turn.tokens, "token"))
        if turn.seconds:
            parts.append(f"{turn.tokens / turn.seconds:.0f} tokens/s")
    if is_coming:
        parts.append("is being written")
    elif not turn.is_complete:
        parts.append("not finished")
    return " · ".join(parts)


def under_way(talk: Talk, state: State | None = None) -> str:
    """What an answer is doing at the moment.

    Args:
        talk: The answer.
        state: What its model does, as the engine last said.
    """
    match talk.phase:
        case Phase.LOADING:
            return f"is loaded…{_percent(state, Doing.LOADING)}"
        case Phase.READING:
            thought = len(talk.answer.thought.split())
            if thought:
                return f"thinks… {count(thought, 'word')}"
            return f"reads…{_percent(state, Doing.READING)}"
        case Phase.WRITING:
            return "writes…"
        case Phase.OVER:
            return ""


def at_rest(state: State | None) -> str:
    """How a model is that says nothing at the moment; empty where it is not loaded."""
    if state is None:
        return ""
    match state.phase:
        case Doing.BROKEN:
            return f"broken: {one_line(state.reason or 'nobody knows why')}"
        case Doing.LOADING:
            return f"is loaded…{_percent(state, Doing.LOADING)}"
        case Doing.READY:
            return f"ready, template: {state.ready.template}" if state.ready else "ready"
        case Doing.READING | Doing.TALKING:
            return "answers elsewhere"


def _percent(state: State | None, phase: Doing) -> str:
    if state is None or state.phase is not phase or not state.fraction:
        return ""
    return f" {100 * state.fraction:.0f} %"


def used(answer: Answer) -> int | None:
    """Tokens of the context that a conversation takes after this answer, as far as it is."""
    if not answer.began:
        return None
    return answer.began.prompt_tokens + (answer.finished.tokens if answer.finished else 0)


def meter(used: int | None, context: int, left_out: int = 0) -> str:
    """How much of the context is used: `312 of 4,096 tokens ▰▰▱▱▱▱▱▱`, and what does not fit."""
    if used is None:
        return f"{context:,} tokens of context"
    full = min(8, round(8 * used / context)) if context else 0
    without = f"without {count(left_out, 'turn')}, " if left_out else ""
    return f"{without}{used:,} of {context:,} tokens {'▰' * full}{'▱' * (8 - full)}"


def shown_with(images: tuple[str, ...]) -> str:
    """What the next question is asked with."""
    return f"with {', '.join(map(image.named, images))}; escape takes it away"


def left_out(number: int) -> str:
    """What is said where the turns end that the model does not see any more."""
    does = "does" if number == 1 else "do"
    return f"{count(number, 'turn')} above {does} not fit the context any more"


def trouble(error: HerdError) -> str:
    """An error as it is shown: what happened, and what to do next."""
    return f"{error.message}\n{error.hint}" if error.hint else error.message
