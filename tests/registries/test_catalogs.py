"""Catalogs of other programs, in the shapes that they have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herd.errors import BadUsage, RegistryError
from herd.model import UrlSource, is_file_name, is_name, reference
from herd.places import Places
from herd.registries.catalogs import take
from herd.registries.convert import convert
from herd.registry import document, load
from herd.registry.catalogue import Trust
from tests.registries.site import Site

A, B, C = ("1a" * 32, "2b" * 32, "3c" * 32)
GALLERY = f"""\
---
- &base
  url: "github:example/gallery/base.yaml@master"
  name: "small-model"
  license: apache-2.0
  icon: https://pictures.example/x.png
  description: |
    A small model.
    It has <b>two</b> lines.
  tags: [llm, gguf, cpu]
  urls:
    - https://hub.example/someone/Small-GGUF
  overrides:
    parameters:
      model: Small-Q4_K_M.gguf
  files:
    - filename: Small-Q4_K_M.gguf
      sha256: {A}
      uri: huggingface://someone/Small-GGUF/Small-Q4_K_M.gguf
- !!merge <<: *base
  name: "small-model:q8"
  files:
    - filename: Small-Q8_0.gguf
      sha256: {B}
      uri: https://files.example/Small-Q8_0.gguf
- !!merge <<: *base
  name: "small-model"
- name: pictures
  license: other
  tags: [vision]
  files:
    - filename: clip/mmproj-model-f16.gguf
      sha256: {C}
      uri: huggingface://someone/Pictures-GGUF/mmproj-model-f16.gguf
    - filename: Pictures-Q4_0.gguf
      sha256: {"4d" * 32}
      uri: huggingface://someone/Pictures-GGUF/sub/Pictures-Q4_0.gguf@v1
- name: vectors
  tags: [embeddings]
  files: [{{filename: v.gguf, sha256: "{"5e" * 32}", uri: "https://files.example/v.gguf"}}]
- name: no-digest
  files: [{{filename: a.gguf, sha256: "", uri: "https://files.example/a.gguf"}}]
- name: bad-digest
  files: [{{filename: a.gguf, sha256: "to be filled in", uri: "https://files.example/a.gguf"}}]
- name: made-up-digest
  files: [{{filename: a.gguf, sha256: "{"f" * 64}", uri: "https://files.example/a.gguf"}}]
- name: other-format
  files: [{{filename: a.safetensors, sha256: "{A}", uri: "https://files.example/a.safetensors"}}]
- name: no-files
- name: local
  files: [{{filename: a.gguf, sha256: "{A}", uri: "file:///etc/passwd"}}]
- name: oci
  files: [{{filename: a.gguf, sha256: "{A}", uri: "oci://host/image:tag"}}]
