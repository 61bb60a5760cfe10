"""What the server did, counted, in Prometheus's text form (exposition format 0.0.4)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from herd.serve.outcome import Outcome


@dataclass
class Metrics:
    """Counters; moved in the event loop alone."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By route and status."""
    prompt_tokens: int = 0
    reused_tokens: int = 0
    tokens: int = 0
    seconds: float = 0.0
    """Spent on generating."""
    gone: int = 0
    """Clients that left before their answer was over."""

    def count(self, outcome: Outcome) -> None:
        """An answer is over."""
        self.prompt_tokens += outcome.prompt_tokens
        self.reused_tokens += outcome.reused_tokens
        self.tokens += outcome.tokens
        self.seconds += outcome.seconds

    def text(self, *, waiting: int, loaded: int) -> str:
        """Everything, as a scraper reads it."""
        lines = ["# TYPE herd_requests_total counter"]
        lines += [
            f'herd_requests_total{{route="{route}",status="{status}"}} {count}'
            for (route, status), count in sorted(self.requests.items())
        ]
        for name, kind, value in (
            ("prompt_tokens_total", "counter", self.prompt_tokens),
            ("reused_tokens_total", "counter", self.reused_tokens),
            ("generated_tokens_total", "counter", self.tokens),
            ("generation_seconds_total", "counter", round(self.seconds, 3)),
            ("clients_gone_total", "counter", self.gone),
            ("requests_waiting", "gauge", waiting),
            ("models_loaded", "gauge", loaded),
        ):
            lines += [f"# TYPE herd_{name} {kind}", f"herd_{name} {value}"]
        return "\n".join(lines) + "\n"
