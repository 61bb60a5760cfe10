"""Blobs by digest, a manifest for each installed model. Knows no network and no screen."""

from herd.store.staging import Begun
from herd.store.store import Store
from herd.store.view import View

__all__ = ["Begun", "Store", "View"]
