"""One works on a model, the other waits; nobody takes a blob that somebody needs."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from herd.errors import Busy, Interrupted
from herd.model import Reference
from herd.store import Store
from herd.store.lock import Lock
from tests.store.models import blobs, bring, commit, digest, file_of, install, model, store_at

TINY = Reference("tiny", "q4")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Store:
    return store_at(home)


@pytest.fixture
def elsewhere() -> Iterator[Callable[[Callable[[], object]], object]]:
    """Does something in another thread, whose holds are its own, and gives what came of it."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda act: pool.submit(act).result(10)


Elsewhere = Callable[[Callable[[], object]], object]


@contextmanager
def other_process(home: Path, reference: str, *contents: str) -> Iterator[subprocess.Popen[str]]:
    """Another herd that holds a model."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.holder", str(home), reference, *contents],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_model_that_another_herd_holds_is_busy_and_names_its_process(
    store: Store, home: Path
) -> None:
    with other_process(home, "tiny:q4") as process:
        with pytest.raises(Busy) as caught, store.hold(TINY, wait=False):
            pass
        with store.hold(Reference("tiny", "q8"), wait=False):
            pass

    assert caught.value.message == f"Another herd works on tiny:q4 (process {process.pid})."
    assert caught.value.exit_code == 9


def test_the_lock_of_a_killed_process_is_gone_with_it(store: Store, home: Path) -> None:
    with other_process(home, "tiny:q4") as process:
        process.kill()
        process.wait(10)

        with store.hold(TINY, wait=False):
            pass


def test_whoever_waits_goes_on_when_the_other_is_done(store: Store, home: Path) -> None:
    waits = 0

    with ExitStack() as other:
        other.enter_context(other_process(home, "tiny:q4"))

        def while_waiting() -> None:
            nonlocal waits
            waits += 1
            if waits == 2:
                other.close()

        with store.hold(TINY, while_waiting=while_waiting):
            held = True

    assert held
    assert waits >= 2


def test_a_wait_ends_with_what_its_callback_raises(store: Store, home: Path) -> None:
    stop = threading.Event()
    stop.set()

    def while_waiting() -> None:
        if stop.is_set():
            raise Interrupted("Waiting was stopped.")

    with (
        other_process(home, "tiny:q4"),
        pytest.raises(Interrupted),
        store.hold(TINY, while_waiting=while_waiting),
    ):
        pass


def test_two_threads_of_one_process_exclude_each_other(store: Store, elsewhere: Elsewhere) -> None:
    def hold() -> str:
        with store.hold(TINY, wait=False):
            return "held"

    with store.hold(TINY):
        with pytest.raises(Busy):
            elsewhere(hold)
        assert hold() == "held"

    assert elsewhere(hold) == "held"


def test_a_hold_ends_with_an_error_too(store: Store, elsewhere: Elsewhere) -> None:
    def fail() -> None:
        with store.hold(TINY):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    with store.hold(TINY, wait=False):
        pass


def test_lock_files_do_not_grow_into_a_heap(store: Store, home: Path) -> None:
    for number in range(3):
        bring(store, f"tiny-{number}:q4", m=b"weights")

    assert [each.name for each in (home / "locks").iterdir()] == ["store.lock"]


def test_one_lock_is_had_by_one_at_a_time_though_its_file_comes_and_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    inside, most, rounds = 0, 0, 200

    def work() -> None:
        nonlocal inside, most
        for _ in range(rounds):
            with Lock(path):
                inside += 1
                most = max(most, inside)
                inside -= 1

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for _ in range(4)]:
            done.result(30)

    assert most == 1


def test_a_model_under_work_is_not_removed(store: Store, home: Path) -> None:
    tiny = bring(store, "tiny:q4", m=b"weights")

    with other_process(home, "tiny:q4"), pytest.raises(Busy):
        store.remove(tiny)

    assert store.installed() == (tiny,)


def test_a_sweep_leaves_the_blobs_of_an_install_that_runs_or_ran(store: Store, home: Path) -> None:
    with other_process(home, "tiny:q4", "first shard") as process:
        store.sweep()
        process.kill()
        process.wait(10)
    store.sweep()

    assert blobs(home) == {digest(b"first shard")}
    assert store.unused() == (store.blob(digest(b"first shard")),)


def test_removing_a_model_leaves_the_blob_that_an_install_has_seen(
    store: Store, home: Path, elsewhere: Elsewhere
) -> None:
    old = bring(store, "old:q4", m=b"shared")
    new = model("new:q4", {"m.gguf": b"shared"})

    with store.hold(new.reference):
        assert store.has(digest(b"shared"), 6)
        assert elsewhere(lambda: store.remove(old)) == 0
        assert elsewhere(store.sweep) == 0
        store.record(new)

    assert store.installed() == (new,)
    assert blobs(home) == {digest(b"shared")}
    assert store.sweep() == 0
    assert store.remove(new) == 6


def test_a_blob_that_was_only_looked_at_goes_with_the_next_sweep(
    store: Store, home: Path, elsewhere: Elsewhere
) -> None:
    old = bring(store, "old:q4", m=b"shared")

    with store.hold(TINY):
        assert store.has(digest(b"shared"), 6)
        assert elsewhere(lambda: store.remove(old)) == 0

    assert store.sweep() == 6
    assert blobs(home) == set()


def test_a_plan_outside_of_any_hold_keeps_nobody_from_removing(store: Store) -> None:
    tiny = bring(store, "tiny:q4", m=b"weights")

    assert store.has(digest(b"weights"), None)
    assert store.remove(tiny) == 7


def test_two_models_of_the_same_bytes_never_write_into_one_part(
    store: Store, home: Path, elsewhere: Elsewhere
) -> None:
    file = file_of("m.gguf", b"weights")

    def other() -> str:
        with store.hold(Reference("twin", "q4")):
            part = store.staged(file).part
            assert store.staged(file).part == part
            return part.name

    with store.hold(TINY):
        assert store.staged(file).part.name == f"{digest(b'weights')}.part"
        assert elsewhere(other) == f"{digest(b'weights')}.2.part"

    assert elsewhere(other) == f"{digest(b'weights')}.part"


def test_many_threads_that_install_and_remove_twins_leave_the_store_whole(home: Path) -> None:
    contents = {"m.gguf": b"shared by all", "n.gguf": b"too"}

    def work(name: str) -> None:
        store = store_at(home)
        mine = model(f"{name}:q4", contents)
        for _ in range(5):
            install(store, mine, contents)
            store.remove(mine)
        install(store, mine, contents)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, name) for name in ("a", "b", "c", "d")]:
            done.result(60)

    store = store_at(home)
    store.sweep()
    assert [each.name for each in store.installed()] == ["a", "b", "c", "d"]
    assert blobs(home) == {digest(each) for each in contents.values()}
    assert sum(store.remove(each) for each in store.installed()) == 16
    assert blobs(home) == set()


def test_a_commit_without_a_hold_is_possible(store: Store) -> None:
    assert commit(store, b"weights").read_bytes() == b"weights"
