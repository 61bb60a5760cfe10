"""Large registries: what is read quickly is what the strict reader would have read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herd.errors import RegistryError
from herd.registry import quick, schema, writing
from herd.registry.layer import Layer
from tests.registry.sample import COMMIT, SAMPLE, SHA

PLAIN = f"""\
schema: 1
registry: {{name: large, updated: 2026-11-25}}
models:
  one-1b:
    title: "One: 1B"
    aliases: [one, 'uno']
    family: ones
    parameters: 7
    role: code
    summary: It has (many) words, and http://one.example in it; it's good.
    licence: {{id: MIT, url: "https://licence.example/mit", commercial: open}}
    context: 4096
    default: q4_0
    variants:
      q4_0:
        quantisation: Q4_0
        files:
        - name: one.Q4_0.gguf
          size: 4096
          sha256: {SHA}
          sources:
          - hf: someone/One-GGUF
            revision: {COMMIT}
            path: inner/one.Q4_0.gguf
          - url: https://one.example/one.Q4_0.gguf?a=b&c=d
      q8_0:
        files:
        - name: one.Q8_0.gguf
          sha256: {SHA[::-1]}
          sources:
          - url: https://one.example/one.Q8_0.gguf
  # a word on the next

  two-1b:
    title: Two
    aliases: [two]
    licence:
      id: MIT
      note: Be kind.
    default: f16
    variants:
      f16:
        files:
        - name: two.gguf
          size: 8192
          sha256: {SHA[1:]}0
          sources:
          - url: http://two.example/two.gguf
  three-1b:
    licence: {{id: unknown}}
    title: >-
      Three,
      in another form
    default: f16
    variants:
      f16:
        files:
        - name: three.gguf
          size: 8192
          sha256: {SHA[2:]}00
          sources:
          - {{torrent: "http://three.example/three.torrent"}}
"""
WORDS = [
    *("null", "~", "no", "7", "1.5", "0x10", "a: b", "a:", "a #b", "# b", '"', "'", '""', "' '"),
    *("&a b", "*a", "!t b", "<<", "- a", "? a", "|", ">-", "[", "]", "{", "}", "{a: b}", "[a, b]"),
    *(
        "\\n",
        '"\\x41"',
        "''''",
        "é",
        "\u2028",
        "\x85",
        "\ufeff",
        "\t",
        "\r",
        "%",
        "@a",
        "`",
        "..",
        "---",
    ),
    *(
        "con",
        "a/../b",
        "x" * 1001,
        "0" * 64,
        "0" * 40,
        SHA,
        "f16",
        "one",
        "two",
        "-00001-of-00002.gguf",
    ),
    *(
        "",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\n      ",
        "\n  ",
        "\n---\n",
        "\n...\n",
        "\n#",
        "\n  #",
        "\n  x:",
    ),
]
KEYS = sorted(set(re.findall(r"[a-z0-9-]+(?=:)", PLAIN + SAMPLE)))


def strictly(content: bytes) -> Layer | str:
    try:
        return schema.read(content, "r.yaml")
    except RegistryError as error:
        return error.message


def agrees(text: str) -> None:
    content = text.encode(errors="surrogatepass")
    found = quick.attempt(content, "r.yaml")
    assert found is None or found == strictly(content)


@st.composite
def spoilt(draw: st.DrawFn, original: str) -> str:
    """A registry in which a few lines are not what they were."""
    lines = original.split("\n")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        change = draw(st.integers(0, 7))
        word = draw(st.sampled_from(WORDS))
        other = draw(st.integers(0, len(lines) - 1))
        begin = line[: len(line) - len(line.lstrip(" -"))]
        key, mark, value = line.partition(": ")
        cut = draw(st.integers(0, len(line)))
        lines[at] = [
            f"{key}{mark}{word}",
            line[:cut] + word + line[cut:],
            line[:cut] + line[min(len(line), cut + 1) :],
            f"{lines[other]}\n{line}",
            draw(st.sampled_from([" ", "  ", "    "])) + line,
            line.removeprefix(draw(st.sampled_from([" ", "  ", "    "]))),
            f"{begin}{draw(st.sampled_from(KEYS))}{mark}{value}",
            f"{line}{word}",
        ][change]
    return "\n".join(lines)


@given(spoilt(PLAIN))
@settings(max_examples=300)
def test_what_is_read_quickly_is_what_the_strict_reader_reads(text: str) -> None:
    agrees(text)


@given(spoilt(SAMPLE))
def test_and_so_is_what_stands_in_another_form(text: str) -> None:
    agrees(text)


@pytest.mark.parametrize("text", [PLAIN, SAMPLE], ids=["plain", "every key"])
def test_a_sound_registry_is_read_quickly(text: str) -> None:
    assert quick.attempt(text.encode(), "r.yaml") == schema.read(text.encode(), "r.yaml")


def test_the_shipped_registry_is_read_quickly() -> None:
    content = (Path(__file__).parents[2] / "registry.yaml").read_bytes()
    assert quick.attempt(content, "registry.yaml") == schema.read(content, "registry.yaml")


def test_what_herd_writes_is_in_the_plain_form(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = schema.read(PLAIN.encode(), "r.yaml")
    two_of_three = [each for each in layer.models if each.name != "three-1b"]
    written = writing.document("large", two_of_three, layer.updated).encode()
    wanted = schema.read(written, "r.yaml")
    monkeypatch.setattr(schema, "model", None)  # what would read it in any other form
    assert quick.attempt(written, "r.yaml") == wanted


@pytest.mark.parametrize(
    "second",
    [
        "  tiny: {}\n",
        PLAIN.partition("models:\n")[2].replace("two-1b", "one-1b"),
        PLAIN.partition("models:\n")[2].replace("[two]", "[one]"),
        PLAIN.partition("models:\n")[2].replace(SHA[1:] + "0", SHA),
    ],
    ids=["no model", "a name twice", "an alias twice", "one digest and two sizes"],
)
def test_what_is_wrong_between_two_models_is_seen(second: str) -> None:
    head = PLAIN.partition("models:\n")[0]
    assert quick.attempt(f"{head}models:\n{second}".encode(), "r.yaml") is None


def test_what_is_wrong_is_said_by_the_strict_reader() -> None:
    spoilt_one = PLAIN.replace("size: 8192", "size: many", 1).encode()
    with pytest.raises(RegistryError) as quickly:
        quick.read(spoilt_one, "r.yaml")
    assert quickly.value.message == strictly(spoilt_one)
    assert quickly.value.message.startswith("r.yaml:45: models.two-1b.variants.f16.files[0].size: ")
