"""Models of other tools are taken over by link, whole or not at all, and theirs stay as is."""

from __future__ import annotations

import threading
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import pytest

from herd.adopt import Adopted, Adopter, Asked, same_bytes
from herd.core import Herd
from herd.errors import CannotRun, DigestMismatch, Interrupted
from herd.foreign import Found, look
from herd.model import File, Licence, Model, Sha256, UrlSource, Variant
from herd.order import Order
from herd.progress import Gauge
from herd.store import Store, adopting
from herd.store.adopting import Way
from tests.foreign import layouts
from tests.foreign.layouts import digest, gguf, write
from tests.store.models import store_at
from tests.tools import tiny_gguf
from tests.tools.fakes import herd_at


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return store_at(tmp_path / "home")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return tmp_path / "theirs"


def adopter(store: Store, *models: Model) -> Adopter:
    return Adopter(store, lambda: models)


def only(path: Path) -> Found:
    (found,) = look(path)
    return found


def known(content: bytes) -> Model:
    file = File(
        "real.gguf", (UrlSource("https://m.example/r"),), len(content), Sha256(digest(content))
    )
    variant = Variant("q4_0", (file,), quantisation="Q4_0")
    return Model("real", "Real", (variant,), "q4_0", Licence("MIT"), registry="test")


