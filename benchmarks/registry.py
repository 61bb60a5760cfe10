"""How fast ten thousand models are read and searched, beside PyYAML's own reading of them.

    python benchmarks/registry.py [models]

Medians of interleaved rounds. The peer is `yaml.load` with its C loader, which checks
nothing and makes dictionaries.
"""

from __future__ import annotations

import hashlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from herd.model import reference
from herd.registry import layers, schema
from herd.registry.catalogue import Registry

ROUNDS = 5
MODEL = """\
  model-{at}-{size}b:
    title: Model {at} Instruct
    aliases: [m{at}]
    family: family{family}
    parameters: {size}B
    role: chat
    summary: A model of {size} billion parameters for machines with {memory} GB of memory.
    licence: {{id: Apache-2.0, url: "https://www.apache.org/licenses/", commercial: open}}
    context: 32768
    default: q4_k_m
    variants:
      q4_k_m:
        quantisation: Q4_K_M
        files:
        - name: Model-{at}-Q4_K_M.gguf
          size: {bytes}
          sha256: {digest}
          sources:
          - hf: someone/Model-{at}-GGUF
            revision: {revision}
            path: Model-{at}-Q4_K_M.gguf
"""


def document(count: int) -> bytes:
    """A registry of so many models, none like another."""
    models = []
    for at in range(count):
        digest = hashlib.sha256(str(at).encode()).hexdigest()
        numbers = {"size": at % 97 + 1, "family": at % 50, "memory": at % 64 + 1}
        texts = {"digest": digest, "revision": digest[:40], "bytes": 10**9 + at}
        models.append(MODEL.format(at=at, **numbers, **texts))
    return ("schema: 1\nregistry: {name: large}\nmodels:\n" + "".join(models)).encode()


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measured(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median of each, in rounds that take them in turn."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: statistics.median(each) for name, each in times.items()}


def loaded(content: bytes, cache: Path | None) -> Registry:
    return layers.stack([layers.read(content, "large.yaml", cache=cache)])


def herd_list(home: Path) -> None:
    environment = {
        "HERD_HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(sys.path),
    }
    command = [sys.executable, "-m", "herd", "list"]
    subprocess.run(command, env=environment, capture_output=True, check=True)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    content = document(count)
    with tempfile.TemporaryDirectory() as folder:
        cache, home = Path(folder) / "cache", Path(folder) / "home"
        (home / "registries").mkdir(parents=True)
        (home / "registries" / "large.yaml").write_bytes(content)
        registry = loaded(content, cache)
        herd_list(home)
        works: dict[str, Callable[[], object]] = {
            "peer: yaml.load, C loader": lambda: yaml.load(content, Loader=yaml.CSafeLoader),
            "read from cold": lambda: loaded(content, None),
            "the same, and kept in a cache": lambda: loaded(
                content, Path(tempfile.mkdtemp(dir=folder))
            ),
            "the strict reader alone": lambda: schema.read(content, "large.yaml"),
            "read from the cache": lambda: loaded(content, cache),
            "find a name": lambda: loaded(content, cache).find(reference("m7")),
            "search for a word": lambda: registry.search(["family7"]),
            "search for two words": lambda: registry.search(["chat", "12b"]),
            "nearest to a wrong name": lambda: registry._nearest("modell-77-78"),  # noqa: SLF001
            "herd list, whole command": lambda: herd_list(home),
            "python -c pass": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
        }
        found = measured(works)
    peer = found["peer: yaml.load, C loader"]
    print(f"{count:,} models, {len(content) / 1e6:.1f} MB; medians of {ROUNDS} rounds\n")
    print(f"{'':32}{'ms':>10}{'of the peer':>14}")
    for name, each in found.items():
        print(f"{name:32}{each * 1e3:10.1f}{each / peer:14.3f}")


if __name__ == "__main__":
    main()
