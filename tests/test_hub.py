"""Models on the Hugging Face Hub, against a hub on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herd import hub
from herd.core import Herd
from herd.errors import BadUsage, SourceFailed, SourceRefused, UnknownModel
from herd.hub import Reference, choose, reference
from herd.model import Choice, Format, HfSource
from herd.resolve import Promise
from tests.registries.site import Asked, Page, Site
from tests.tools.fakes import herd_at

COMMIT = "ab" * 20
GB = 10**9
API = "/api/models/someone/Tiny-GGUF/revision/main"


def file(path: str, size: int = 1000, digest: str = "1c" * 32) -> dict[str, Any]:
    return {"rfilename": path, "size": size, "lfs": {"sha256": digest, "size": size}}


def listing(*files: dict[str, Any], **more: Any) -> bytes:
    small = {"rfilename": "README.md", "size": 10}
    return json.dumps({"sha": COMMIT, "siblings": [small, *files], **more}).encode()


FILES = (
    file("Tiny-Q4_K_M.gguf", 4 * GB, "2b" * 32),
    file("Tiny-Q8_0.gguf", 8 * GB, "3c" * 32),
    file("Tiny-Q2_K.gguf", 2 * GB, "4d" * 32),
    file("mmproj-Tiny-F16.gguf", 1 * GB),
    file("Tiny-mmproj-Q6_K.gguf", 1 * GB),
    file("BF16/Tiny-BF16-00001-of-00002.gguf", 7 * GB, "5e" * 32),
    file("BF16/Tiny-BF16-00002-of-00002.gguf", 7 * GB, "6f" * 32),
    file("Tiny-F16-00001-of-00002.gguf", 7 * GB),
    file("../../evil-Q4_0.gguf"),
)


@pytest.fixture
def site(plain_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with Site() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.origin)
        running.pages[API] = Page(listing(*FILES, cardData={"license": "apache-2.0"}))
        yield running


def chosen(text: str, memory: int | None = None) -> Choice:
    return choose(reference(text), memory)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("hf:a/b", Reference("a/b")),
        ("hf:a/b:Q4_K_M", Reference("a/b", quantisation="Q4_K_M")),
        ("hf:a/b@v1.0", Reference("a/b", "v1.0")),
        ("hf:a/b/c/d.gguf", Reference("a/b", path="c/d.gguf")),
        ("hf:a/b@main/d.gguf", Reference("a/b", "main", "d.gguf")),
        ("hf:a.b/c-d.e@main:q8_0", Reference("a.b/c-d.e", "main", quantisation="q8_0")),
    ],
)
def test_a_reference_names_a_repository_and_perhaps_more(text: str, read: Reference) -> None:
    assert reference(text) == read


@pytest.mark.parametrize("text", ["hf:", "hf:a", "hf:/b", "hf:a/b c", "hf:a/b@", "hf:a/b:", "x"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(BadUsage):
        reference(text)


def test_a_quantisation_is_found_pinned_and_has_its_digest(site: Site) -> None:
    choice = chosen("hf:someone/Tiny-GGUF:q8_0")

    (only,) = choice.variant.files
    assert str(choice.reference) == "tiny:q8_0"
    assert (only.size, only.sha256) == (8 * GB, "3c" * 32)
    assert only.sources == (HfSource("someone/Tiny-GGUF", COMMIT, "Tiny-Q8_0.gguf"),)
    assert choice.model.licence.id == "Apache-2.0"


def test_a_file_is_found_by_its_path_with_all_of_its_shards(site: Site) -> None:
    choice = chosen("hf:someone/Tiny-GGUF/BF16/Tiny-BF16-00001-of-00002.gguf")

    assert [each.sha256 for each in choice.variant.files] == ["5e" * 32, "6f" * 32]
    assert choice.variant.size == 14 * GB


@pytest.mark.parametrize(
    ("memory", "name"),
    [(None, "q4_k_m"), (32 * GB, "q4_k_m"), (5 * GB, "q2_k"), (1 * GB, "q2_k")],
)
def test_without_a_word_the_best_that_fits_is_chosen(
    site: Site, memory: int | None, name: str
) -> None:
    assert chosen("hf:someone/Tiny-GGUF", memory).variant.name == name


def test_pictures_incomplete_shards_and_paths_out_of_the_repository_are_no_variants(
    site: Site,
) -> None:
    names = {each.name for each in chosen("hf:someone/Tiny-GGUF").model.variants}

    assert names == {"q4_k_m", "q8_0", "q2_k", "bf16"}


OLD = (
    file("llama-thing.ggmlv3.q4_0.bin", 4 * GB, "2b" * 32),
    file("llama-thing.ggmlv3.q8_0.bin", 7 * GB, "3c" * 32),
    file("pytorch_model-00001-of-00002.bin", 9 * GB),
)


def test_ggml_files_of_2023_are_variants_that_install_converts(site: Site) -> None:
    site.pages["/api/models/someone/Thing-GGML/revision/main"] = Page(listing(*OLD))

    choice = chosen("hf:someone/Thing-GGML")

    assert str(choice.reference) == "thing:q4_0"
    assert choice.variant.format is Format.GGML
    assert choice.variant.files[0].sha256 == "2b" * 32
    assert [each.name for each in choice.model.variants] == ["q4_0", "q8_0"]


def test_a_gguf_goes_before_a_ggml_file_of_the_same_repository(site: Site) -> None:
    site.pages[API] = Page(listing(*OLD, file("Thing-Q2_K.gguf", 3 * GB)))

    assert chosen("hf:someone/Tiny-GGUF").variant.format is Format.GGUF
    assert chosen("hf:someone/Tiny-GGUF:q8_0").variant.format is Format.GGML


def test_what_is_not_there_names_what_is_near(site: Site) -> None:
    with pytest.raises(UnknownModel) as caught:
        chosen("hf:someone/Tiny-GGUF:q4_k_l")
    assert "q4_k_m" in (caught.value.hint or "")
    with pytest.raises(UnknownModel) as caught:
        chosen("hf:someone/Tiny-GGUF/Tiny-Q4_K_N.gguf")
    assert "Tiny-Q4_K_M.gguf" in (caught.value.hint or "")
    with pytest.raises(UnknownModel, match="has no repository someone/Nothing"):
        chosen("hf:someone/Nothing")
    site.pages[API] = Page(listing())
    with pytest.raises(UnknownModel, match="holds no GGUF file and no ggml file"):
        chosen("hf:someone/Tiny-GGUF")


def test_a_revision_is_asked_for(site: Site) -> None:
    site.pages["/api/models/someone/Tiny-GGUF/revision/v2"] = Page(listing(FILES[0]))

    assert chosen("hf:someone/Tiny-GGUF@v2").variant.name == "q4_k_m"
    assert site.paths == ["/api/models/someone/Tiny-GGUF/revision/v2?blobs=true"]


def test_the_token_goes_to_the_hub_and_not_where_it_redirects(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with Site("127.0.0.2") as other:
        other.pages["/x"] = Page(listing(*FILES))

        def answer(asked: Asked) -> Page:
            assert asked.headers["authorization"] == "Bearer hf_secret"
            return Page(b"", 302, {"Location": f"{other.origin}/x"})

        site.pages[API] = answer
        chosen("hf:someone/Tiny-GGUF")

        assert "authorization" not in other.asked[0].headers


@pytest.mark.parametrize(
    ("page", "kind", "said"),
    [
        (Page(b"", 401), SourceRefused, "gated, private or not there"),
        (Page(b"", 403), SourceRefused, "gated"),
        (Page(b"", 503), SourceFailed, "cannot tell"),
        (Page(b"<html>hotel</html>"), SourceFailed, "cannot tell"),
        (Page(b"[]"), SourceFailed, "something else than a listing"),
        (Page(b'{"sha": "main", "siblings": []}'), SourceFailed, "something else"),
        (Page(b'{"siblings": []}'), SourceFailed, "something else"),
        (Page(listing({"rfilename": 7})), SourceFailed, "something else"),
        (Page(b"[" * 100_000), SourceFailed, "something else"),
    ],
)
def test_a_hub_that_does_not_answer_as_it_should_is_one_sentence(
    site: Site, page: Page, kind: type[SourceFailed], said: str
) -> None:
    site.pages[API] = page

    with pytest.raises(kind, match=said):
        chosen("hf:someone/Tiny-GGUF")


def test_a_hub_that_is_not_there_is_named_with_what_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Site() as gone:
        monkeypatch.setenv("HF_ENDPOINT", gone.origin)

    with pytest.raises(SourceFailed) as caught:
        chosen("hf:someone/Tiny-GGUF")

    assert "What someone/Tiny-GGUF holds could not be asked: 127" in caught.value.message
    assert caught.value.message.endswith(".")
    assert caught.value.hint


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(COMMIT),
    lambda kids: (
        st.lists(kids, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sha", "siblings", "rfilename", "lfs", "sha256", "size", "cardData"]),
            kids,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(json_values)
def test_no_listing_raises_anything_but_a_failed_source(told: object) -> None:
    siblings = told if isinstance(told, list) else [told]
    for value in (told, {"sha": COMMIT, "siblings": siblings}):
        try:
            listing = hub._read("a/b", json.dumps(value).encode(), "hub")
        except SourceFailed:
            continue
        assert listing.commit == COMMIT


def test_a_small_file_outside_large_storage_has_no_digest_and_says_so(site: Site) -> None:
    site.pages[API] = Page(listing({"rfilename": "Tiny-Q4_0.gguf", "size": 7}))

    (only,) = chosen("hf:someone/Tiny-GGUF").variant.files

    assert (only.size, only.sha256) == (7, None)


def test_a_herd_chooses_from_the_hub_under_a_name_of_the_persons_own(
    site: Site, tmp_path: Path
) -> None:
    herd: Herd = herd_at(tmp_path)

    choice = herd.choose("hf:someone/Tiny-GGUF:q8_0", Promise(name="mine", sha256="3C" * 32))

    assert str(choice.reference) == "mine:q8_0"
    with pytest.raises(BadUsage, match="another digest"):
        herd.choose("hf:someone/Tiny-GGUF:q8_0", Promise(sha256="aa" * 32))


def test_a_file_that_was_named_is_chosen_unpromised_when_the_hub_lists_nothing(
    site: Site, tmp_path: Path
) -> None:
    site.pages[API] = Page(b"", 503)

    choice = herd_at(tmp_path).choose("hf:someone/Tiny-GGUF/Tiny-Q8_0.gguf")

    (only,) = choice.variant.files
    assert only.sources == (HfSource("someone/Tiny-GGUF", "main", "Tiny-Q8_0.gguf"),)
    assert only.sha256 is None
    assert "nobody promises its digest" in choice.remarks[0]
