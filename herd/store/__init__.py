"""Blobs by digest, a manifest for each installed model. Knows no network and no screen."""

from herd.store.staging import Begun
from herd.store.store import Store

__all__ = ["Begun", "Store"]
