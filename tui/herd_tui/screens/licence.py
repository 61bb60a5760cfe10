"""The licence of a model, to be accepted before the first byte comes."""

from __future__ import annotations

from herd.describe import ALLOWS
from herd.plan import Plan
from herd.words import one_line
from herd_tui.screens.question import Question


class LicenceQuestion(Question):
    """Asks whether the licence is accepted."""

    def __init__(self, plan: Plan) -> None:
        model, licence = plan.choice.model, plan.choice.model.licence
        name, terms = one_line(model.title), one_line(licence.id)
        lines = [f"{name} comes under {terms}: {ALLOWS[licence.commercial]}."]
        lines += [one_line(text) for text in (licence.note, licence.url) if text]
        super().__init__(
            "Do you accept the licence?", "\n\n".join(lines), "Accept and install", "Do not install"
        )
