"""What herd reckons that a model takes, beside what its process holds after an answer.

    python benchmarks/engine_memory.py MODEL.gguf [--only given,llama,qwen2,gemma3,mmproj]

MODEL is of the llama architecture; the others are made here, of noise. Needs 2 GB of room for a
while. A reckoning is good if the ratio is from 0.9 to 1.1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from benchmarks.engine_models import KINDS, write  # noqa: E402
from herd.chat import Role, Turn  # noqa: E402
from herd.engine import Engine, Loadable  # noqa: E402
from herd.model import Sampling  # noqa: E402

TEMPLATE = "{% for turn in messages %}{{ turn.content }}{% endfor %}"


def main() -> None:
    wanted = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    wanted.add_argument("model", type=Path)
    wanted.add_argument("--only", default="given,llama,qwen2,gemma3,mmproj")
    given = wanted.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        memory(given.model, Path(folder), given.only)


QUANTISE = """
import sys, llama_cpp as api
api.llama_log_set(q := api.llama_log_callback(lambda *_: None), None)
params = api.llama_model_quantize_default_params()
params.ftype, params.allow_requantize, params.nthread = int(sys.argv[3]), True, 2
assert api.llama_model_quantize(sys.argv[1].encode(), sys.argv[2].encode(), params) == 0
"""

COMBINATIONS = (
    ("given", None, 512, "f16"),
    ("given", None, 4096, "f16"),
    ("given", None, 8192, "q8_0"),
    ("given", 2, 4096, "f16"),
    ("given", 7, 8192, "q5_1"),
    ("given", 1, 4096, "q8_0"),
    ("llama", None, 2048, "f16"),
    ("llama", None, 16384, "f16"),
    ("llama", 7, 8192, "q4_0"),
    ("llama", 15, 4096, "f16"),
    ("qwen2", None, 4096, "f16"),
    ("qwen2", 7, 16384, "q8_0"),
    ("gemma3", None, 4096, "f16"),
    ("gemma3", None, 16384, "q8_0"),
    ("gemma3", 7, 8192, "f16"),
)
"""A model (`given`, or one of noise), the number of its quantisation in llama.cpp (2 Q4_0, 7 Q8_0,
1 F16, 15 Q4_K_M; None: as it is), tokens of context, type of keys and values."""


def memory(given: Path, folder: Path, only: str) -> None:
    """What was reckoned before loading, beside what the process holds after an answer."""
    print("\nMB resident: reckoned, measured, ratio")
    made: dict[tuple[str, int | None], Path] = {("given", None): given}
    engine = Engine(folder / "log")
    for name, number, context, cache in COMBINATIONS:
        if name not in only:
            continue
        path = quantised(made, folder, name, number)
        model = Loadable(name, path, template=TEMPLATE, context=context, is_exact=True, cache=cache)
        remembered(engine, model, f"{name:7} {number or '-':>3}")
    engine.close()
    if "mmproj" in only:
        seeing(given, folder)


def seeing(given: Path, folder: Path) -> None:
    """The same with a vision encoder beside the model, which has been shown an image."""
    import gguf

    from tests.tools import pictures, tiny_mmproj

    reader = gguf.GGUFReader(given)
    width = int(reader.fields["llama.embedding_length"].contents())
    image = str(pictures.png(folder / "red.png"))
    for side, inner in ((224, 768), (392, 1024)):
        path = tiny_mmproj.write(folder / f"{side}.gguf", into=width, side=side, width=inner)
        engine = Engine(folder / "log")
        model = Loadable("eyes", given, template=TEMPLATE, projector=path)
        remembered(engine, model, f"mmproj {side}", image)
        engine.close()


def quantised(
    made: dict[tuple[str, int | None], Path], folder: Path, name: str, number: int | None
) -> Path:
    """The model in this quantisation, made now if it was not yet."""
    if (name, None) not in made:
        made[name, None] = write(folder / f"{name}.gguf", KINDS[name])
    if (name, number) not in made:
        made[name, number] = folder / f"{name}-{number}.gguf"
        command = [sys.executable, "-c", QUANTISE, str(made[name, None])]
        subprocess.run([*command, str(made[name, number]), str(number)], check=True)
    return made[name, number]


def remembered(engine: Engine, model: Loadable, words: str, *images: str) -> None:
    """Load it, have it answer, and show one line of the table."""
    ready = engine.ensure(model)
    turns = [Turn(Role.USER, "wool hum hill " * min(200, ready.context // 40), images=images)]
    list(engine.answer(model, turns, Sampling(max_tokens=8), threading.Event()))
    measured = engine.states[0].memory
    how = "mapped" if ready.is_mapped else "read"
    words = f"{words:12} {how:7} context {ready.context:5} {model.cache:5}"
    ratio = ready.expected / measured
    print(f"  {words} {ready.expected / 1e6:8.1f} {measured / 1e6:8.1f} {ratio:6.3f}", flush=True)
    engine.stop(model.reference)


if __name__ == "__main__":
    main()