def marks(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Everything that must not change: names, inodes, permissions, times, bytes."""
    return {
        str(path): (
            path.lstat().st_ino,
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def test_a_model_is_taken_over_by_hard_link_and_theirs_is_as_it_was(
    store: Store, theirs: Path
) -> None:
    path = write(theirs / "Tiny-Chat.Q4_0.gguf", gguf())
    path.chmod(0o664)
    before = marks(theirs)

    adopted = adopter(store).adopt(Asked(only(theirs)))

    installed = adopted.installed
    assert str(installed.reference) == "tiny-chat:q4_0"
    assert adopted.ways == (("Tiny-Chat.Q4_0.gguf", Way.HARD_LINK),)
    assert store.path_of(installed).samefile(path)
    assert (installed.quantisation, installed.family, installed.context) == ("Q4_0", "llama", 2048)
    assert (installed.is_verified, installed.files[0].adopted) == (False, str(path))
    assert marks(theirs) == before

    assert store.remove(installed) == 0
    assert marks(theirs) == before


def test_a_registry_that_knows_the_bytes_says_what_they_are(store: Store, theirs: Path) -> None:
    write(theirs / "whatever.gguf", gguf())

    installed = adopter(store, known(gguf())).adopt(Asked(only(theirs))).installed

    assert (str(installed.reference), installed.files[0].name) == ("real:q4_0", "real.gguf")
    assert (installed.is_verified, installed.registry, installed.licence.id) == (
        True,
        "test",
        "MIT",
    )
    assert installed.files[0].sources == (UrlSource("https://m.example/r"),)


def test_known_bytes_are_verified_under_any_name_and_keep_their_sources(
    store: Store, theirs: Path
) -> None:
    write(theirs / "whatever.gguf", gguf())

    adopted = adopter(store, known(gguf())).adopt(Asked(only(theirs), name="mine"))

    assert (adopted.installed.name, adopted.installed.is_verified) == ("mine", True)
    assert adopted.installed.files[0].sources == (UrlSource("https://m.example/r"),)


def test_a_name_of_the_registry_is_not_given_to_other_bytes(store: Store, theirs: Path) -> None:
    write(theirs / "real.gguf", gguf(2))

    installed = adopter(store, known(gguf())).adopt(Asked(only(theirs))).installed

    assert installed.name == "real-folder"


def test_bytes_that_are_installed_already_are_not_installed_again(
    store: Store, theirs: Path
) -> None:
    write(theirs / "a.gguf", gguf())
    first = adopter(store).adopt(Asked(only(theirs)))

    again = adopter(store).adopt(Asked(only(theirs), name="other"))

    assert again.was_there
    assert again.installed == first.installed


def test_a_model_whose_bytes_are_gone_has_them_again_from_the_same_file(
    store: Store, theirs: Path
) -> None:
    write(theirs / "a.gguf", gguf())
    first = adopter(store).adopt(Asked(only(theirs)))
    store.blob(first.installed.files[0].sha256).unlink()

    again = adopter(store).adopt(Asked(only(theirs)))

    assert not again.was_there
    assert store.has(first.installed.files[0].sha256, first.installed.files[0].size)
    assert [each.reference for each in store.installed()] == [first.installed.reference]


def test_all_parts_are_taken_over_or_none(store: Store, theirs: Path) -> None:
    for number in (1, 2):
        write(theirs / f"m-q8_0-0000{number}-of-00002.gguf", gguf(number))
    installed = adopter(store).adopt(Asked(only(theirs))).installed
    assert (str(installed.reference), len(installed.files)) == ("m:q8_0", 2)

    store.remove(installed)
    (theirs / "m-q8_0-00001-of-00002.gguf").unlink()
    with pytest.raises(CannotRun, match="of its 2 parts 1 is missing"):
        adopter(store).adopt(Asked(only(theirs)))
    write(theirs / "m-q8_0-00001-of-00002.gguf", b"<html>")
    with pytest.raises(CannotRun, match="no GGUF"):
        adopter(store).adopt(Asked(only(theirs)))
    assert store.installed() == ()


def test_a_file_that_is_cut_short_is_refused_before_it_is_read(store: Store, theirs: Path) -> None:
    theirs.mkdir()
    tiny_gguf.truncated(theirs / "m.gguf")

    with pytest.raises(CannotRun, match=r"m\.gguf is cut short: it lacks .* promises\."):
        adopter(store).adopt(Asked(only(theirs)))
    assert store.installed() == ()


def test_a_digest_that_lies_is_refused(store: Store, theirs: Path) -> None:
    layouts.ollama(theirs, "tiny", "1", {"model": gguf()})
    blob = theirs / "blobs" / f"sha256-{digest(gguf())}"
    blob.write_bytes(gguf()[:-1] + b"x")

    with pytest.raises(DigestMismatch, match="is damaged"):
        adopter(store).adopt(Asked(only(theirs)))
    assert store.installed() == ()


def test_an_ollama_model_is_taken_over_under_its_name_and_tag(store: Store, theirs: Path) -> None:
    layouts.ollama(theirs, "llava", "7b", {"model": gguf(1), "projector": gguf(2)})
    before = marks(theirs)

    installed = adopter(store).adopt(Asked(only(theirs))).installed

    assert str(installed.reference) == "llava:7b"
    assert [file.name for file in installed.files] == ["llava-7b.gguf", "mmproj-llava-7b.gguf"]
    assert marks(theirs) == before


@pytest.mark.parametrize(
    ("fails", "way"),
    [
        ((), Way.HARD_LINK),
        ((Way.HARD_LINK, Way.REFLINK), Way.SYMLINK),
        ((Way.HARD_LINK, Way.REFLINK, Way.SYMLINK), Way.COPY),
    ],
)
def test_the_next_way_is_tried_where_one_does_not_work(
    store: Store,
    theirs: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: tuple[Way, ...],
    way: Way,
) -> None:
    def refuse(source: Path, target: Path) -> None:
        target.touch()
        raise OSError(95, "Not supported")

    for each in fails:
        monkeypatch.setitem(adopting._DO, each, refuse)
    path = write(theirs / "m.gguf", gguf())
    before = marks(theirs)

    adopted = adopter(store).adopt(Asked(only(theirs)))

    assert adopted.ways == (("m.gguf", way),)
    said = "; ".join(f"{each}: not supported" for each in fails)
    assert adopted.reasons[0].startswith(said)
    assert store.path_of(adopted.installed).read_bytes() == gguf()
    assert (adopted.installed.files[0].adopted is not None) == way.is_foreign
    is_own = not store.blob(adopted.installed.files[0].sha256).samefile(path)
    assert is_own == (way is Way.COPY)
    assert marks(theirs) == before
    store.remove(adopted.installed)
    assert marks(theirs) == before


def test_bytes_of_ones_own_can_be_had(store: Store, theirs: Path) -> None:
    write(theirs / "m.gguf", gguf())

    adopted = adopter(store).adopt(Asked(only(theirs), copies=True))

    assert adopted.ways[0][1] in (Way.REFLINK, Way.COPY)
    assert adopted.installed.files[0].adopted is None
    assert store.path_of(adopted.installed).stat().st_mode & 0o777 == 0o444


def test_installing_a_path_records_what_importing_it_does(
    tmp_path: Path, store: Store, theirs: Path
) -> None:
    texts = {"general.license": "mit", "tokenizer.chat_template": "{{ messages }}"}
    path = write(theirs / "Tiny-Chat.Q4_0.gguf", gguf(1, 2000, **texts))
    herd = Herd(herd_at(tmp_path / "another").places)

    choice = herd.choose(str(path))
    assert choice.model.licence.id == "MIT", "it is said before anything is installed"
    herd.installer.install(Order(choice))
    imported = adopter(store).adopt(Asked(only(path))).installed

    (installed,) = herd.store.installed()
    assert (installed.licence.id.lower(), installed.context) == ("mit", 2048)
    facts = "reference title licence family parameters quantisation role context"
    described = attrgetter(*facts.split())
    assert described(installed) == described(imported)


def test_the_same_bytes_are_seen_without_reading_them(store: Store, theirs: Path) -> None:
    path = write(theirs / "one" / "m.gguf", gguf())
    (theirs / "two").mkdir()
    (theirs / "two" / "n.gguf").hardlink_to(path)
    adopter(store).adopt(Asked(only(theirs / "one")))
    layouts.ollama(theirs / "ollama", "tiny", "1", {"model": gguf()})
    found = [only(theirs / "one"), only(theirs / "two"), only(theirs / "ollama")]

    same = same_bytes(found, store)

    assert same == {0: "m:q4_0", 1: "m:q4_0", 2: "m:q4_0"}


def test_the_same_file_under_two_names_is_seen_before_it_is_installed(
    store: Store, theirs: Path
) -> None:
    path = write(theirs / "one" / "m.gguf", gguf())
    (theirs / "two").mkdir()
    (theirs / "two" / "n.gguf").hardlink_to(path)

    same = same_bytes([only(theirs / "one"), only(theirs / "two")], store)

    assert same == {1: "folder m.gguf"}


def test_several_are_taken_over_beside_each_other_and_the_same_bytes_once(
    store: Store, theirs: Path
) -> None:
    for number in range(6):
        write(theirs / f"m{number}-q4_0.gguf", gguf(number % 3 + 1))
    write(theirs / "broken.gguf", b"<html>")
    gauge = Gauge()
    asked = [Asked(each) for each in look(theirs)]

    came = list(adopter(store).adopt_each(asked, gauge, threading.Event()))

    assert len(store.installed()) == 3
    assert sum(isinstance(each, Adopted) and each.was_there for _, each in came) == 3
    (failure,) = [each for _, each in came if not isinstance(each, Adopted)]
    assert isinstance(failure, CannotRun)
    assert gauge.read().done == sum(len(gguf(n % 3 + 1)) for n in range(6))


def test_all_of_them_end_with_a_stop(store: Store, theirs: Path) -> None:
    write(theirs / "m.gguf", gguf())
    stop = threading.Event()
    stop.set()

    with pytest.raises(Interrupted):
        list(adopter(store).adopt_each([Asked(only(theirs))], Gauge(), stop))
    assert store.installed() == ()


def test_a_link_that_a_kill_left_without_a_manifest_is_still_theirs(
    store: Store, theirs: Path
) -> None:
    path = write(theirs / "m.gguf", gguf())
    first = adopter(store).adopt(Asked(only(theirs))).installed
    (store.root / "manifests" / "m" / "q4_0.json").unlink()

    again = adopter(store).adopt(Asked(only(theirs), name="again")).installed
    second = write(theirs.parent / "second" / "n.gguf", gguf())
    (store.root / "manifests" / "again" / "q4_0.json").unlink()
    store.record(replace(first, name="kept"))
    twin = adopter(store).adopt(Asked(only(second), name="twin"))

    assert again.files[0].adopted == str(path)
    assert twin.was_there


def test_a_model_of_the_registry_that_is_not_all_here_is_not_taken_for_it(
    store: Store, theirs: Path
) -> None:
    write(theirs / "m-q4_0.gguf", gguf())
    whole = known(gguf())
    eyes = File("eyes.gguf", (), 5, Sha256("e" * 64))
    variant = replace(whole.variants[0], files=(*whole.variants[0].files, eyes))

    installed = adopter(store, replace(whole, variants=(variant,))).adopt(Asked(only(theirs)))

    assert str(installed.installed.reference) == "m:q4_0"
    assert installed.installed.registry is None
