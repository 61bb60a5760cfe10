"""The terminal app: a library, transfers and a chat over one `Herd`.

Importing this loads no textual; `run` does.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from herd.core import Herd

__all__ = ["run"]


def run(herd: Herd, model: str | None = None) -> None:
    """Open the app and come back when the person leaves it.

    Args:
        herd: Whoever calls closes it.
        model: Open a chat with this model instead of the library.

    Raises:
        HerdError: the app broke; herd.log has the details.
    """
    gc.disable()  # nothing that comes before the first frame is garbage; `prepare` turns it on
    from herd_tui.app import HerdApp

    app = HerdApp(herd, model=model)
    app.run()
    app.end_talks()
    if app.broke:
        raise app.broke
