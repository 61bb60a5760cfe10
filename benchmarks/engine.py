"""herd's engine beside its peers: speed, first token, second turn, switching.

Everything is measured in rounds, in each of which every peer has its turn; a ratio is the
median of the ratios of the rounds, so that what else the machine does falls on all alike.

    python benchmarks/engine.py MODEL.gguf [--native PYTHON] [--rounds 7] [--only speed,first]
        [--tokens 64,256,512,1024]

PYTHON is one with the xllamacpp wheel, which has llama.cpp's own server. `--tokens` are the
lengths of the answers whose speed is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from herd.answer import DEFAULT_SAMPLING
from herd.chat import Role, Turn
from herd.engine import Began, Engine, Finished, Loadable, Text
from herd.engine.cores import usable_cores
from herd.model import Sampling

HERE = Path(__file__).resolve().parent
TOKENS = 128
GREEDY = Sampling(temperature=0.0, max_tokens=TOKENS)
TEMPLATE = (
    "{% for turn in messages %}<|im_start|>{{ turn.role }}\n{{ turn.content }}<|im_end|>\n"
    "{% endfor %}<|im_start|>assistant\n"
)
"""The model's own puts a system turn first; every peer gets the same prompt."""

CHATML = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
SMOL = (
    "<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
)
"""What SmolLM2's own template puts first, so that a bare script reads what `herd run` reads."""

WORDS = ("llama wool hum hill grass herd path stone river cloud night star wind rain " * 40).split()

BARE = """
import sys, ctypes, llama_cpp as api
api.llama_log_set(q := api.llama_log_callback(lambda *_: None), None)
api.llama_backend_init()
model = api.llama_model_load_from_file(sys.argv[1].encode(), api.llama_model_default_params())
params = api.llama_context_default_params()
params.n_ctx, params.n_threads, params.n_threads_batch = 4096, int(sys.argv[2]), int(sys.argv[2])
context = api.llama_init_from_model(model, params)
vocab = api.llama_model_get_vocab(model)
raw = sys.argv[3].encode()
found = (api.llama_token * (len(raw) + 8))()
count = api.llama_tokenize(vocab, raw, len(raw), found, len(found), True, True)
api.llama_decode(context, api.llama_batch_get_one(found, count))
chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
api.llama_sampler_chain_add(chain, api.llama_sampler_init_greedy())
piece = ctypes.create_string_buffer(256)
size = api.llama_token_to_piece(
    vocab, api.llama_sampler_sample(chain, context, -1), piece, 256, 0, False)
sys.stdout.buffer.write(piece.raw[:size]); sys.stdout.flush()
import os; os._exit(0)
"""

LOAD = """
import sys, time, llama_cpp as api
api.llama_log_set(q := api.llama_log_callback(lambda *_: None), None)
api.llama_backend_init()
for line in sys.stdin:
    began = time.perf_counter()
    model = api.llama_model_load_from_file(sys.argv[1].encode(), api.llama_model_default_params())
    params = api.llama_context_default_params()
    params.n_ctx = 4096
    context = api.llama_init_from_model(model, params)
    print(time.perf_counter() - began, flush=True)
    api.llama_free(context); api.llama_model_free(model)
"""


class Peer:
    """A peer in a process of its own; it waits while the others have their turn."""

    def __init__(self, python: str, kind: str, model: Path) -> None:
        command = [python, str(HERE / "engine_peers.py"), kind, str(model), str(usable_cores())]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._read()

    def ask(self, question: str, tokens: int) -> dict[str, float]:
        """Seconds to the first token, tokens per second after it."""
        assert self._process.stdin
        asked = {"text": CHATML.format(question), "tokens": tokens}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _read(self) -> dict[str, float]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the peer died"
        return dict(json.loads(line))


class Herd:
    """herd's engine, heard at the end of its pipe as the app hears it."""

    def __init__(self, model: Path, log: Path, sampling: Sampling | None = None) -> None:
        self._sampling = sampling or Sampling(temperature=0.0)
        self.engine = Engine(log)
        self.model = Loadable("it", model, template=TEMPLATE)
        self.engine.ensure(self.model)

    def ask(self, question: str, tokens: int) -> dict[str, float]:
        """Seconds to the first token, tokens per second after it."""
        sampling = replace(self._sampling, max_tokens=tokens)
        turns = [Turn(Role.USER, question)]
        began = time.perf_counter()
        first = last = began
        count = 0
        for piece in self.engine.answer(self.model, turns, sampling, threading.Event()):
            match piece:
                case Text():
                    last = time.perf_counter()
                    first = last if first == began else first
                case Finished():
                    count = piece.tokens
        rate = (count - 1) / (last - first) if last > first else 0.0
        return {"first": first - began, "rate": rate, "tokens": count}


