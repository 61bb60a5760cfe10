"""Registries of strangers: whatever the bytes, a RegistryError with a line, or models."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from herd.errors import RegistryError
from herd.model import PathSource, is_file_name, is_name
from herd.registry import document, quick, schema
from herd.registry.layer import Layer
from herd.registry.layers import from_file
from herd.registry.limits import MOST_BYTES
from tests.registry.sample import SAMPLE, read, refusal

FORM = re.compile(r"r\.yaml:\d+: .+", re.DOTALL)


def judged(content: bytes) -> None:
    """Read it; what comes out is safe to use, what is raised is a RegistryError with a line."""
    layer, error = _outcome(content)
    if error is not None:
        assert FORM.fullmatch(error.message), error.message
        assert error.message.isprintable(), "a message that moves the cursor"
    if layer is None:
        return
    for model in layer.models:
        assert is_name(model.name)
        for variant in model.variants:
            assert is_name(variant.name)
            for file in variant.files:
                assert is_file_name(file.name)
                assert not any(isinstance(source, PathSource) for source in file.sources)


def _outcome(content: bytes) -> tuple[Layer | None, RegistryError | None]:
    try:
        return quick.read(content, "r.yaml"), None
    except RegistryError as error:
        return None, error


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff\xfe\x00")
@example(b"%YAML 9.9\n--- a")
@example(b"--- a\n--- b")
@example(b"schema: 1\nmodels: !!python/object/apply:os.system [echo]")
@example(b"? [a]\n: b")
@example(b"? {a: b}\n: c")
@example(b"!!binary a: b")
def test_no_bytes_raise_anything_but_a_registry_error(content: bytes) -> None:
    judged(content)


@given(st.text(alphabet="{}[]:,-&*!|>'\"%@#?<~ \n\tabé\u2028\u202e\x1b\ud800", max_size=120))
def test_nor_does_anything_that_looks_like_yaml(text: str) -> None:
    judged(text.encode("utf-8", "surrogatepass"))


_LINES = SAMPLE.encode().splitlines(keepends=True)
_BITS = st.sampled_from([b"*a", b"&a ", b"!!str ", b"<<", b"[", b"{", b"- ", b": ", b"\t", b"\0"])


@given(
    at=st.integers(0, len(SAMPLE.encode())),
    length=st.integers(0, 40),
    patch=_BITS | st.binary(max_size=12) | st.sampled_from(_LINES),
)
def test_nor_does_a_registry_that_was_damaged(at: int, length: int, patch: bytes) -> None:
    content = SAMPLE.encode()
    judged(content[:at] + patch + content[at + length :])


@given(st.permutations(_LINES))
def test_nor_does_one_whose_lines_were_shuffled(lines: list[bytes]) -> None:
    judged(b"".join(lines))


keys = st.sampled_from(
    [*re.findall(r"^ *-? ?([a-z0-9-]+):", SAMPLE, re.MULTILINE), "schema", "models"]
)
plain = st.sampled_from([None, True, 0, -1, 1e9, "", "x", "chat", "main", "{{", "../x", "é"])
trees = st.recursive(
    plain,
    lambda kids: st.lists(kids, max_size=3) | st.dictionaries(keys, kids, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(keys, trees, max_size=6))
def test_nor_does_a_document_of_known_keys_with_strange_values(tree: dict[str, object]) -> None:
    import json

    judged(json.dumps({**tree, "schema": 1}).encode())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: &x 1\nb: *x", "has an anchor or an alias"),
        ("a: &x [*x]", "has an anchor or an alias"),
        ("a: {<<: {b: c}}", "has no"),
        ("[" * 40 + "]" * 40, "nests too deep"),
        ("{a: " * 40 + "}" * 40, "nests too deep"),
        ("a: b: c", "is not YAML"),
        ("a: 'b", "is not YAML"),
        ("\tschema: 1", "is not YAML"),
        ("- a", "must be a mapping"),
        ("just a text", "must be a mapping"),
        ("# nothing", "is empty"),
    ],
)
def test_what_hides_or_costs_is_refused(content: str, said: str) -> None:
    if said == "has no":
        assert "<<" in refusal("schema: 1\nmodels: {a: {<<: {b: c}}}").message
    else:
        assert said in refusal(content).message


def test_aliases_that_would_multiply_a_billion_times_cost_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 12)]

    assert "has an anchor" in refusal("\n".join(lines)).message


def test_a_registry_without_end_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(RegistryError, match="is larger than 16 MiB"):
        schema.read(b"#" * (MOST_BYTES + 1), "r.yaml")


def test_a_registry_of_countless_nodes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MOST_NODES", 1000)

    with pytest.raises(RegistryError, match="is too large"):
        schema.read(b"a: [" + b",".join([b"x"] * 1001) + b"]", "r.yaml")


def test_a_model_of_countless_sources_is_refused() -> None:
    sources = ", ".join(f'{{url: "https://a.example/{at}"}}' for at in range(1001))
    text = SAMPLE.replace('[{url: "https://a.example/o.gguf"}]', f"[{sources}]")

    assert "has more than 1000 items" in refusal(text).message


def test_nothing_in_a_registry_can_name_a_file_of_the_reader(tmp_path: Path) -> None:
    secret = tmp_path / "secret.gguf"
    secret.write_bytes(b"GGUF")
    for source in (
        f"{{path: {secret}}}",
        f'{{url: "file://{secret}"}}',
        f'{{torrent: "{secret}"}}',
        f"{{hf: a/b, revision: {'ab' * 20}, path: ../../../{secret}}}",
        f"{{pypi: x==1, member: ..{secret}}}",
    ):
        text = SAMPLE.replace('{url: "https://a.example/o.gguf"}', source)
        assert text != SAMPLE
        refusal(text)


def test_a_registry_that_is_a_folder_or_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.yaml"):
        with pytest.raises(RegistryError, match="cannot be read"):
            from_file(path)


def test_pure_python_yaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    native = read(SAMPLE)
    monkeypatch.setattr(document, "_composer", document._PythonComposer)

    assert read(SAMPLE) == native
    assert "stands here a second time" in refusal(SAMPLE + "schema: 1\n").message
