"""Models of other tools are found where those tools keep them, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from herd.foreign import Found, look, scan
from herd.foreign.found import LIMIT
from tests.foreign import layouts
from tests.foreign.layouts import digest, gguf, write


def names(found: list[Found]) -> list[str]:
    return [each.name for each in found]


def only(found: list[Found]) -> Found:
    (one,) = found
    return one


def test_ollama_models_are_found_with_their_eyes_and_stops(tmp_path: Path) -> None:
    params = json.dumps({"stop": ["<end>"], "temperature": 0.5, "top_k": "many"}).encode()
    layers = {"projector": gguf(2), "model": gguf(1), "params": params, "license": b"MIT"}
    layouts.ollama(tmp_path / ".ollama" / "models", "llava", "7b", layers)

    found = only(scan(["ollama"], tmp_path, {}))

    assert (found.tool, found.name, found.variant, found.trouble) == (
        "ollama",
        "llava:7b",
        "7b",
        None,
    )
    assert [file.name for file in found.files] == ["llava-7b.gguf", "mmproj-llava-7b.gguf"]
    assert found.files[0].sha256 == digest(gguf(1))
    assert found.stop == ("<end>",)
    assert (found.sampling.temperature, found.sampling.top_k) == (0.5, None)


def test_ollama_models_of_other_hosts_keep_their_full_name(tmp_path: Path) -> None:
    layouts.ollama(tmp_path, "user/repo", "Q4_0", {"model": gguf()}, host="hf.co")

    assert only(look(tmp_path)).name == "hf.co/user/repo:Q4_0"


def test_ollama_models_of_its_own_users_are_named_as_ollama_names_them(tmp_path: Path) -> None:
    layouts.ollama(tmp_path, "user/mine", "latest", {"model": gguf()})

    assert only(look(tmp_path)).name == "user/mine:latest"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"layers": 7}',
        b'{"layers": [7]}',
        b'{"layers": [{"mediaType": "m", "digest": "sha256:../../etc/passwd", "size": 1}]}',
        b'{"layers": [{"mediaType": "m", "digest": "sha256:%b", "size": -1}]}' % (b"a" * 64),
        b"[" * 100_000,
        b" " * (LIMIT + 1),
    ],
)
def test_a_hostile_ollama_manifest_is_a_trouble_and_no_crash(
    tmp_path: Path, content: bytes
) -> None:
    write(tmp_path / "manifests" / "registry.ollama.ai" / "library" / "evil" / "1", content)
    (tmp_path / "blobs").mkdir()

    found = only(look(tmp_path))

    assert found.files == ()
    assert "does not read" in (found.trouble or "")


def test_an_ollama_model_without_its_blob_is_a_trouble(tmp_path: Path) -> None:
    layouts.ollama(tmp_path, "tiny", "1", {"model": gguf()})
    (tmp_path / "blobs" / f"sha256-{digest(gguf())}").unlink()

    assert only(look(tmp_path)).trouble == "its bytes are gone from Ollama's store"


def test_the_hub_cache_is_read_through_its_links_each_file_once(tmp_path: Path) -> None:
    hub = tmp_path / ".cache" / "huggingface" / "hub"
    files = {"m-q4_0.gguf": gguf(1), "big/m-q8_0.gguf": gguf(2), "config.json": b"{}"}
    layouts.huggingface(hub, "user/repo", files)
    layouts.huggingface(hub, "user/repo", {"m-q4_0.gguf": gguf(1)}, revision="b" * 40)

    found = scan(["huggingface"], tmp_path, {})

    assert sorted(names(found)) == ["user/repo/big/m-q8_0.gguf", "user/repo/m-q4_0.gguf"]
    by_name = {each.files[0].name: each.files[0] for each in found}
    assert by_name["m-q4_0.gguf"].sha256 == digest(gguf(1))
    assert by_name["m-q4_0.gguf"].path.parent.name == "blobs"


def test_a_link_that_leads_out_of_its_repository_is_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.gguf", gguf())
    root = layouts.huggingface(tmp_path / "hub", "user/repo", {"good.gguf": gguf(2)})
    (root / "snapshots" / ("a" * 40) / "evil.gguf").symlink_to(secret)

    assert names(look(tmp_path / "hub")) == ["user/repo/good.gguf"]


def test_lm_studio_models_come_with_the_eyes_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / ".lmstudio" / "models" / "user" / "repo"
    for name in ("m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-m-f16.gguf"):
        write(folder / name, gguf())

    found = scan(["lmstudio"], tmp_path, {})

    assert names(found) == ["user/repo/m-Q4_K_M.gguf", "user/repo/m-Q8_0.gguf"]
    assert all(each.files[1].name == "mmproj-m-f16.gguf" for each in found)


def test_llama_cpp_models_get_the_eyes_of_their_own_repository(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for name in ("u_r_m-q4_0.gguf", "u_r_mmproj-f16.gguf", "u_other_m-q4_0.gguf"):
        write(cache / name, gguf())
    write(cache / "u_r_m-q4_0.gguf.json", b"{}")

    found = scan(["llama.cpp"], tmp_path, {"LLAMA_CACHE": str(cache)})

    eyes = {each.name: [file.name for file in each.files[1:]] for each in found}
    assert eyes == {"u_other_m-q4_0.gguf": [], "u_r_m-q4_0.gguf": ["u_r_mmproj-f16.gguf"]}


def test_what_gpt4all_has_not_fetched_to_the_end_is_no_model(tmp_path: Path) -> None:
    folder = tmp_path / ".cache" / "gpt4all"
    write(folder / "good.Q4_0.gguf", gguf())
    write(folder / "incomplete-bad.Q4_0.gguf", gguf())

    assert names(scan(["gpt4all"], tmp_path, {})) == ["good.Q4_0.gguf"]


def test_parts_are_one_model_and_a_missing_part_is_a_trouble(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write(tmp_path / f"whole-0000{number}-of-00003.gguf", gguf(number))
    write(tmp_path / "torn-00002-of-00003.gguf", gguf())
    write(tmp_path / "absurd-00001-of-99999.gguf", gguf())

    found = {each.name: each for each in look(tmp_path)}

    assert [file.name[6:11] for file in found["whole"].files] == ["00001", "00002", "00003"]
    assert found["whole"].trouble is None
    assert found["torn"].trouble == "of its 3 parts 1, 3 are missing"
    assert found["absurd"].trouble == "it claims 99999 parts"


def test_a_part_stands_for_all_of_its_model(tmp_path: Path) -> None:
    for number in (1, 2):
        write(tmp_path / f"m-0000{number}-of-00002.gguf", gguf(number))
    write(tmp_path / "other.gguf", gguf(3))

    assert len(only(look(tmp_path / "m-00002-of-00002.gguf")).files) == 2
    assert only(look(tmp_path / "other.gguf")).name == "other.gguf"


def test_folders_that_are_not_there_have_no_models(tmp_path: Path) -> None:
    assert scan(home=tmp_path, environ={"OLLAMA_MODELS": str(tmp_path / "nothing")}) == []


def test_a_loop_of_links_and_a_pipe_do_not_hold_the_scan_up(tmp_path: Path) -> None:
    import os

    write(tmp_path / "a" / "m.gguf", gguf())
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "self.gguf").symlink_to(tmp_path / "a" / "self.gguf")
    os.mkfifo(tmp_path / "a" / "pipe.gguf")

    assert names(look(tmp_path)) == ["a/m.gguf"]


def test_a_tools_folder_that_cannot_be_looked_into_has_no_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / ".lmstudio" / "models" / "u" / "r" / "m.gguf", gguf())
    closed = tmp_path / ".ollama" / "models"

    def is_dir(path: Path) -> bool:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return path.exists()

    monkeypatch.setattr(Path, "is_dir", is_dir)

    assert names(scan(home=tmp_path, environ={})) == ["u/r/m.gguf"]
