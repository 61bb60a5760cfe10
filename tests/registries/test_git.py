"""Registries from git repositories: one file is read, and nothing of them runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from herd.errors import BadUsage, SourceFailed
from herd.model import reference
from herd.places import Places
from herd.registries.keep import Fate, Wanted, add, update
from herd.registry import load
from herd.registry.catalogue import Trust
from tests.tools.fakes import registry_text

TEXT = registry_text("https://a.example/x.gguf")
NEWER = TEXT.replace("Tiny the", "Newer")


def title(here: Places) -> str:
    return load(here).find(reference("tiny")).model.title


def fate(here: Places) -> Fate:
    (updated,) = update(here)
    return updated.fate


def commit(folder: Path, text: str, path: str = "registry.yaml") -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    for words in (["add", "-A"], [*who, "commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", "."], cwd=folder, check=True, capture_output=True)
    return folder


def test_a_git_repository_is_added_and_updated(here: Places, repository: Path) -> None:
    commit(repository, TEXT, "models/r.yaml")

    kept = add(here, Wanted(f"git+file://{repository}#models/r.yaml"))

    assert kept.origin.trust is Trust.UNSIGNED
    assert fate(here) is Fate.UNCHANGED
    commit(repository, NEWER, "models/r.yaml")
    assert fate(here) is Fate.UPDATED


def test_nothing_in_a_git_repository_runs(
    here: Places, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A smudge filter runs at checkout, and hooks after a clone: nothing is checked out."""
    trap = tmp_path / "trapped"
    configuration = tmp_path / "gitconfig"
    configuration.write_text(f'[filter "trap"]\n smudge = touch {trap}\n clean = cat\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    (repository / ".gitattributes").write_text("* filter=trap\n")
    commit(repository, TEXT)

    add(here, Wanted(f"git+file://{repository}"))

    assert title(here) == "Tiny the test model"
    assert not trap.exists()


@pytest.mark.parametrize("url", ["git+ext::sh -c touch% {trap}", "git+--upload-pack=touch {trap}"])
def test_an_address_of_git_cannot_name_a_command(here: Places, tmp_path: Path, url: str) -> None:
    trap = tmp_path / "trapped"

    with pytest.raises((BadUsage, SourceFailed)):
        add(here, Wanted(url.format(trap=trap)))

    assert not trap.exists()


def test_a_repository_without_a_registry_says_so(here: Places, repository: Path) -> None:
    commit(repository, "x", "README")

    with pytest.raises(SourceFailed, match="has no file registry"):
        add(here, Wanted(f"git+file://{repository}"))
