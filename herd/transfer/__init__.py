"""Bytes from where they are to where they are wanted. Knows no store and no screen.

`Transfer` asks the sources of a file in their order; a carrier speaks to one kind of
source. Importing this loads none of their worlds: requests, libtorrent and pip come
with the first source that needs them.
"""

from herd.transfer.budget import Budget
from herd.transfer.carrier import Carrier, Delivery, Share, Staged, Wish
from herd.transfer.failover import Fetched, Transfer, describe
from herd.transfer.ledger import begun, reserved

__all__ = [
    "Budget",
    "Carrier",
    "Delivery",
    "Fetched",
    "Share",
    "Staged",
    "Transfer",
    "Wish",
    "begun",
    "describe",
    "reserved",
]
