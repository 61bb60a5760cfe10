"""A manifest reads as exactly what was recorded, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.model import (
    Commercial,
    Format,
    Installed,
    InstalledFile,
    Licence,
    Original,
    Sampling,
    Sha256,
    is_file_name,
    is_name,
)
from herd.store import manifest
from herd.store.manifest import Unreadable
from tests.store.models import model

MODEL = model("tiny:q4", {"tiny.gguf": b"bytes"})

texts = st.text(max_size=40)
maybe_texts = st.none() | texts
names = st.text("abcz019._-", min_size=1, max_size=20).filter(is_name)
file_names = st.text(max_size=20).filter(is_file_name)
wholes = st.none() | st.integers(-(2**40), 2**40)
reals = st.none() | st.floats(allow_nan=False, allow_infinity=False)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map(Sha256)
files = st.lists(
    st.builds(InstalledFile, file_names, st.integers(0, 2**63 - 1), digests),
    min_size=1,
    max_size=4,
    unique_by=lambda file: file.name.casefold(),
).map(tuple)
licences = st.builds(
    Licence, texts, maybe_texts, st.sampled_from(Commercial), st.booleans(), st.booleans(),
    maybe_texts,
)  # fmt: skip
counts = st.none() | st.integers(-(2**24), 2**24)
shares = st.none() | st.floats(-(2**24), 2**24)
samplings = st.builds(Sampling, shares, counts, shares, shares, shares, counts, wholes, counts)
models = st.builds(
    Installed,
    name=names,
    variant=names,
    title=texts,
    format=st.sampled_from(Format),
    files=files,
    installed_at=st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds")),
    source=texts,
    is_verified=st.booleans(),
    licence=licences,
    family=maybe_texts,
    parameters=maybe_texts,
    quantisation=maybe_texts,
    role=texts,
    summary=texts,
    context=wholes,
    template=maybe_texts,
    stop=st.lists(texts, max_size=3).map(tuple),
    sampling=samplings,
    registry=maybe_texts,
    original=st.none() | st.builds(Original, files, texts, st.integers(0, 2**40), reals),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(models)
def test_what_was_written_reads_the_same(installed: Installed) -> None:
    assert manifest.read(manifest.write(installed)) == installed


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(Unreadable):
        manifest.read(content)


@given(st.integers(0, len(manifest.write(MODEL)) - 3))
def test_a_torn_manifest_is_refused(length: int) -> None:
    with pytest.raises(Unreadable):
        manifest.read(manifest.write(MODEL)[:length])


@given(st.sampled_from(sorted(json.loads(manifest.write(MODEL)))), json_values)
def test_a_strange_value_is_refused_or_read_as_it_is(key: str, value: object) -> None:
    fields = json.loads(manifest.write(MODEL))
    fields[key] = value
    try:
        found = manifest.read(json.dumps(fields).encode())
    except Unreadable:
        return
    assert is_name(found.name)
    assert is_name(found.variant)
    assert manifest.read(manifest.write(found)) == found


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 2),
        ("schema", True),
        ("name", "../../etc"),
        ("name", ".."),
        ("name", "con"),
        ("variant", "a/b"),
        ("variant", ""),
        ("installed_at", "yesterday"),
        ("is_verified", 1),
        ("format", "exe"),
        ("files", []),
        ("files", {"name": "a"}),
        ("stop", [1]),
        ("sampling", {"temperature": "hot"}),
        ("sampling", {"seed": 1.5}),
        ("licence", None),
    ],
)
def test_what_no_manifest_may_say_is_refused(key: str, value: object) -> None:
    fields = json.loads(manifest.write(MODEL))
    fields[key] = value

    with pytest.raises(Unreadable):
        manifest.read(json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "../tiny.gguf"),
        ("name", "/etc/passwd"),
        ("name", ".new"),
        ("name", "a\\b"),
        ("name", "\ud800"),
        ("size", -1),
        ("size", 2**63),
        ("size", 1.0),
        ("size", True),
        ("sha256", "../../../etc/passwd"),
        ("sha256", "A" * 64),
        ("sha256", None),
    ],
)
def test_a_file_that_would_leave_the_store_is_refused(key: str, value: object) -> None:
    fields = json.loads(manifest.write(MODEL))
    fields["files"][0][key] = value

    with pytest.raises(Unreadable):
        manifest.read(json.dumps(fields).encode())


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"schema": ' + b"9" * 5000 + b"}",
        b" " * (manifest.LIMIT + 1),
        b"\xff\xfe\x00",
        b"null",
    ],
)
def test_content_made_to_do_harm_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable):
        manifest.read(content)


def test_what_could_not_be_read_back_is_not_written() -> None:
    twins = tuple(replace(MODEL.files[0], name=name) for name in ("a.gguf", "A.gguf"))

    with pytest.raises(Unreadable):
        manifest.write(replace(MODEL, files=twins))
    with pytest.raises(Unreadable):
        manifest.write(replace(MODEL, sampling=Sampling(temperature=float("nan"))))


@pytest.mark.parametrize(
    ("key", "value"),
    [("temperature", 10**400), ("top_k", 2**70), ("repeat_last_n", 2**31), ("seed", 2**200)],
)
def test_a_sampling_that_no_engine_takes_is_refused(key: str, value: int) -> None:
    fields = json.loads(manifest.write(MODEL))
    fields["sampling"][key] = value

    with pytest.raises(Unreadable, match=key):
        manifest.read(json.dumps(fields).encode())
