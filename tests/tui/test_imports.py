"""What the first frame costs: nothing heavy is imported for it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    *("requests", "libtorrent", "llama_cpp", "numpy", "jinja2", "yaml", "sqlite3", "markdown_it"),
    *("herd.model", "herd.store", "herd.registry.layers", "herd.transfer", "herd_tui.screens.chat"),
)


def test_the_app_imports_nothing_heavy_before_its_first_frame() -> None:
    code = f"import sys, herd_tui.app; print([m for m in {HEAVY} if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_package_itself_imports_no_textual() -> None:
    code = "import sys, herd_tui; print('textual' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
