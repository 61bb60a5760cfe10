"""The child is killed while it loads, reads or talks, again and again: nothing is lost.

HERD_KILLS says how often; the default is short.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from herd.answer import Answer
from herd.chat import Conversation, Role, Turn
from herd.engine import Engine, Loadable
from herd.engine.residents import Phase
from herd.errors import EngineCrashed
from herd.history import History
from herd.model import Sampling
from tests.engine.conftest import MADE, MakeModel
from tests.tools.tiny_gguf import Tiny
from tests.tools.wait import until

KILLS = int(os.environ.get("HERD_KILLS", "9"))
SLOW = Tiny(trained_context=32768, width=256, layers=4)


class Killer(threading.Thread):
    """Kills the child at a random moment after it began a phase."""

    def __init__(self, engine: Engine, phase: Phase, later: float) -> None:
        super().__init__()
        self._engine = engine
        self._phase = phase
        self._later = later
        self.is_done = threading.Event()

    def run(self) -> None:
        until(self._has_begun, seconds=60)
        self.is_done.wait(self._later)
        os.kill(MADE[-1].process.pid, signal.SIGKILL)

    def _has_begun(self) -> bool:
        return any(state.phase is self._phase for state in self._engine.states)


def zombies() -> list[int]:
    """Children of this process that ended and that nobody waited for."""
    children = psutil.Process().children()
    return [each.pid for each in children if each.status() == psutil.STATUS_ZOMBIE]


@pytest.mark.timeout(60 + 5 * KILLS)
def test_no_turn_is_lost_no_zombie_stays_and_no_caller_hangs(
    engine: Engine, models: MakeModel, tmp_path: Path
) -> None:
    model: Loadable = models(SLOW, context=32768)
    moments = random.Random(6)
    phases = (Phase.LOADING, Phase.READING, Phase.TALKING)
    history = History(tmp_path / "chats.db")
    conversation = Conversation(model=model.reference)
    kept: list[str] = []
    for at in range(KILLS):
        phase = phases[at % 3]
        if phase is Phase.LOADING:
            engine.stop(model.reference)
        else:
            engine.ensure(model)
        words = "llama " * 1500 if phase is Phase.READING else "hum?"
        conversation = conversation.with_turn(Turn(Role.USER, f"{at} {words}"))
        history.save(conversation)
        killer = Killer(engine, phase, moments.uniform(0.0, 0.15 if at % 3 else 0.02))
        answer = Answer(engine, model, Conversation((conversation.turns[-1],)))
        killer.start()
        with pytest.raises(EngineCrashed) as caught:
            list(answer)
        killer.join()
        assert "SIGKILL" in caught.value.message
        assert caught.value.hint
        assert not zombies()
        kept.append(answer.text)
        conversation = conversation.with_turn(answer.turn)
        history.save(conversation)

    found = history.find(conversation.id)
    assert found is not None
    assert [turn.text for turn in found.turns[1::2]] == [text.strip() for text in kept]
    assert any(kept)
    assert not any(turn.is_complete for turn in found.turns[1::2])
    short = replace(model, sampling=Sampling(max_tokens=8))
    assert "".join(Answer(engine, short, Conversation((Turn(Role.USER, "hum?"),))))
    history.close()