def main() -> None:
    wanted = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    wanted.add_argument("model", type=Path)
    wanted.add_argument("--native", help="a Python that has xllamacpp")
    wanted.add_argument("--rounds", type=int, default=7)
    wanted.add_argument("--tokens", default=str(TOKENS))
    wanted.add_argument("--only", default="speed,chat,busy,first,turn,run,switch,stop")
    given = wanted.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only.split(","):
            {
                "speed": speed,
                "chat": chat,
                "busy": busy,
                "first": first,
                "turn": turn,
                "run": run,
                "switch": switch,
                "stop": stop,
            }[name](given, Path(folder))


def speed(given: Any, folder: Path) -> None:
    """Tokens per second through the pipe."""
    for tokens in lengths(given):
        title = f"tokens/s, generating {tokens}"
        compared(given, folder, title, "rate", story, tokens)


def busy(given: Any, folder: Path) -> None:
    """The same beside a program that keeps one processor busy, as people have them."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as program:
        compared(given, folder, "tokens/s beside a busy program", "rate", story, TOKENS // 2)
        program.kill()


def chat(given: Any, folder: Path) -> None:
    """Tokens per second of chats, each drawn as herd and llama-cpp-python draw by default."""
    herd = Herd(given.model, folder / "log", DEFAULT_SAMPLING)
    peers = {
        "create_chat_completion": Peer(sys.executable, "chat", given.model),
        "the same, its own threads": Peer(sys.executable, "readme", given.model),
    }
    everyone: dict[str, Any] = {"herd, its own sampling": herd, **peers}
    for tokens in lengths(given):
        seen = in_turns(
            everyone, given.rounds, lambda each, at, most=tokens: each.ask(story(at), most)
        )
        rates = {name: [one["rate"] for one in each] for name, each in seen.items()}
        show(f"tokens/s of a chat, answers of {tokens} at most", rates)
    herd.engine.close()
    for peer in peers.values():
        peer.close()


def lengths(given: Any) -> list[int]:
    return [int(each) for each in given.tokens.split(",")]


def story(at: int) -> str:
    """A question with a long answer."""
    return f"Tell me a very long story about {at + 2} llamas, with many chapters. Do not stop."


def in_turns(
    everyone: dict[str, Any], rounds: int, ask: Callable[[Any, int], dict[str, float]]
) -> dict[str, list[dict[str, float]]]:
    """What each of them did in each round; the first one only warms up."""
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in everyone}
    for at in range(-1, rounds):
        for name, each in everyone.items():
            value = ask(each, at)
            if at >= 0:
                seen[name].append(value)
    return seen


def first(given: Any, folder: Path) -> None:
    """Seconds to the first token of a prompt of 500 tokens that nobody has read before."""
    compared(
        given, folder, "s to the first token", "first", lambda at: fresh(at, words=470), tokens=2
    )


def compared(
    given: Any,
    folder: Path,
    title: str,
    key: str,
    question: Callable[[int], str],
    tokens: int,
) -> None:
    peers = {
        "plain C-API loop": Peer(sys.executable, "plain", given.model),
        "llama-cpp-python's stream": Peer(sys.executable, "high", given.model),
    }
    if given.native:
        peers["llama.cpp's server"] = Peer(given.native, "native", given.model)
    herd = Herd(given.model, folder / "log")
    everyone: dict[str, Any] = {"herd, at the pipe's end": herd, **peers}
    seen = in_turns(everyone, given.rounds, lambda each, at: each.ask(question(at), tokens))
    herd.engine.close()
    for peer in peers.values():
        peer.close()
    show(title, {name: [one[key] for one in each] for name, each in seen.items()})


def turn(given: Any, folder: Path) -> None:
    """What of a second turn is read."""
    herd = Herd(given.model, folder / "log")
    turns = [Turn(Role.USER, fresh(1, words=300))]
    print("\nturns of one conversation: tokens of the prompt, and how many of them were read")
    for question in ("And then?", "Why?", ""):
        text, began = "", None
        for piece in herd.engine.answer(herd.model, turns, GREEDY, threading.Event()):
            began = piece if isinstance(piece, Began) else began
            text += piece.text if isinstance(piece, Text) else ""
        assert began
        print(f"  {began.prompt_tokens:5} {began.prompt_tokens - began.reused_tokens:5}")
        turns += [Turn(Role.ASSISTANT, text.strip()), Turn(Role.USER, question)]
    herd.engine.close()


def run(given: Any, folder: Path) -> None:
    """From the shell to the first letter."""
    home = {"HERD_HOME": str(folder / "home"), "HERD_OFFLINE": "1"}
    question = "Why do llamas hum?"
    herd = [sys.executable, "-P", "-m", "herd"]
    environment = os.environ | home
    subprocess.run(
        [*herd, "install", str(given.model)], env=environment, check=True, capture_output=True
    )
    listed = subprocess.run(
        [*herd, "list", "--json"], env=environment, check=True, capture_output=True, text=True
    )
    name = json.loads(listed.stdout)[0]["name"]
    commands = {
        "herd run": [*herd, "run", name, question],
        "bare script": [
            sys.executable,
            "-c",
            BARE,
            str(given.model),
            str(usable_cores()),
            SMOL + CHATML.format(question),
        ],
    }
    seen: dict[str, list[float]] = {each: [] for each in commands}
    for at in range(-1, given.rounds):
        for each, command in commands.items():
            value = until_it_speaks(command, environment)
            if at >= 0:
                seen[each].append(value)
    show("s from the shell to the first letter", seen)


def until_it_speaks(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        assert process.stdout
        assert process.stdout.read(1), "it said nothing"
        seconds = time.perf_counter() - began
        process.kill()
    return seconds


def stop(given: Any, folder: Path) -> None:
    """From the wish to stop to the end of an answer that is being read, or written."""
    herd = Herd(given.model, folder / "log")
    seen: dict[str, list[float]] = {"stop while reading": [], "stop while writing": []}
    for at in range(given.rounds):
        for name, pieces_before in zip(seen, (1, 4), strict=True):
            wish = threading.Event()
            turns = [Turn(Role.USER, fresh(at, words=2000 if pieces_before == 1 else 20))]
            answer = herd.engine.answer(herd.model, turns, Sampling(), wish)
            for _ in range(pieces_before):
                next(answer)
            time.sleep(0.2 if pieces_before == 1 else 0.0)
            wish.set()
            seen[name].append(timed(lambda pieces=answer: list(pieces)))
    herd.engine.close()
    show("s to stop", seen)
    print(f"  at most {max(max(each) for each in seen.values()):.3f}")


def switch(given: Any, folder: Path) -> None:
    """To another model and back, cold and warm, beside a bare load in a process that runs."""
    other = folder / "other.gguf"
    other.write_bytes(given.model.read_bytes())
    bare = subprocess.Popen(
        [sys.executable, "-c", LOAD, str(given.model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert bare.stdin
    assert bare.stdout
    herd = Herd(given.model, folder / "log")
    another = Loadable("other", other)
    herd.ask("Hum?", 8)
    seen: dict[str, list[float]] = {"cold switch": [], "bare load": [], "warm switch": []}
    for at in range(-1, given.rounds):
        herd.engine.stop("other")
        herd.engine.ensure(herd.model)
        time.sleep(1.5)  # a person takes longer than the engine to get ready for what comes
        cold = timed(lambda: herd.engine.ensure(another))
        herd.engine.ensure(herd.model)
        warm = timed(lambda: herd.engine.ensure(another))
        bare.stdin.write("go\n")
        bare.stdin.flush()
        loaded = float(bare.stdout.readline())
        if at >= 0:
            for name, value in zip(seen, (cold, loaded, warm), strict=True):
                seen[name].append(value)
    bare.kill()
    bare.communicate()
    herd.engine.close()
    show("s to switch, before a prompt is read", seen)


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def fresh(at: int, words: int) -> str:
    """A text that shares no beginning with another one."""
    return f"{at + 100} " + " ".join(WORDS[(at + each * 7) % len(WORDS)] for each in range(words))


def show(title: str, seen: dict[str, list[float]]) -> None:
    """A table: the median, and the first line against each other one, round by round."""
    (name, ours), *others = seen.items()
    print(f"\n{title} (median of {len(ours)} rounds)")
    print(f"  {name:28}{statistics.median(ours):9.3f}")
    for other, theirs in others:
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        print(f"  {other:28}{statistics.median(theirs):9.3f}   {name} is {ratio:.2f} x that")


if __name__ == "__main__":
    main()
