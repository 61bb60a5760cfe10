"""What is remarked on in a registry that reads."""

from __future__ import annotations

from herd.registry.layers import shipped
from herd.registry.lint import lint
from tests.registry.sample import SAMPLE, SHA, line_of, read, with_line


def said(text: str) -> list[str]:
    return [str(remark) for remark in lint(read(text))]


def has(text: str, part: str) -> bool:
    return any(part in each for each in said(text))


def test_a_remark_names_the_file_the_line_and_the_path() -> None:
    line = line_of(SAMPLE, "  older:")

    assert (
        f"sample.yaml:{line}: models.older.licence: nobody says what it allows" in said(SAMPLE)[-3]
    )


def test_each_rule_is_met_by_what_breaks_it_and_by_nothing_else() -> None:
    small = "has 4096 bytes: no model is so small"
    large = SAMPLE.replace("size: 4096", "size: 40960000")
    branch = with_line("https://a.example/o.gguf", "https://hub.example/a/b/resolve/main/o.gguf")
    twice = with_line("1f" * 32, SHA)
    lonely = with_line("state: dead", "state: live").replace(
        'trackers: ["udp://tracker.example:1337/announce"]', "trackers: []"
    )

    assert has(SAMPLE, small)
    assert not has(large, small)
    assert has(branch, "comes first from a branch")
    assert not has(SAMPLE, "comes first from a branch")
    assert has(twice, "is a file of tiny as well")
    assert not has(SAMPLE, "as well")
    assert has(lonely, "a magnet without trackers")
    assert not has(SAMPLE, "a magnet without trackers")
    assert has(with_line("https://a.example/o", "http://a.example/o"), "comes over http:")
    assert has(with_line("replaced-by: tiny", "replaced-by: gone"), "gone is not in this registry")
    assert has(with_line(", size: 4096, sha256", ", sha256"), "has no size")
    assert has(with_line(", updated: 2026-11-24", ""), "nobody can tell how old this is")
    assert has(with_line("2026-11-24", "yesterday"), "is no day")
    assert has(SAMPLE, "models.older: has no summary")


def test_the_shipped_registry_has_no_remark_that_could_be_mended_here() -> None:
    """What is left: branches nobody gave a commit of, licences nobody states, one magnet."""
    known = ("comes first from a branch", "nobody says what it allows", "without trackers")

    rest = [str(each) for each in lint(shipped()) if not any(part in each.text for part in known)]

    assert rest == []
