"""What works in the transfers pane."""

from __future__ import annotations

from functools import partial

from herd_tui.commands.command import Command, Scope

_c = partial(Command, scope=Scope.TRANSFERS)
_key = partial(_c, in_palette=False)

TRANSFERS: tuple[Command, ...] = (
    _key("transfers.up", "up", "Up", "The install above.", action="move(-1)"),
    _key("transfers.down", "down", "Down", "The install below.", action="move(1)"),
    _c(
        "transfers.pause",
        "space",
        "Pause",
        "Pause the install under the cursor, or let it go on.",
        in_footer=True,
    ),
    _c(
        "transfers.cancel",
        "x",
        "Cancel",
        "End the install under the cursor and throw away what was fetched.",
        in_footer=True,
    ),
    _c(
        "transfers.retry",
        "r",
        "Retry",
        "Try the install under the cursor again; it goes on where it stopped.",
        in_footer=True,
    ),
    _c("transfers.earlier", "shift+up", "Earlier", "Let the install have its turn earlier."),
    _c("transfers.later", "shift+down", "Later", "Let the install have its turn later."),
    _c(
        "transfers.limit",
        "l",
        "Limit",
        "Limit what all installs together may fetch.",
        in_footer=True,
    ),
    _c(
        "transfers.limit_one",
        "L",
        "Limit one",
        "Limit what the install under the cursor may fetch.",
    ),
    _c(
        "transfers.limit_upload",
        "u",
        "Upload limit",
        "Limit what goes out to the swarms of all installs together.",
    ),
    _c(
        "transfers.limit_upload_one",
        "U",
        "Upload limit of one",
        "Limit what goes out to the swarm of the install under the cursor.",
    ),
    _c(
        "transfers.limit_chatting",
        "c",
        "Chat limit",
        "Limit what they may fetch while a model answers.",
        in_footer=True,
    ),
    _c("transfers.dismiss", "d", "Dismiss", "Take failed installs off the list.", in_footer=True),
    _key("transfers.back", "escape", "Back", "Back to where you were.", in_footer=True),
)
