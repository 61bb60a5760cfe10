"""For all tests: time on a busy machine proves nothing, so hypothesis has no deadline."""

from __future__ import annotations

import signal

from hypothesis import settings

settings.register_profile("herd", deadline=None)
settings.load_profile("herd")

# A shell gives its background jobs no Ctrl-C, and they would hand that on to every herd they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
