"""No registry can make herd write elsewhere, read a file, ask another host, or run anything.

The deeds are watched from inside by an audit hook of Python (PEP 578), in a process of
its own, while a hostile registry is read, searched, planned and installed from.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.registries.site import Page, Site
from tests.tools.fakes import GGUF, digest, registry_text

WATCH = """
import json, os, sys, tempfile
home, words = sys.argv[1], sys.argv[2:]
os.environ["HERD_HOME"] = home
# What is imported late would open its own modules.
import herd.cli, herd.core, herd.resolve, herd.install, herd.plan, herd.registry.layers
import herd.registry.schema, herd.registries.keep, herd.transfer.download, herd.transfer.ask
import herd.cli.install, herd.cli.search, herd.cli.card, herd.cli.plan_text, herd.cli.bar
import psutil, encodings.idna, difflib
seen = []

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = os.fsdecode(arguments[0])
        writes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        seen.append(["write" if writes else "read", os.path.abspath(path)])
    elif event == "socket.connect":
        seen.append(["connect", str(arguments[1][0])])
    elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
        seen.append(["run", str(arguments[0])])
    elif event in ("os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.chmod"):
        for each in arguments[:2]:
            if isinstance(each, (str, bytes)):
                seen.append(["write", os.path.abspath(os.fsdecode(each))])

sys.addaudithook(hook)
code = herd.cli.main(words)
watched = list(seen)
print(json.dumps({"code": code, "seen": watched}))
"""


OWN = {"busctl"}
"""Programs by which herd asks the system whether the connection is metered."""


def deeds(home: Path, *words: str) -> tuple[int, list[tuple[str, str]]]:
    """The exit code of a command, and what it did to the world."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(home), *words], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return told["code"], [(kind, what) for kind, what in told["seen"]]


def outside(home: Path, seen: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What was written outside the home, and what was run but by herd for itself."""
    runs = [("run", what) for kind, what in seen if kind == "run" and Path(what).name not in OWN]
    writes = [("write", what) for kind, what in seen if kind == "write"]
    return runs + [each for each in writes if not each[1].startswith((str(home), "/dev/"))]


def offer(home: Path, text: str) -> None:
    folder = home / "registries"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test.yaml").write_text(text)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


JINJA = "{{ ''.__class__.__mro__[1].__subclasses__() }}{% for x in range(10**9) %}{% endfor %}"
HOSTILE = {
    "python objects": "schema: 1\nmodels: !!python/object/apply:os.system [touch {trap}]\n",
    "a python name": "schema: 1\nmodels: !!python/name:os.system\n",
    "an include": "schema: 1\nmodels: !include {trap}\n",
    "a name outside": "schema: 1\nmodels:\n  ../../{trap}:\n    title: x\n",
    "a path as a source": registry_text("file://{trap}"),
    "an option for pip": registry_text("x").replace(
        '{url: "x"}', "{pypi: '-r {trap}==1', member: a}"
    ),
}


@pytest.mark.parametrize("trick", HOSTILE)
def test_a_hostile_registry_is_refused_and_does_nothing(
    home: Path, tmp_path: Path, trick: str
) -> None:
    trap = tmp_path / "trap"
    offer(home, HOSTILE[trick].replace("{trap}", str(trap)))

    for words, wanted in ((("search", "tiny"), 0), (("registry", "check"), 2)):
        code, seen = deeds(home, *words)
        assert code == wanted
        assert outside(home, seen) == []
        assert [what for kind, what in seen if kind == "connect"] == []
        assert str(trap) not in [what for _, what in seen]
        assert not trap.exists()


def test_looking_at_a_registry_asks_nobody_and_runs_nothing(home: Path) -> None:
    text = registry_text("https://a.example/x.gguf").replace(
        "    default:", f"    template: {json.dumps(JINJA)}\n    default:"
    )
    offer(home, text)

    for words in (("search",), ("info", "tiny"), ("install", "--dry-run", "tiny")):
        code, seen = deeds(home, *words)
        assert code == 0
        assert outside(home, seen) == []
        assert [what for kind, what in seen if kind == "connect"] == []


def test_an_install_asks_the_sources_alone_and_writes_in_the_store_alone(
    home: Path, site: Site
) -> None:
    site.put("/x.gguf", GGUF)
    offer(home, registry_text(f"{site.origin}/x.gguf"))

    code, seen = deeds(home, "install", "-y", "tiny")

    assert code == 0
    assert {what for kind, what in seen if kind == "connect"} == {"127.0.0.1"}
    assert outside(home, seen) == []
    assert (home / "blobs" / "sha256" / digest(GGUF)).read_bytes() == GGUF


def test_a_source_that_redirects_elsewhere_is_not_followed(home: Path, site: Site) -> None:
    with Site("127.0.0.3") as other:
        other.put("/secret.gguf", GGUF)
        site.pages["/x.gguf"] = Page(b"", 302, {"Location": "file:///etc/passwd"})
        offer(home, registry_text(f"{site.origin}/x.gguf"))

        code, seen = deeds(home, "install", "-y", "tiny")

        assert code == 4
        assert other.asked == []
        assert "/etc/passwd" not in [what for _, what in seen]
        assert outside(home, seen) == []


def test_an_update_asks_the_location_alone(home: Path, site: Site) -> None:
    url = site.put("/r.yaml", registry_text("https://a.example/x.gguf"))
    assert deeds(home, "registry", "add", url)[0] == 0

    code, seen = deeds(home, "registry", "update")

    assert code == 0
    assert {what for kind, what in seen if kind == "connect"} == {"127.0.0.1"}
    assert outside(home, seen) == []


def test_the_watch_sees_what_it_must(tmp_path: Path) -> None:
    """A hook that sees nothing would pass every test above."""
    script = WATCH.replace(
        "code = herd.cli.main(words)",
        "code = 0; open(words[0], 'w').close(); os.system('true');"
        "import socket; s = socket.socket(); s.settimeout(0.1)\n"
        "try: s.connect(('127.0.0.1', 9))\nexcept OSError: pass",
    )
    target = tmp_path / "x"

    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "home"), str(target)],
        capture_output=True,
        text=True,
        check=True,
    )

    seen = [tuple(each) for each in json.loads(done.stdout.splitlines()[-1])["seen"]]
    assert ("write", str(target)) in seen
    assert ("connect", "127.0.0.1") in seen
    assert "run" in {kind for kind, _ in seen}
