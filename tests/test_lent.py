"""What the machine's store has is used by the person's, and not fetched once more."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from herd.core import Herd
from herd.install import Order
from herd.model import Choice, File, Licence, Model, UrlSource, Variant
from herd.places import places
from herd.plan import Keep
from herd.progress import Gauge
from herd.repair import Wanted
from herd.store.proof import Work as Proving
from herd.transfer import Transfer
from herd.verify import verify
from tests.store.models import bring, store_at
from tests.tools.fakes import GGUF, FakeCarrier, digest

URL = "https://models.example.org/tiny.gguf"
FILE = File("tiny.gguf", (UrlSource(URL),), len(GGUF), digest(GGUF))
CHOICE_VARIANT = Variant("q4_0", (FILE,))
CHOICE = Choice(Model("mine", "Mine", (CHOICE_VARIANT,), "q4_0", Licence("MIT")), CHOICE_VARIANT)


@pytest.fixture
def carrier() -> FakeCarrier:
    return FakeCarrier({URL: GGUF})


@pytest.fixture
def herd(tmp_path: Path, carrier: FakeCarrier) -> Herd:
    """A herd of a person, on a machine whose store has the same bytes under another name."""
    bring(store_at(tmp_path / "system"), "theirs:q4", model=GGUF)
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "config.toml").write_text(f'store = "{tmp_path / "system"}"')
    where = places({"HERD_HOME": str(tmp_path / "home"), "HERD_SYSTEM": str(etc)})
    return Herd(where, transfer=lambda _: Transfer({UrlSource: carrier}))


def is_sound(herd: Herd) -> bool:
    return verify(herd.store, None, Proving(Gauge(), threading.Event())).is_sound


def their_blob(tmp_path: Path) -> Path:
    return store_at(tmp_path / "system").blob(digest(GGUF))


def test_bytes_of_the_machines_store_are_linked_and_not_fetched(
    herd: Herd, carrier: FakeCarrier, tmp_path: Path
) -> None:
    (step,) = herd.plan(CHOICE).steps
    assert isinstance(step, Keep)

    outcome = herd.installer.install(Order(CHOICE))

    assert carrier.asked == []
    assert herd.store.path_of(outcome.installed).read_bytes() == GGUF
    assert outcome.installed.files[0].adopted == str(their_blob(tmp_path))
    assert is_sound(herd)
    herd.remove(outcome.installed)
    assert their_blob(tmp_path).read_bytes() == GGUF


def test_what_is_damaged_there_is_fetched(herd: Herd, carrier: FakeCarrier, tmp_path: Path) -> None:
    blob = their_blob(tmp_path)
    blob.chmod(0o644)
    blob.write_bytes(GGUF[::-1])

    outcome = herd.installer.install(Order(CHOICE))

    assert carrier.asked == [URL]
    assert herd.store.path_of(outcome.installed).read_bytes() == GGUF
    assert blob.read_bytes() == GGUF[::-1]
    assert is_sound(herd)


def test_a_damaged_blob_is_mended_from_the_machines_store(
    herd: Herd, carrier: FakeCarrier, tmp_path: Path
) -> None:
    theirs = their_blob(tmp_path)
    kept = theirs.with_name("away")
    theirs.rename(kept)
    installed = herd.installer.install(Order(CHOICE)).installed
    assert carrier.asked == [URL]
    mine = herd.store.blob(digest(GGUF))
    mine.chmod(0o644)
    mine.write_bytes(GGUF[::-1])
    mine.chmod(0o444)
    kept.rename(theirs)

    repaired = herd.repairer.repair(Wanted((installed,), is_offline=True))

    assert [each.givers for each in repaired.files] == [(str(theirs),)]
    assert is_sound(herd)
