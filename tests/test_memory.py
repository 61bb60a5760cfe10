"""How much memory there is: that of the machine, or what a container may have of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from herd import memory as here
from herd.memory import memory


@pytest.mark.parametrize(("said", "is_bound"), [("1073741824\n", True), ("max\n", False)])
def test_a_container_has_what_it_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, is_bound: bool
) -> None:
    monkeypatch.setattr(here, "CGROUP", tmp_path)
    machine = memory()
    (tmp_path / "memory.max").write_text(said)

    assert memory() == (min(machine, 1 << 30) if is_bound else machine)
    assert machine > 0
