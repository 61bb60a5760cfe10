"""The command line, called in this process over a herd whose carrier and engine are fakes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herd import cli
from herd.core import Herd
from tests.tools.fakes import GGUF, FakeCarrier, FakeEngine, herd_at, registry_text

if TYPE_CHECKING:
    import pytest

URL = "https://models.example.org/tiny.gguf"


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


class Caller:
    """`herd WORDS...` in a home of its own, whose registry offers the model tiny."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.carrier = FakeCarrier({URL: GGUF})
        self.engine = FakeEngine()
        self.make: Callable[[], Herd] = lambda: herd_at(self.home, self.carrier, self.engine)
        self._capsys = capsys
        self.offer(registry_text(URL))

    def offer(self, text: str, name: str = "test") -> None:
        """Add a registry."""
        folder = self.home / "registries"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(text.replace("name: test}", f"name: {name}}}"))

    def __call__(self, *words: str) -> Ran:
        self._capsys.readouterr()
        code = cli.main(words, lambda: self.make())
        out, err = self._capsys.readouterr()
        return Ran(code, out, err)

    def json(self, *words: str) -> Any:
        """What `--json` printed."""
        ran = self(*words, "--json")
        assert (ran.code, ran.err) == (0, "")
        return json.loads(ran.out)


class Typed(io.TextIOWrapper):
    """A stdin that something is piped into, or that a person types into."""

    def __init__(self, text: str | bytes, *, is_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(text.encode() if isinstance(text, str) else text))
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal
