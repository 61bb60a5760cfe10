"""The parent's side is light: what runs models is imported in the child alone."""

from __future__ import annotations

import subprocess
import sys


def test_the_engine_is_imported_without_what_runs_models() -> None:
    program = "import herd.engine, sys; print(*(name.partition('.')[0] for name in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "herd" in loaded
    assert not {"llama_cpp", "numpy", "jinja2", "gguf", "psutil"} & set(loaded)
