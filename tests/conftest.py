"""For all tests: time on a busy machine proves nothing, so hypothesis has no deadline."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("herd", deadline=None)
settings.load_profile("herd")
