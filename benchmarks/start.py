"""How long herd takes to answer when there is nothing to do, beside what it stands on.

    python benchmarks/start.py [--rounds 20]

Every command runs once a round, so that whatever else the machine does falls on all of
them. Printed are medians, and the ratio to `python -c pass`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "python -c 'import click'": ("-c", "import click"),
    "pip --version": ("-m", "pip", "--version"),
    "herd --version": ("-m", "herd.cli", "--version"),
    "herd --help": ("-m", "herd.cli", "--help"),
    "herd list": ("-m", "herd.cli", "list"),
    "herd search": ("-m", "herd.cli", "search"),
}


def main() -> None:
    rounds = argparse.ArgumentParser(description=__doc__)
    rounds.add_argument("--rounds", type=int, default=20)
    count = rounds.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "HERD_HOME": home}
        taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
        for _ in range(count + 1):
            for name, words in COMMANDS.items():
                taken[name].append(seconds(words, environ))
    medians = {name: statistics.median(times[1:]) for name, times in taken.items()}
    base = medians["python -c pass"]
    print(f"{'median of ' + str(count):<28}{'ms':>8}{'ratio':>8}")
    for name, median in medians.items():
        print(f"{name:<28}{median * 1000:>8.1f}{median / base:>8.1f}")


def seconds(words: tuple[str, ...], environ: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *words], env=environ, capture_output=True, check=True)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
