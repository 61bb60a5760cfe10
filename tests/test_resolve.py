"""From what a person typed to what is to be installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from herd.core import Herd
from herd.errors import BadUsage, SourceRefused, UnknownModel
from herd.model import MagnetSource, PathSource, TorrentSource, UrlSource
from herd.resolve import Promise
from tests.tools.fakes import GGUF, herd_at
from tests.tools.swarm import make_torrent

HASH = "ab" * 20


@pytest.fixture
def herd(tmp_path: Path) -> Herd:
    return herd_at(tmp_path)


def test_a_name_and_its_alias_are_the_same_model(herd: Herd) -> None:
    assert herd.choose("smollm2") == herd.choose("SmolLM2-135M")


def test_a_variant_may_follow_a_colon_or_an_at_sign(herd: Herd) -> None:
    assert herd.choose("smollm2:q4_1") == herd.choose("smollm2@q4_1")


def test_a_misspelt_name_lists_the_nearest_ones(herd: Herd) -> None:
    with pytest.raises(UnknownModel) as caught:
        herd.choose("smolm2")

    assert "smollm2" in f"{caught.value.message} {caught.value.hint}"


def test_an_address_is_named_after_its_file(herd: Herd) -> None:
    choice = herd.choose("https://example.org/a/Unheard-Of-0.6B-UD-Q4_K_M.gguf?download=true")

    assert str(choice.reference) == "unheard-of-0.6b:ud-q4_k_m"
    assert choice.variant.quantisation == "UD-Q4_K_M"
    assert choice.model.registry is None
    assert isinstance(choice.variant.files[0].sources[0], UrlSource)


def test_an_address_may_be_given_a_name_and_a_digest(herd: Herd) -> None:
    choice = herd.choose("https://example.org/x.gguf", Promise(sha256="AB" * 32, name="mine"))

    assert choice.model.name == "mine"
    assert choice.variant.files[0].sha256 == "ab" * 32


def test_one_part_of_a_model_brings_the_others(herd: Herd, tmp_path: Path) -> None:
    paths = [tmp_path / f"Big-Q4_0-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    for path in paths:
        path.write_bytes(GGUF)

    here = herd.choose(str(paths[1])).variant
    there = herd.choose("https://example.org/Big-Q4_0-00001-of-00002.gguf?download=true").variant

    assert [file.name for file in here.files] == [path.name for path in paths]
    assert [file.sources for file in here.files] == [(PathSource(str(path)),) for path in paths]
    assert [file.sources for file in there.files] == [
        (UrlSource(f"https://example.org/Big-Q4_0-0000{number}-of-00002.gguf?download=true"),)
        for number in (1, 2)
    ]


def test_a_part_without_the_others_is_refused(herd: Herd, tmp_path: Path) -> None:
    path = tmp_path / "Big-Q4_0-00001-of-00002.gguf"
    path.write_bytes(GGUF)

    with pytest.raises(UnknownModel, match=r"Big-Q4_0-00002-of-00002\.gguf is not beside it"):
        herd.choose(str(path))
    with pytest.raises(BadUsage, match="has 2 parts"):
        herd.choose(f"https://example.org/{path.name}", Promise(sha256="ab" * 32))
    with pytest.raises(BadUsage, match="does not take"):
        herd.choose("https://example.org/Big-Q4_0-00001-of-99999.gguf")


def test_a_magnet_is_named_after_what_it_calls_itself(herd: Herd) -> None:
    choice = herd.choose(f"magnet:?xt=urn:btih:{HASH}&dn=My+Model-Q4_0.gguf")
    source = choice.variant.files[0].sources[0]

    assert str(choice.reference) == "my-model:q4_0"
    assert isinstance(source, MagnetSource)
    assert source.is_from_user


def test_what_a_magnet_calls_itself_never_becomes_a_path(herd: Herd) -> None:
    choice = herd.choose(f"magnet:?xt=urn:btih:{HASH}&dn=..%2F..%2Fetc%2Fpasswd")

    assert "/" not in choice.variant.files[0].name
    assert ".." not in choice.model.name


def test_a_path(herd: Herd, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(GGUF)

    file = herd.choose(str(tmp_path / "mine.gguf")).variant.files[0]

    assert isinstance(file.sources[0], PathSource)
    assert file.size == len(GGUF)


@pytest.mark.parametrize("version", [1, 2, 12])
def test_a_torrent_file_tells_the_name_and_the_size_of_its_model(
    herd: Herd, tmp_path: Path, version: int
) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "Wee-Q4_0.gguf").write_bytes(GGUF * 1000)
    (folder / "README.md").write_text("A wee model.")
    raw = make_torrent(folder, version=version, piece=16384).raw
    (tmp_path / "some.torrent").write_bytes(raw)

    choice = herd.choose(str(tmp_path / "some.torrent"))

    assert str(choice.reference) == "wee:q4_0"
    assert choice.variant.size == len(GGUF) * 1000
    assert choice.variant.files[0].sources == (TorrentSource(str(tmp_path / "some.torrent")),)
    assert herd.plan(choice).bytes_to_fetch == len(GGUF) * 1000


def test_a_torrent_file_that_is_none_or_has_two_models_is_refused_before_anything_moves(
    herd: Herd, tmp_path: Path
) -> None:
    (tmp_path / "none.torrent").write_bytes(b"d4:infoe")
    folder = tmp_path / "shelf"
    folder.mkdir()
    for name in ("a.gguf", "b.gguf"):
        (folder / name).write_bytes(GGUF)
    (tmp_path / "two.torrent").write_bytes(make_torrent(folder, piece=16384).raw)

    with pytest.raises(SourceRefused, match=r"none\.torrent was refused"):
        herd.choose(str(tmp_path / "none.torrent"))
    with pytest.raises(SourceRefused, match="2 files that may be a model"):
        herd.choose(str(tmp_path / "two.torrent"))


def test_without_libtorrent_a_torrent_file_is_named_after_itself(
    herd: Herd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.transfer.torrent.lt", None)
    (tmp_path / "mine.torrent").write_bytes(b"d4:infoe")

    choice = herd.choose(str(tmp_path / "mine.torrent"))

    assert (choice.model.name, choice.variant.size) == ("mine", None)


def test_a_path_that_is_not_there_is_said_to_be_missing(herd: Herd) -> None:
    with pytest.raises(UnknownModel) as caught:
        herd.choose("./nothing/here.gguf")

    assert caught.value.message == "There is no file ./nothing/here.gguf and no model of that name."


@pytest.mark.parametrize("address", ["ftp://host.example/tiny.gguf", "SMB://host/tiny.gguf"])
def test_an_address_of_another_kind_is_not_taken_for_a_path(herd: Herd, address: str) -> None:
    with pytest.raises(BadUsage, match=f"herd does not fetch by {address[:2].lower()}"):
        herd.choose(address)


def test_a_path_below_a_home_of_nobody_is_missing_too(herd: Herd) -> None:
    with pytest.raises(UnknownModel, match="There is no file"):
        herd.choose("~nobody-of-this-name/here.gguf")


def test_the_name_of_a_file_never_makes_lines_of_its_own(herd: Herd) -> None:
    title = herd.choose("https://one.example/wool%0A%20%20proof%1B[2K%20verified.gguf").model.title

    assert title == "wool proof[2K verified"


def test_a_folder_is_not_a_model(herd: Herd, tmp_path: Path) -> None:
    with pytest.raises(BadUsage):
        herd.choose(str(tmp_path))


def test_a_file_cannot_take_the_name_of_a_registered_model(herd: Herd) -> None:
    with pytest.raises(BadUsage) as caught:
        herd.choose("https://example.org/smollm2.gguf")

    assert "--as NAME" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "address", ["https://", "https://user:secret@example.org/x.gguf", "http://[x"]
)
def test_an_address_that_cannot_be_used_is_refused(herd: Herd, address: str) -> None:
    with pytest.raises(BadUsage):
        herd.choose(address)


@pytest.mark.parametrize(
    "promise", [Promise(sha256="12"), Promise(name="../x"), Promise(name="A B")]
)
def test_a_promise_that_does_not_read_is_refused(herd: Herd, promise: Promise) -> None:
    with pytest.raises(BadUsage):
        herd.choose("https://example.org/x.gguf", promise)


def test_a_registered_model_takes_no_promise_of_somebody_else(herd: Herd) -> None:
    with pytest.raises(BadUsage):
        herd.choose("smollm2", Promise(sha256="ab" * 32))


def test_a_path_that_is_nearly_right_names_the_file_beside_it(herd: Herd, tmp_path: Path) -> None:
    (tmp_path / "Tiny-Q4_0.gguf").write_bytes(b"GGUF")

    with pytest.raises(UnknownModel) as caught:
        herd.choose(str(tmp_path / "Tiny-Q4_O.gguf"))

    assert caught.value.hint == "Did you mean Tiny-Q4_0.gguf?"


def test_a_person_may_vouch_for_a_file_whose_digest_nobody_wrote_down(herd: Herd) -> None:
    choice = herd.choose("gpt4all-lora", Promise(sha256="AB" * 32))

    assert [file.sha256 for file in choice.variant.files] == ["ab" * 32]
    for refused in (Promise(name="mine"), Promise(sha256="ab" * 32, template="alpaca")):
        with pytest.raises(BadUsage):
            herd.choose("gpt4all-lora", refused)
