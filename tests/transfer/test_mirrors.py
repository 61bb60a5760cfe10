"""Which mirror a worker asks next."""

from __future__ import annotations

from herd.model import UrlSource
from herd.transfer.mirror import Address, Mirror
from herd.transfer.mirrors import Hosts, Mirrors, Standing
from herd.transfer.patience import Patience
from herd.transfer.reach import Reach


def mirror(name: str) -> Standing:
    source = UrlSource(f"https://{name}.example/model.gguf")
    return Standing(source, Mirror(Address(source.url)), Reach(source.url), allowed=8)


def test_not_all_go_to_a_mirror_that_has_not_shown_yet_how_fast_it_is() -> None:
    known, fresh = mirror("known"), mirror("fresh")
    group = Mirrors([known, fresh], Patience(), Hosts())
    assert [group.join(None, 0.0), group.join(None, 0.0)] == [known, fresh]
    group.answered(known, None, 0.1)
    group.moved(known, 1_000_000, 1.0, 1_000_000)
    group.answered(fresh, None, 3.0)
    assert group.join(None, 0.0) is known


def test_a_mirror_that_answers_late_counts_as_slower_than_its_bytes_come() -> None:
    late, prompt = mirror("late"), mirror("prompt")
    group = Mirrors([late, prompt], Patience(), Hosts())
    for one, seconds, rate in ((late, 6.0, 2_000_000), (prompt, 0.1, 1_000_000)):
        group.answered(one, None, seconds)
        group.moved(one, rate, 1.0, rate)
    assert group.join(None, 0.0) is prompt
