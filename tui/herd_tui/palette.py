"""The command palette: the commands that can be run now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode

from herd_tui.commands import COMMANDS, Command, Scope


def node_of(command: Command, screen: DOMNode) -> DOMNode | None:
    """The node on which a command works now, None if it does not."""
    if command.scope is Scope.EVERYWHERE:
        return screen.app
    nodes = (screen, *screen.query("*"))
    return next((node for node in nodes if getattr(node, "SCOPE", None) is command.scope), None)


class Commands(Provider):
    """What the palette offers."""

    async def discover(self) -> Hits:
        """Every command that can be run now."""
        for command, node in self._possible():
            yield DiscoveryHit(_title(command), self._runner(command, node), help=command.help)

    async def search(self, query: str) -> Hits:
        """Those that match what was typed."""
        matcher = self.matcher(query)
        for command, node in self._possible():
            score = matcher.match(f"{command.name} {command.help}")
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(_title(command)),
                    self._runner(command, node),
                    help=command.help,
                )

    def _possible(self) -> Iterator[tuple[Command, DOMNode]]:
        for command in COMMANDS:
            node = node_of(command, self.screen) if command.in_palette else None
            if node is not None and node.check_action(command.call, ()):
                yield command, node

    def _runner(self, command: Command, node: DOMNode) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            await self.app.run_action(command.call, node)

        return run


def _title(command: Command) -> str:
    return (
        f"{command.scope}: {command.name}"
        if command.scope is not Scope.EVERYWHERE
        else (command.name)
    )
