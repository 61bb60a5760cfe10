"""Every path herd uses, and nothing else.

HERD_HOME puts all of it under one folder; without it each kind of file lies where
the platform keeps such files (platformdirs). Nothing here touches the disk.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Where one herd keeps its things."""

    store: Path
    """blobs, models, manifests, staging: the large files."""
    config: Path
    """config.toml, and registries that the person added."""
    cache: Path
    """What can be made again."""
    logs: Path
    """herd.log and engine.log."""
    system: Path = Path("/etc/herd")
    """What the keeper of the machine configured for everybody; it need not exist."""

    @property
    def blobs(self) -> Path:
        """Verified files by digest, read-only."""
        return self.store / "blobs" / "sha256"

    @property
    def pieces(self) -> Path:
        """The piece table of each blob, by the same digest."""
        return self.store / "pieces"

    @property
    def models(self) -> Path:
        """The same files under their real names, for other tools."""
        return self.store / "models"

    @property
    def manifests(self) -> Path:
        """One JSON file for each installed model, written last."""
        return self.store / "manifests"

    @property
    def staging(self) -> Path:
        """What is under way."""
        return self.store / "staging"

    @property
    def locks(self) -> Path:
        """Lock files: each says which process has it, and goes when that lets it go."""
        return self.store / "locks"

    @property
    def downloads(self) -> Path:
        """What was begun and is not done (SQLite)."""
        return self.store / "downloads.db"

    @property
    def door(self) -> Path:
        """The socket at which a server lets other herds use the models that it has loaded."""
        return self.store / "engine.sock"

    @property
    def chats(self) -> Path:
        """Conversations (SQLite)."""
        return self.store / "chats.db"

    @property
    def config_file(self) -> Path:
        """config.toml; it need not exist."""
        return self.config / "config.toml"

    @property
    def system_config(self) -> Path:
        """A config.toml whose `store` is read beneath everybody's own."""
        return self.system / "config.toml"

    @property
    def user_registries(self) -> Path:
        """A folder of registries that the person added; it need not exist."""
        return self.config / "registries"

    @property
    def compiled(self) -> Path:
        """Registries as they were read last."""
        return self.cache / "registries"

    @property
    def running(self) -> Path:
        """A small file for each model that is loaded, by whichever herd."""
        return self.cache / "running"

    @property
    def ranks(self) -> Path:
        """How sources behaved on this machine."""
        return self.cache / "sources.json"

    @property
    def prompts(self) -> Path:
        """A folder of prompts that the person keeps; it need not exist."""
        return self.config / "prompts"

    @property
    def log_file(self) -> Path:
        """What herd says to itself."""
        return self.logs / "herd.log"

    @property
    def engine_log(self) -> Path:
        """What llama.cpp says."""
        return self.logs / "engine.log"


def places(environ: Mapping[str, str] | None = None) -> Places:
    """The places of this person, from HERD_HOME or the platform's own rules."""
    env = os.environ if environ is None else environ
    system = Path(env.get("HERD_SYSTEM") or Places.system)
    if home := env.get("HERD_HOME"):
        root = expanded(home).absolute()
        return Places(
            store=root, config=root, cache=root / "cache", logs=root / "logs", system=system
        )
    import platformdirs  # 10 ms, and not needed when HERD_HOME is set

    dirs = platformdirs.PlatformDirs("herd", appauthor=False)
    return Places(
        store=dirs.user_data_path,
        config=dirs.user_config_path,
        cache=dirs.user_cache_path,
        logs=dirs.user_log_path,
        system=system,
    )


def expanded(text: str | Path) -> Path:
    """A path as a person writes it, with `~` or `~name` at its beginning; one of nobody stays."""
    return Path(os.path.expanduser(text))  # noqa: PTH111  # Path's own raises where nobody is
