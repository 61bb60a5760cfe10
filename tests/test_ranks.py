"""Sources that fail: the next one delivers, each is told in one line, and is asked last then."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.core import Herd
from herd.errors import NoSourceDelivered, SourceFailed
from herd.install import Order, Outcome
from herd.model import Choice, File, HfSource, MagnetSource, PypiSource, Source, UrlSource
from herd.places import places
from herd.progress import Gauge
from herd.ranks import DAYS, MOST, Ranks, key
from herd.transfer import Transfer
from herd.transfer.carrier import Delivery, EachFailed, Staged, Wish
from herd.transfer.download import HttpCarrier
from tests.tools.fakes import registry_text
from tests.tools.http_server import Faults, FileServer
from tests.transfer.desk import CONTENT, QUICK

A, B, C = (UrlSource(f"https://{name}.example/x") for name in "abc")


@dataclass
class Servers:
    """Five servers, of which one has the file."""

    dead: str
    moved: FileServer
    gated: FileServer
    lying: FileServer
    good: FileServer

    @property
    def urls(self) -> list[str]:
        each = (self.moved, self.gated, self.lying, self.good)
        return [self.dead, *(server.url for server in each)]


@pytest.fixture
def servers() -> Iterator[Servers]:
    """The good one is slow to begin, so that the liar gives bytes first."""
    lie = CONTENT[:-1] + b"\0"
    with ExitStack() as stack:
        made = [
            stack.enter_context(FileServer(content, f"127.0.0.{at}"))
            for at, content in enumerate((CONTENT + b"more", CONTENT, lie, CONTENT), 2)
        ]
        made[1].faults = Faults(status=403)
        with socket.socket() as closed:
            closed.bind(("127.0.0.9", 0))
            port = closed.getsockname()[1]
        yield Servers(f"http://127.0.0.9:{port}/model.gguf", *made)


def herd_of(home: Path, servers: Servers) -> Herd:
    text = registry_text("X", CONTENT)
    sources = "\n".join(f'          - {{url: "{url}"}}' for url in servers.urls)
    registries = home / "registries"
    registries.mkdir(parents=True, exist_ok=True)
    (registries / "test.yaml").write_text(text.replace('          - {url: "X"}', sources))
    here = places({"HERD_HOME": str(home)})
    return Herd(here, transfer=lambda _: Transfer({UrlSource: HttpCarrier(QUICK)}))


def install(herd: Herd) -> tuple[Choice, Outcome]:
    choice = herd.choose("tiny")
    return choice, herd.installer.install(Order(choice))


def hosts(choice: Choice) -> list[str]:
    sources = choice.variant.files[0].sources
    return [each.url.split("/")[2].split(":")[0] for each in sources if isinstance(each, UrlSource)]


def test_an_install_succeeds_past_four_bad_sources_and_asks_them_last_next_time(
    tmp_path: Path, servers: Servers
) -> None:
    herd = herd_of(tmp_path, servers)

    choice, outcome = install(herd)

    assert hosts(choice) == [f"127.0.0.{at}" for at in (9, 2, 3, 4, 5)]
    assert outcome.installed.is_verified
    said = {hosts_of(source): why for source, why in outcome.fetched[0].troubles}
    assert "cannot be reached" in said["127.0.0.9"]
    assert "has another file" in said["127.0.0.2"]
    assert "gated or removed" in said["127.0.0.3"]
    assert all("\n" not in why for why in said.values())
    bad = set(said)
    again = hosts(herd_of(tmp_path, servers).choose("tiny"))
    assert again[0] == "127.0.0.5" if "127.0.0.4" in bad else again[0] in ("127.0.0.4", "127.0.0.5")
    assert set(again[-len(bad) :]) == bad


def hosts_of(source: Source) -> str:
    assert isinstance(source, UrlSource)
    return source.url.split("/")[2].split(":")[0]


def test_a_liar_alone_before_a_good_one_is_caught_and_named(
    tmp_path: Path, servers: Servers
) -> None:
    servers.good.faults = Faults(times=1, status=503)
    text = registry_text(servers.lying.url, CONTENT)
    both = f'{{url: "{servers.lying.url}"}}\n          - {{url: "{servers.good.url}"}}'
    herd = herd_of(tmp_path, servers)
    (tmp_path / "registries" / "test.yaml").write_text(
        text.replace(f'{{url: "{servers.lying.url}"}}', both)
    )

    _, outcome = install(herd)

    assert outcome.installed.is_verified
    assert [hosts_of(source) for source, _ in outcome.fetched[0].troubles] == ["127.0.0.4"]
    assert herd.ranks.against(UrlSource(servers.lying.url)) is not None
    assert herd.ranks.against(UrlSource(servers.good.url)) is None


def test_a_doubted_source_is_not_even_asked_while_another_delivers(
    tmp_path: Path, servers: Servers
) -> None:
    herd = herd_of(tmp_path, servers)
    herd.ranks.note([(UrlSource(url), "failed") for url in servers.urls[:-1]])

    _, outcome = install(herd)

    assert outcome.fetched[0].troubles == ()
    assert servers.moved.requests == servers.gated.requests == servers.lying.requests == []


def test_a_doubted_source_is_asked_when_nobody_else_is_left(
    tmp_path: Path, servers: Servers
) -> None:
    herd = herd_of(tmp_path, servers)
    herd.ranks.note([(UrlSource(servers.good.url), "failed once")])
    servers.lying.faults = Faults(status=404)

    _, outcome = install(herd)

    assert outcome.installed.is_verified
    assert herd.ranks.against(UrlSource(servers.good.url)) is None, "it delivered: forgiven"


def test_what_is_held_against_a_source_only_changes_the_order(tmp_path: Path) -> None:
    ranks = Ranks(tmp_path / "sources.json")
    file = File("x.gguf", (A, B, C))

    ranks.note([(A, "gone"), (B, "slow")])

    assert ranks.ordered(file).sources == (C, A, B)
    assert ranks.doubted(file.sources) == (A, B)


def test_it_is_remembered_for_a_while_and_no_address_is_written_down(tmp_path: Path) -> None:
    path, now = tmp_path / "cache" / "sources.json", [1000.0]
    secret = UrlSource("https://a.example/x?token=hunter2")
    Ranks(path, lambda: now[0]).note([(secret, "gone")])

    assert Ranks(path, lambda: now[0]).against(secret) is not None
    assert "hunter2" not in path.read_text()
    now[0] += DAYS * 86400 + 1
    assert Ranks(path, lambda: now[0]).against(secret) is None


def test_the_memory_has_an_end(tmp_path: Path) -> None:
    path = tmp_path / "sources.json"
    Ranks(path).note([(UrlSource(f"https://a.example/{at}"), "gone") for at in range(MOST + 50)])

    assert len(json.loads(path.read_text())) == MOST


@given(st.binary(max_size=60) | st.sampled_from([b"[]", b'{"a": 1}', b'{"a": ["b", "c"]}']))
def test_a_damaged_memory_is_no_memory(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sources.json"
        path.write_bytes(content)
        ranks = Ranks(path)

        assert ranks.doubted((A, B)) == ()
        ranks.note([(A, "gone")])
        assert ranks.doubted((A, B)) == (A,)


def test_a_memory_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")

    Ranks(in_the_way / "sources.json").note([(A, "gone")])


def test_every_kind_of_source_has_a_key_of_its_own() -> None:
    sources: list[Source] = [
        A,
        HfSource("a/b", "c" * 40, "d"),
        PypiSource("a==1", "b"),
        MagnetSource(v1="ab" * 20),  # type: ignore[arg-type]  # an InfoHash is a text
        MagnetSource(v1="cd" * 20),  # type: ignore[arg-type]
    ]

    assert len({key(source) for source in sources}) == len(sources)


def test_a_carrier_that_names_a_source_its_own_way_is_told_all_the_same(tmp_path: Path) -> None:
    class Elsewhere:
        def fetch(self, wish: Wish) -> Delivery:
            raise EachFailed(((C, SourceFailed("it went away")), (B, SourceFailed("it is slow"))))

    file = File("x.gguf", (A, B))
    transfer = Transfer({UrlSource: Elsewhere()})

    with pytest.raises(NoSourceDelivered) as caught:
        transfer.fetch(file, Staged(tmp_path / "x.part"), Gauge(), threading.Event())

    assert "b.example: it is slow; c.example: it went away" in caught.value.message
