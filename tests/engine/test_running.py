"""What a loaded model is shown to be loaded for."""

from __future__ import annotations

import pytest

from herd.engine.running import typed


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/usr/bin/python3", "/usr/bin/herd", "run", "smollm2", "a question"], "herd run"),
        (["python", "-P", "-m", "herd", "-q", "chat"], "herd chat"),
        (["/usr/bin/python3", "/usr/bin/herd", "serve", "--port", "1"], "herd serve"),
        (["/usr/bin/python3", "/usr/bin/herd"], "herd"),
        (["/usr/bin/python3", "mine.py", "secret"], "python3 mine.py"),
        ([], "?"),
    ],
)
def test_whoever_loaded_it_is_named_as_it_was_typed(words: list[str], expected: str) -> None:
    assert typed(words) == expected