- just a text
"""

LIST = [
    {
        "order": "a",
        "md5sum": "046ab8ff",
        "name": "Old Entry",
        "filename": "Old.Q4_0.gguf",
        "filesize": "4661724384",
        "requires": "2.7.1",
        "ramrequired": "8",
        "parameters": "8 billion",
        "quant": "q4_0",
        "type": "LLaMA3",
        "description": "<ul><li>Fast</li></ul>",
        "url": "https://files.example/Old.Q4_0.gguf",
    },
    {
        "order": "b",
        "sha256sum": A,
        "name": "New Entry",
        "filename": "New-Entry-Q4_0.gguf",
        "filesize": "1068807776",
        "ramrequired": "3",
        "description": "<strong>Thinks.</strong><br><ul><li>Small</li></ul>",
        "url": "https://files.example/New-Entry-Q4_0.gguf",
        "promptTemplate": "%1",
    },
    {
        "sha256sum": B,
        "name": "Vectors",
        "filename": "vectors.f16.gguf",
        "filesize": "45949216",
        "embeddingModel": True,
    },
    {"name": "Old format", "filename": "old.bin", "sha256sum": C, "filesize": "7"},
    {
        "name": "Odd size",
        "filename": "odd.gguf",
        "sha256sum": C,
        "filesize": "7e3",
        "url": "https://files.example/odd.gguf",
    },
]


def test_a_gallery_gives_what_can_be_proved_and_counts_the_rest() -> None:
    taken = take(GALLERY.encode(), "index.yaml")

    assert taken.kind == "LocalAI gallery"
    assert [model.name for model in taken.models] == [
        "small-model", "small-model-q8", "pictures", "vectors",
    ]  # fmt: skip
    assert dict(taken.left) == {
        "no address that herd asks": 2,
        "a sha256 that is none": 2,
        "the name of another entry": 1,
        "no sha256": 1,
        "no GGUF file": 1,
        "no files": 1,
        "no entry at all": 1,
    }


def test_merged_entries_have_what_they_inherit_and_their_own_files() -> None:
    first, second, *_ = take(GALLERY.encode(), "index.yaml").models

    assert (first.licence.id, first.licence.commercial) == ("Apache-2.0", "open")
    assert second.licence == first.licence
    assert first.summary == "A small model. It has <b>two</b> lines."
    (file,) = first.variants[0].files
    assert (file.sha256, file.size, first.default) == (A, None, "q4_k_m")
    hub = "https://huggingface.co/someone/Small-GGUF/resolve/main/Small-Q4_K_M.gguf"
    assert file.sources == (UrlSource(hub),)
    assert second.variants[0].files[0].sha256 == B


def test_the_model_comes_before_its_projector_and_a_branch_is_kept() -> None:
    pictures = take(GALLERY.encode(), "index.yaml").models[2]

    model, projector = pictures.variants[0].files
    assert (model.name, projector.name) == ("Pictures-Q4_0.gguf", "mmproj-model-f16.gguf")
    where = "https://huggingface.co/someone/Pictures-GGUF/resolve/v1/sub/Pictures-Q4_0.gguf"
    assert model.sources == (UrlSource(where),)


def test_roles_follow_the_tags() -> None:
    roles = {model.name: model.role for model in take(GALLERY.encode(), "i").models}

    assert (roles["vectors"], roles["small-model"]) == ("embedding", "chat")


def test_a_list_of_gpt4all_gives_what_has_a_sha256() -> None:
    taken = take(json.dumps(LIST).encode(), "models3.json")

    new, vectors, odd = taken.models
    assert taken.kind == "GPT4All list"
    assert (new.name, new.title, new.summary) == ("new-entry", "New Entry", "Thinks. Small")
    assert new.variants[0].files[0].size == 1068807776
    assert vectors.role == "embedding"
    address = "https://gpt4all.io/models/gguf/vectors.f16.gguf"
    assert vectors.variants[0].files[0].sources == (UrlSource(address),)
    assert odd.variants[0].files[0].size is None
    assert dict(taken.left) == {"no sha256": 1, "no GGUF file": 1}


@pytest.mark.parametrize("content", [b"", b"{}", b"a: b", b"[", b"text", b"\xff", b"[[[["])
def test_what_is_no_catalog_is_refused(content: bytes) -> None:
    with pytest.raises(RegistryError):
        take(content, "x")


def test_aliases_that_multiply_cost_nothing_and_a_loop_is_refused() -> None:
    lines = ["a0: &a0 {x: y}"]
    lines += [
        f"a{at}: &a{at} {{{', '.join(f'k{n}: *a{at - 1}' for n in range(9))}}}"
        for at in range(1, 20)
    ]
    merges = ["b0: &b0 {x: y}"]
    merges += [f"b{at}: &b{at} {{<<: [{', '.join([f'*b{at - 1}'] * 9)}]}}" for at in range(1, 20)]

    assert document.foreign("\n".join(lines).encode(), "x")
    read = document.foreign("\n".join(merges).encode(), "x")
    assert isinstance(read, dict)
    assert read["b19"] == {"x": "y"}
    with pytest.raises(RegistryError, match="leads into itself"):
        document.foreign(b"a: &a [*a]", "x")


leaves = st.sampled_from([A, "x.gguf", "https://a.example/x", "../x", None, True, 7])
keys = st.sampled_from(
    [*("name", "files", "filename", "sha256", "sha256sum", "uri"), "url", "tags", "license"]
)
odd = st.recursive(
    leaves,
    lambda kids: st.lists(kids, max_size=3) | st.dictionaries(keys, kids, max_size=6),
    max_leaves=15,
)


@settings(deadline=None, max_examples=40)
@given(st.lists(odd, max_size=4))
def test_a_catalog_raises_nothing_but_a_registry_error_and_gives_safe_names(
    rows: list[object],
) -> None:
    content = json.dumps(rows)
    for text in (content, f"- {content}", "\n".join(f"- {json.dumps(row)}" for row in rows) or "a"):
        try:
            taken = take(text.encode(), "x")
        except RegistryError:
            continue
        for model in taken.models:
            assert is_name(model.name)
            assert all(is_file_name(file.name) for one in model.variants for file in one.files)


def test_a_catalog_becomes_a_registry_that_is_found_and_can_be_made_anew(
    site: Site, here: Places
) -> None:
    url = site.put("/gallery/index.yaml", GALLERY)

    made = convert(here, url, "gallery")
    again = convert(here, url, "gallery")

    registry = load(here)
    model = registry.find(reference("small-model")).model
    assert made == again
    assert made.path.read_text().startswith("# Made by `herd registry import` from ")
    assert model.registry == "gallery"
    assert [each.trust for each in registry.origins] == [Trust.SHIPPED, Trust.OWN]


def test_a_name_of_somebody_else_is_refused(site: Site, here: Places) -> None:
    url = site.put("/index.yaml", GALLERY)
    here.user_registries.mkdir(parents=True)
    (here.user_registries / "mine.yaml").write_text("schema: 1\nmodels: {}\n")

    for name in ("mine", "herd", "../x"):
        with pytest.raises(BadUsage, match="cannot name this registry"):
            convert(here, url, name)


def test_a_catalog_with_nothing_to_take_says_what_it_left(here: Places, tmp_path: Path) -> None:
    path = tmp_path / "models3.json"
    path.write_text(json.dumps(LIST[:1]))

    with pytest.raises(BadUsage) as caught:
        convert(here, str(path), "gpt4all")

    assert caught.value.hint == "Left out: 1 for no sha256"


FILE = {"sha256": A, "uri": "https://files.example/x.gguf"}


def row(*files: dict[str, str], name: str = "x") -> bytes:
    return f"- {json.dumps({'name': name, 'files': [{**FILE, **file} for file in files]})}".encode()


def shard(number: int, total: int) -> dict[str, str]:
    name = f"a-{number:05}-of-{total:05}.gguf"
    return {"filename": name, "sha256": f"{number}{A[1:]}"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (row({"filename": "|.gguf", "uri": "https://a.example/%7C.gguf"}), "a file name"),
        (row({"filename": "x.gguf"}, name="---"), "a name that is none"),
        (row({"filename": "a.gguf"}, {"filename": "A.gguf"}), "two files of one name"),
        (row(shard(1, 3), shard(2, 3)), "incomplete shards"),
        (row(shard(2, 3)), "what no registry may have"),
    ],
)
def test_an_entry_that_a_registry_could_not_have_is_counted(content: bytes, why: str) -> None:
    taken = take(content, "x")

    assert taken.models == ()
    assert [reason for reason in taken.left if reason.startswith(why)]


def test_shards_come_in_their_order() -> None:
    (model,) = take(row(shard(2, 2), shard(1, 2)), "x").models

    names = [file.name for file in model.variants[0].files]
    assert names == ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"]
