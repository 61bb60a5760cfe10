"""A registry in which every key stands once, and ways to spoil a single line of it."""

from __future__ import annotations

import pytest

from herd.errors import RegistryError
from herd.registry import schema
from herd.registry.layer import Layer

SHA = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
COMMIT = "ab810cf68114990406fdf996510dd3d3c6adbdf5"
V1 = "5aaceaec63b03e51a98f04fd5c42320b2a033010"
V2 = "6e4b6214d331ae37338c4584f6f4d99a892d8af57f288be068a80a60e89cd4e0"

SAMPLE = f"""\
schema: 1
registry: {{name: sample, updated: 2026-11-24}}
templates:
  plain: |-
    {{{{ messages[0]['content'] }}}}
models:
  tiny:
    title: Tiny
    aliases: [small]
    family: tinies
    parameters: 7
    role: chat
    summary: Answers nothing well.
    licence:
      id: MIT
      url: "https://licence.example/mit"
      commercial: open
      must-be-accepted: false
      redistributable: true
      note: Be kind.
    context: 2048
    template: plain
    stop: ["### Instruction:"]
    sampling:
      temperature: 0.7
      top-k: 40
      top-p: 0.95
      min-p: 0.05
      repeat-penalty: 1.1
      repeat-last-n: 64
      seed: 1
      max-tokens: 512
    epsilon: 0.00001
    recommended: true
    status: active
    default: q4_0
    variants:
      q4_0:
        format: gguf
        quantisation: Q4_0
        files:
        - name: tiny.Q4_0.gguf
          size: 4096
          sha256: {SHA}
          sources:
          - hf: someone/tiny-GGUF
            revision: {COMMIT}
            path: tiny.Q4_0.gguf
          - pypi: tiny-model==0.1.2
            member: tiny_model/tiny.Q4_0.gguf
          - url: "https://files.example/tiny.gguf"
          - torrent: "https://files.example/tiny.torrent"
          - magnet:
              v1: {V1}
              v2: {V2}
              name: tiny.gguf
              trackers: ["udp://tracker.example:1337/announce"]
              state: dead
              note: Nobody has it any more.
  older:
    title: Older
    licence: {{id: MIT}}
    status: deprecated
    replaced-by: tiny
    reason: A better one came.
    default: f32
    variants:
      f32:
        files:
        - {{name: older.gguf, size: 4096, sha256: "{"1f" * 32}", sources: [{{url: "https://a.example/o.gguf"}}]}}
"""  # a flow mapping on one line is part of what is tried


def read(text: str) -> Layer:
    return schema.read(text.encode(), "sample.yaml")


def with_line(old: str, new: str) -> str:
    """The sample with one text replaced, which must stand in it."""
    assert SAMPLE.count(old) >= 1, f"{old!r} does not stand in the sample"
    return SAMPLE.replace(old, new, 1)


def line_of(text: str, part: str) -> int:
    """The number of the first line that has the part."""
    return next(at for at, line in enumerate(text.splitlines(), 1) if part in line)


def refusal(text: str) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        read(text)
    return caught.value
