"""How large a registry may be."""

from __future__ import annotations

MOST_BYTES = 16 * 1024 * 1024
"""Of a document; ten thousand models have seven."""
