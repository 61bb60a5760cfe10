"""Whatever is installed and removed in whatever order, the store holds exactly that."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from herd.errors import NotInstalled
from tests.store.models import (
    Contents,
    blobs,
    commit,
    digest,
    install,
    is_whole,
    links,
    model,
    reference_of,
    store_at,
)

references = st.sampled_from(["one:q4", "one:q8", "two:q4"])
# Few of them, so that models share bytes and names.
contents = st.dictionaries(
    st.sampled_from(["a.gguf", "b.gguf"]), st.sampled_from([b"x", b"yy", b"zzz"]), min_size=1
)


class Installs(RuleBasedStateMachine):
    """A store beside a dictionary that says what it should hold."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.store = store_at(self.home)
        self.expected: dict[str, Contents] = {}
        self.broken_off: set[str] = set()

    @rule(reference=references, files=contents)
    def install(self, reference: str, files: Contents) -> None:
        install(self.store, model(reference, files), files)
        self.expected[reference] = files
        self.broken_off -= {digest(each) for each in files.values()}

    @rule(reference=references)
    def remove(self, reference: str) -> None:
        if reference not in self.expected:
            with pytest.raises(NotInstalled):
                self.store.find(reference_of(reference))
            return
        before = self.bytes_of_blobs()
        freed = self.store.remove(self.store.find(reference_of(reference)))
        del self.expected[reference]
        assert freed == before - self.bytes_of_blobs()

    @rule(content=st.sampled_from([b"x", b"zzz"]))
    def break_an_install_off(self, content: bytes) -> None:
        if not self.store.has(digest(content), len(content)):
            commit(self.store, content)
            self.broken_off.add(digest(content))

    @rule()
    def sweep(self) -> None:
        assert self.store.sweep() == 0

    @invariant()
    def holds_what_is_expected(self) -> None:
        found = self.store.installed()
        assert {str(each.reference) for each in found} == set(self.expected)
        assert all(is_whole(self.store, each) for each in found)
        if self.expected:
            assert links(self.home) == {
                f"{reference.replace(':', '/')}/{name}": content
                for reference, files in self.expected.items()
                for name, content in files.items()
            }

    @invariant()
    def holds_no_other_bytes(self) -> None:
        if (self.home / "blobs").exists():
            used = {digest(each) for files in self.expected.values() for each in files.values()}
            assert blobs(self.home) == used | self.broken_off
            assert {path.name for path in self.store.unused()} == self.broken_off - used

    def bytes_of_blobs(self) -> int:
        return sum(path.stat().st_size for path in (self.home / "blobs" / "sha256").iterdir())

    def teardown(self) -> None:
        shutil.rmtree(self.home)


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


Installs.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestInstalls = Installs.TestCase
