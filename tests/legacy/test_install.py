"""A ggml file that is installed becomes a GGUF that says what it was made of."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from herd import bring
from herd.core import Herd
from herd.errors import (
    CannotRun,
    DigestMismatch,
    Interrupted,
    LegacyDamaged,
    LegacyError,
    LegacyRefused,
    NoRoom,
)
from herd.install import Order
from herd.legacy import VERSION
from herd.model import File, Format, PathSource
from herd.plan import Convert, Ground, Keep, Read, plan
from tests.tools.fakes import GGUF, FakeCarrier, digest, herd_at

from .gguf_reader import read_gguf
from .given import given
from .orders import (
    HOST,
    choice_of,
    contents_of,
    file_of,
    herd_with,
    offered,
    stopped_while_converting,
)

NAME = "ggml0-q4_0"
CONTENT = contents_of(NAME)[f"{NAME}.bin"]


def blobs(herd: Herd) -> set[str]:
    return {path.name for path in herd.places.blobs.iterdir()}


def staged(herd: Herd) -> list[str]:
    return sorted(path.name for path in herd.places.staging.iterdir())


def test_the_manifest_names_the_original_and_the_converter_and_the_original_goes(
    tmp_path: Path,
) -> None:
    herd, _ = herd_with(tmp_path, NAME)

    installed = herd.installer.install(Order(offered(NAME))).installed

    assert installed.format is Format.GGUF
    assert [file.name for file in installed.files] == [f"{NAME}.gguf"]
    assert installed.original is not None
    assert [file.sha256 for file in installed.original.files] == [digest(CONTENT)]
    assert (installed.original.container, installed.original.converter) == ("ggml", VERSION)
    assert installed.is_verified
    assert blobs(herd) == {installed.files[0].sha256}
    assert staged(herd) == []
    assert herd.store.installed() == (installed,)


def test_what_the_file_does_not_say_comes_from_the_registry(tmp_path: Path) -> None:
    herd, _ = herd_with(tmp_path, NAME)

    installed = herd.installer.install(Order(offered(NAME))).installed

    keys = read_gguf(herd.store.path_of(installed)).keys
    assert keys["general.name"] == b"Old"
    assert keys["llama.context_length"] == 512
    assert keys["tokenizer.chat_template"] == b"{{ messages[0].content }}"
    assert keys["llama.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-6)


def test_the_same_file_gives_the_same_blob_in_another_store(tmp_path: Path) -> None:
    herds = [herd_with(tmp_path / home, NAME)[0] for home in ("one", "other")]

    one, other = (herd.installer.install(Order(offered(NAME))).installed for herd in herds)

    assert one.files == other.files


def test_a_converted_model_is_installed_already(tmp_path: Path) -> None:
    herd, carrier = herd_with(tmp_path, NAME)
    herd.installer.install(Order(offered(NAME)))

    again = herd.installer.install(Order(offered(NAME)))

    assert again.was_there
    assert herd.plan(offered(NAME)).ground.is_installed
    assert carrier.asked == [f"{HOST}/{NAME}.bin"]


def test_the_plan_says_that_it_converts_and_what_that_takes(tmp_path: Path) -> None:
    herd, _ = herd_with(tmp_path, NAME)

    planned = herd.plan(offered(NAME))

    assert planned.convert == Convert(len(CONTENT))
    assert planned.room is not None
    installed = herd.installer.install(Order(offered(NAME))).installed
    assert planned.room >= len(CONTENT) + installed.size


@pytest.mark.parametrize("kind", ["q4_2", "q4_3", "q8_0"])
def test_no_type_needs_more_room_than_the_plan_says(kind: str, tmp_path: Path) -> None:
    name = f"ggjt1-{kind}"
    herd, _ = herd_with(tmp_path, name)
    choice = offered(name)
    choice = replace(choice, variant=replace(choice.variant, quantisation=kind.upper()))
    convert = herd.plan(choice).convert

    made = herd.installer.install(Order(choice)).installed

    assert convert is not None
    assert convert.room is not None
    assert convert.room >= made.size


def test_room_for_both_files_is_wanted_before_the_first_byte() -> None:
    free = 1_000_000_000
    choice = choice_of(replace(file_of("old.bin", CONTENT), size=free // 2))
    small = replace(choice.variant.files[0], size=free // 3)

    trouble = plan(choice, Ground(free=free)).trouble(is_licence_accepted=True)

    assert isinstance(trouble, NoRoom)
    assert "for what it is converted to" in trouble.message
    assert plan(choice_of(small), Ground(free=free)).trouble(is_licence_accepted=True) is None


def test_the_original_is_kept_when_that_is_wished_and_goes_with_the_model(tmp_path: Path) -> None:
    herd, _ = herd_with(tmp_path, NAME)

    installed = herd.installer.install(Order(offered(NAME), keeps_original=True)).installed

    assert [file.name for file in installed.files] == [f"{NAME}.gguf", f"{NAME}.bin"]
    assert herd.store.path_of(installed).name == f"{NAME}.gguf"
    assert herd.store.blob(digest(CONTENT)).read_bytes() == CONTENT
    herd.store.sweep()
    assert herd.store.has(digest(CONTENT), len(CONTENT))
    assert herd.remove(installed) == installed.size
    assert blobs(herd) == set()


def test_an_original_that_went_comes_again_when_it_is_to_be_kept(tmp_path: Path) -> None:
    herd, carrier = herd_with(tmp_path, NAME)
    first = herd.installer.install(Order(offered(NAME))).installed

    kept = herd.installer.install(Order(offered(NAME), keeps_original=True)).installed

    assert len(carrier.asked) == 2
    assert kept.files[0] == first.files[0]
    assert kept.original == first.original
    assert blobs(herd) == {file.sha256 for file in kept.files}


def test_a_stopped_conversion_goes_on_without_fetching_again(tmp_path: Path) -> None:
    herd, carrier = herd_with(tmp_path, NAME)
    with pytest.raises(Interrupted):
        herd.installer.install(stopped_while_converting(offered(NAME)))
    assert herd.store.installed() == ()
    assert isinstance(herd.plan(offered(NAME)).steps[0], Keep)

    herd.installer.install(Order(offered(NAME)))

    assert len(carrier.asked) == 1
    assert staged(herd) == []


def test_bytes_that_rotted_since_they_came_are_found_out_and_come_again(tmp_path: Path) -> None:
    herd, carrier = herd_with(tmp_path, NAME)
    with pytest.raises(Interrupted):
        herd.installer.install(stopped_while_converting(offered(NAME)))
    blob = herd.store.blob(digest(CONTENT))
    blob.chmod(0o644)
    blob.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))

    with pytest.raises(DigestMismatch, match=NAME):
        herd.installer.install(Order(offered(NAME)))
    herd.installer.install(Order(offered(NAME)))

    assert len(carrier.asked) == 2


def test_a_file_that_cannot_be_read_is_not_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    herd, carrier = herd_with(tmp_path, NAME)

    def fails(*_: object) -> None:
        raise LegacyError("It cannot be read: Input/output error.")

    with monkeypatch.context() as patched:
        patched.setattr(bring, "check", fails)
        with pytest.raises(LegacyError):
            herd.installer.install(Order(offered(NAME)))
    herd.installer.install(Order(offered(NAME)))

    assert len(carrier.asked) == 1


def test_several_parts_are_the_files_of_one_variant(tmp_path: Path) -> None:
    name = "ggmf1-q4_0-2part"
    herd, _ = herd_with(tmp_path, name)

    installed = herd.installer.install(Order(offered(name))).installed

    assert installed.original is not None
    assert [file.name for file in installed.original.files] == [f"{name}.bin", f"{name}.bin.1"]
    assert [file.name for file in installed.files] == [f"{name}.gguf"]
    assert blobs(herd) == {installed.files[0].sha256}


def test_a_missing_part_is_said_and_nothing_is_kept(tmp_path: Path) -> None:
    name = "ggmf1-q4_0-2part"
    herd, _ = herd_with(tmp_path, name)
    choice = choice_of(offered(name).variant.files[0])

    with pytest.raises(LegacyDamaged, match="consists of 2 parts, and 1"):
        herd.installer.install(Order(choice))

    assert blobs(herd) == set()


# What nobody promised


def unpromised(name: str = NAME) -> Order:
    """An address that a person typed: what is behind it shows when it is here."""
    file = file_of(f"{name}.bin", b"", is_promised=False)
    return Order(choice_of(file, form=Format.GGUF, is_offered=False))


def test_an_old_file_is_known_by_its_first_bytes_whatever_was_expected(tmp_path: Path) -> None:
    herd, _ = herd_with(tmp_path, NAME)

    installed = herd.installer.install(unpromised()).installed

    assert installed.format is Format.GGUF
    assert installed.quantisation == "Q4_0"
    assert not installed.is_verified
    assert installed.original is not None
    assert installed.original.files[0].sha256 == digest(CONTENT)


def test_what_nobody_promised_is_not_fetched_again_after_a_stop(tmp_path: Path) -> None:
    herd, carrier = herd_with(tmp_path, NAME)
    choice = unpromised().choice
    with pytest.raises(Interrupted):
        herd.installer.install(stopped_while_converting(choice))

    herd.installer.install(Order(choice))

    assert len(carrier.asked) == 1
    assert staged(herd) == []


@pytest.mark.parametrize("is_promised", [True, False])
def test_what_a_cancelled_conversion_left_goes(is_promised: bool, tmp_path: Path) -> None:
    herd, _ = herd_with(tmp_path, NAME)
    choice = offered(NAME) if is_promised else unpromised().choice
    with pytest.raises(Interrupted):
        herd.installer.install(stopped_while_converting(choice))
    assert blobs(herd) == {digest(CONTENT)}

    herd.installer.discard(choice)

    assert blobs(herd) == set()
    assert staged(herd) == []


def test_discarding_leaves_what_is_installed(tmp_path: Path) -> None:
    herd, _ = herd_with(tmp_path, NAME)
    installed = herd.installer.install(Order(offered(NAME), keeps_original=True)).installed

    herd.installer.discard(offered(NAME))

    assert blobs(herd) == {file.sha256 for file in installed.files}


GPT_J = b"lmgg" + struct.pack("<8I", 50400, 2048, 4096, 16, 28, 64, 2, 50400) + bytes(64)
LORA = b"algg" + struct.pack("<3I", 1, 8, 16) + bytes(64)


@pytest.mark.parametrize(("content", "named"), [(GPT_J, "a GPT-J"), (LORA, "a LoRA adapter")])
@pytest.mark.parametrize("is_promised", [True, False])
def test_another_model_is_refused_by_its_name_and_not_kept(
    content: bytes, named: str, is_promised: bool, tmp_path: Path
) -> None:
    herd = herd_at(tmp_path, FakeCarrier({f"{HOST}/other.bin": content}))
    file = file_of("other.bin", content, is_promised=is_promised)

    with pytest.raises(LegacyRefused, match=rf"other\.bin is {named}"):
        herd.installer.install(Order(choice_of(file)))

    assert herd.store.installed() == ()
    assert blobs(herd) == set()


def test_a_gguf_where_the_registry_has_ggml_is_not_installed(tmp_path: Path) -> None:
    herd = herd_at(tmp_path, FakeCarrier({f"{HOST}/old.bin": GGUF}))

    with pytest.raises(CannotRun, match=r"old\.bin is not a ggml model"):
        herd.installer.install(Order(choice_of(file_of("old.bin", GGUF))))

    assert staged(herd) == []


# What lies on this machine


def local(path: Path, sha256: str | None = None) -> Order:
    promised = digest(CONTENT) if sha256 == "right" else digest(b"") if sha256 else None
    file = File(path.name, (PathSource(str(path)),), path.stat().st_size, promised)
    return Order(choice_of(file, is_offered=False))


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.bin"
    path.write_bytes(CONTENT)
    return path


def test_a_file_of_the_persons_own_is_read_where_it_lies(mine: Path, tmp_path: Path) -> None:
    herd = Herd(herd_at(tmp_path / "home").places)
    order = local(mine)
    planned = herd.plan(order.choice)

    installed = herd.installer.install(order).installed

    assert isinstance(planned.steps[0], Read)
    assert planned.bytes_to_fetch == 0
    assert installed.original is not None
    assert installed.original.files[0].sha256 == digest(CONTENT)
    assert not installed.is_verified
    assert installed.source == "mine.bin"
    assert blobs(herd) == {installed.files[0].sha256}
    assert mine.read_bytes() == CONTENT


def test_a_digest_may_be_promised_for_it(mine: Path, tmp_path: Path) -> None:
    herd = Herd(herd_at(tmp_path / "home").places)
    with pytest.raises(DigestMismatch, match=r"mine\.bin has sha256"):
        herd.installer.install(local(mine, "wrong"))
    assert blobs(herd) == set()
    assert staged(herd) == []

    assert herd.installer.install(local(mine, "right")).installed.is_verified


def test_it_is_copied_when_the_original_is_to_be_kept(mine: Path, tmp_path: Path) -> None:
    herd = Herd(herd_at(tmp_path / "home").places)

    installed = herd.installer.install(replace(local(mine), keeps_original=True)).installed

    assert digest(CONTENT) in {file.sha256 for file in installed.files}
    assert herd.store.blob(digest(CONTENT)).read_bytes() == CONTENT


def test_the_installed_file_is_the_one_that_the_converter_must_write(tmp_path: Path) -> None:
    herd, _ = herd_with(tmp_path, NAME)

    installed = herd.installer.install(Order(offered(NAME))).installed

    tensors = read_gguf(herd.store.path_of(installed)).tensors
    found = {name: digest(weights.content) for name, weights in tensors.items()}
    expected = given(NAME, ".gguf-tensors.json").read_text()
    assert found
    assert all(sha256 in expected for sha256 in found.values())
