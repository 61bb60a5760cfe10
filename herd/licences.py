"""What the name of a licence says, where a stranger gives nothing but the name. Pure.

Names are those of SPDX and of the Hugging Face Hub. What is not in the lists is unknown:
herd reads no licence.
"""

from __future__ import annotations

from herd.model import Commercial, Licence

UNKNOWN = "unknown"
_OPEN = {
    each.lower(): each
    for each in (
        *("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "CC0-1.0", "CC-BY-4.0"),
        *("Unlicense", "Zlib", "BSL-1.0"),
    )
}
"""As SPDX writes them."""
_CONDITIONAL = ("llama2", "llama3", "gemma", "openrail", "bigcode-openrail", "falcon-llm", "lfm")
_PROHIBITED = ("cc-by-nc", "mnpl", "research-only")


def licence(name: str | None) -> Licence:
    """The licence of this name, and what it allows as far as the name says."""
    told = (name or "").strip() or UNKNOWN
    return Licence(_OPEN.get(told.lower(), told), commercial=_commercial(told.lower()))


def _commercial(name: str) -> Commercial:
    if name in _OPEN:
        return Commercial.OPEN
    if name.startswith(_CONDITIONAL):
        return Commercial.CONDITIONAL
    return Commercial.PROHIBITED if name.startswith(_PROHIBITED) else Commercial.UNKNOWN
