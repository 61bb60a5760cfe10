"""How models answer in one conversation: the system prompt and the sampling."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid, Horizontal, Vertical
from textual.widgets import Button, Input, Static, TextArea

from herd.chat import Conversation
from herd.model import Sampling
from herd_tui.screens.dialog import Dialog

FIELDS: dict[str, type[int] | type[float]] = {
    "temperature": float,
    "top_p": float,
    "top_k": int,
    "min_p": float,
    "repeat_penalty": float,
    "max_tokens": int,
    "seed": int,
}
"""What can be set, in the order in which it is shown."""


class Settings(Dialog[Conversation | None]):
    """Gives back the conversation with what was set."""

    BINDINGS = [
        Binding("escape", "dismiss", "Cancel", show=False),
        Binding("ctrl+s", "save", "Save", show=False, priority=True),
    ]

    def __init__(self, conversation: Conversation) -> None:
        super().__init__()
        self._conversation = conversation

    def compose(self) -> ComposeResult:
        """The system prompt, a field for each value, two buttons."""
        with Vertical(classes="dialog"):
            yield Static("Answers in this conversation", classes="dialog-title", markup=False)
            yield Static("system prompt", classes="label", markup=False)
            yield TextArea(self._conversation.system, id="system", compact=True)
            with Grid(id="sampling"):
                for name, kind in FIELDS.items():
                    value = getattr(self._conversation.sampling, name)
                    yield Static(name.replace("_", " "), classes="label", markup=False)
                    yield Input(
                        "" if value is None else f"{value:g}" if kind is float else str(value),
                        id=f"set-{name}",
                        type="integer" if kind is int else "number",
                        placeholder="the model's own",
                        compact=True,
                    )
            with Horizontal(classes="buttons"):
                yield Button("Save (ctrl+s)", id="save", variant="primary", compact=True)
                yield Button("Cancel (esc)", id="cancel", compact=True)

    def action_save(self) -> None:
        """Go with what was set; a field that is no number says so by its colour."""
        fields = [self.query_one(f"#set-{name}", Input) for name in FIELDS]
        wrong = next((field for field in fields if field.value and not _reads(field)), None)
        if wrong:
            wrong.focus()
            return
        values = {
            name: kind(field.value) if field.value else None
            for (name, kind), field in zip(FIELDS.items(), fields, strict=True)
        }
        system = self.query_one("#system", TextArea).text
        sampling = Sampling(**values)  # type: ignore[arg-type]  # as FIELDS says
        self.dismiss(replace(self._conversation.with_system(system), sampling=sampling))

    @on(Button.Pressed)
    def _press(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "save":
            self.action_save()
        else:
            self.dismiss(None)


def _reads(field: Input) -> bool:
    try:
        float(field.value)
    except ValueError:
        return False
    return True
