"""Magnets as people paste them: clean, mangled, hostile."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.errors import BadUsage
from herd.magnet import MOST_OTHERS, MOST_TRACKERS, flaw, is_magnet, parse, render
from herd.model import InfoHash, MagnetSource

ALPACA_7B = (
    "magnet:?xt=urn:btih:5aaceaec63b03e51a98f04fd5c42320b2a033010&dn=ggml-alpaca-7b-q4.bin"
    "&tr=udp%3A%2F%2Ftracker.opentrackr.org%3A1337%2Fannounce"
    "&tr=udp%3A%2F%2Fopentracker.i2p.rocks%3A6969%2Fannounce"
)
ALPACA_13B_MANGLED = (
    "magnet:?xt=urn:btih:f3cf71b172129d6b5abccab393bc32253fac8159&dn=ggml-alpaca-13b-q4.bin"
    "&tr=udp%3A%2F%http://2Ftracker.opentrackr.org%3A1337%2Fannounce"
    "&tr=udp%3A%2F%https://t.co/zenhelfwRd%3A6969%2Fannounce"
    "&tr=https%3A%2F%https://t.co/zenhelfwRd%3A443%2Fannounce"
    "&tr=udp%3A%2F%https://t.co/RRAn1X65wE%3A6969%2Fannounce"
    "&tr=udp%3A%2F%https://t.co/uTXBeTLUMa%3A2810%2Fannounce"
)
MIXTRAL_MANGLED = (
    "magnet:?xt=urn:btih:5546272da9065eddeb6fcd7ffddeef5b75be79a7&dn=mixtral-8x7b-32kseqlen"
    "&tr=udp%3A%2F%http://2Fopentracker.i2p.rocks%3A6969%2Fannounce"
    "&tr=http%3A%2F%http://2Ftracker.openbittorrent.com%3A80%2Fannounce"
)
GPT4ALL_HYBRID = (
    "magnet:?xt=urn:btih:b8289dbfa08ddd0951241bb7011041d929802db5"
    "&xt=urn:btmh:12206e4b6214d331ae37338c4584f6f4d99a892d8af57f288be068a80a60e89cd4e0"
    "&dn=gpt4all-lora-quantized.bin"
)
HASH = "5aaceaec63b03e51a98f04fd5c42320b2a033010"
OPENTRACKR = "udp://tracker.opentrackr.org:1337/announce"


def magnet(rest: str = "") -> str:
    return f"magnet:?xt=urn:btih:{HASH}{rest}"


def test_a_clean_magnet_reads_and_is_written_back_letter_for_letter() -> None:
    read = parse(ALPACA_7B)
    assert read.source == MagnetSource(
        v1=InfoHash(HASH),
        trackers=(OPENTRACKR, "udp://opentracker.i2p.rocks:6969/announce"),
        display_name="ggml-alpaca-7b-q4.bin",
        is_from_user=True,
    )
    assert (read.repaired, read.lost, read.ignored, read.remarks) == ((), (), (), ())
    assert render(read.source) == ALPACA_7B


def test_of_the_mangled_13b_one_tracker_is_mended_and_four_are_named_as_lost() -> None:
    read = parse(ALPACA_13B_MANGLED)
    assert read.source.v1 == "f3cf71b172129d6b5abccab393bc32253fac8159"
    assert read.source.trackers == read.repaired == (OPENTRACKR,)
    assert read.lost == (
        "the udp tracker at port 6969 (its host became t.co/zenhelfwRd)",
        "the https tracker at port 443 (its host became t.co/zenhelfwRd)",
        "the udp tracker at port 6969 (its host became t.co/RRAn1X65wE)",
        "the udp tracker at port 2810 (its host became t.co/uTXBeTLUMa)",
    )
    assert read.remarks[0] == f"Mended {OPENTRACKR}."
    assert "t.co" not in render(read.source)


def test_a_magnet_mangled_without_loss_is_whole_again() -> None:
    assert parse(MIXTRAL_MANGLED).source.trackers == (
        "udp://opentracker.i2p.rocks:6969/announce",
        "http://tracker.openbittorrent.com:80/announce",
    )
    assert parse(MIXTRAL_MANGLED).lost == ()


def test_a_magnet_mangled_twice_keeps_its_torrent_and_loses_its_tracker() -> None:
    read = parse(magnet("&tr=udp%3a%2f-tp%3a%2f%2f2Ftracker.opentrackr.org%3A1337%2Fannounce"))
    assert (read.source.v1, read.source.trackers, len(read.lost)) == (HASH, (), 1)
    assert "distributed hash table" in read.remarks[-1]


def test_where_every_tracker_is_lost_the_ways_that_are_left_are_named() -> None:
    read = parse(magnet("&tr=nonsense&x.pe=192.0.2.7:6881"))

    assert read.remarks[-1] == (
        "No tracker is left: there are only the peers that it names and the distributed hash table."
    )


def test_a_shortened_host_is_lost_whatever_its_scheme() -> None:
    read = parse(magnet("&tr=http%3A%2F%https://t.co/OdtBUsbeV5%3A1337%2Fannounce"))
    assert read.lost == ("the http tracker at port 1337 (its host became t.co/OdtBUsbeV5)",)


def test_a_hybrid_magnet_keeps_both_hashes() -> None:
    source = parse(GPT4ALL_HYBRID).source
    assert source.v1 == "b8289dbfa08ddd0951241bb7011041d929802db5"
    assert source.v2 == "6e4b6214d331ae37338c4584f6f4d99a892d8af57f288be068a80a60e89cd4e0"
    assert render(source) == GPT4ALL_HYBRID


@pytest.mark.parametrize(
    ("written", "info_hash"),
    [
        ("AU5T2VGS4577AIHL3X2R3LLID4VGKEDR", "053b3d54d2e77ff020ebddf51dad681f2a651071"),
        ("6K5O4J7DCKAMMMAJHWXQU72OYFXPZQJG", "f2baee27e31280c630093daf0a7f4ec16efcc126"),
        ("6k5o4j7dckammmajhwxqu72oyfxpzqjg", "f2baee27e31280c630093daf0a7f4ec16efcc126"),
        (
            "1F11A9691EE06C18F0040E359361DCA0479BCB5A",
            "1f11a9691ee06c18f0040e359361dca0479bcb5a",
        ),
    ],
)
def test_an_info_hash_in_base32_or_capitals_becomes_lower_case_hex(
    written: str, info_hash: str
) -> None:
    assert parse(f"magnet:?xt=urn:btih:{written}&dn=x").source.v1 == info_hash


def test_the_size_that_the_sender_gives_is_read() -> None:
    assert parse(magnet("&xl=8136637097")).size == 8136637097
    assert parse(magnet("&xl=-1")).size is None
    assert parse(magnet("&xl=" + "9" * 5000)).size is None


def test_where_else_to_ask_is_kept_and_what_would_choose_files_is_named_and_dropped() -> None:
    text = magnet(
        "&x.pe=10.0.0.1:6881&x.pe=%5B2001%3Adb8%3A%3A1%5D:6882"
        "&ws=https%3A%2F%2Fa.example%2Fm.gguf&xs=http%3A%2F%2Fb.example%2Fm.torrent"
    )
    read = parse(f"{text}&so=0-9&as=http://b/")
    assert read.ignored == ("so", "as")
    assert read.source == MagnetSource(
        v1=InfoHash(HASH),
        is_from_user=True,
        web_seeds=("https://a.example/m.gguf",),
        torrents=("http://b.example/m.torrent",),
        peers=(("10.0.0.1", 6881), ("2001:db8::1", 6882)),
    )
    assert parse(render(read.source)) == replace(read, ignored=())


@pytest.mark.parametrize(
    "hint",
    [
        *("ws=file:///etc/passwd", "ws=ftp://a.example/x", "ws=http://name:word@a.example/"),
        *("ws=https://t.co/abc", "ws=", "xs=urn:btih:" + "ab" * 20, "xs=http://a b/"),
        *("x.pe=peer.example:6881", "x.pe=1.2.3.4", "x.pe=1.2.3.4:0", "x.pe=1.2.3.4:65536"),
        *("x.pe=1.2.3.4:%D9%A1", "x.pe=[", "x.pe="),
    ],
)
def test_an_address_that_herd_does_not_ask_is_dropped_and_its_key_named(hint: str) -> None:
    read = parse(magnet(f"&{hint}"))
    assert read.ignored == (hint.partition("=")[0],)
    assert read.source == MagnetSource(v1=InfoHash(HASH), is_from_user=True)


def test_a_magnet_of_a_hundred_addresses_keeps_a_few() -> None:
    many = "".join(f"&ws=http://a.example/{at}&x.pe=1.2.3.4:{at + 1}" for at in range(100))
    source = parse(magnet(many)).source
    assert len(source.web_seeds) == len(source.peers) == MOST_OTHERS


def test_numbered_keys_escaped_ampersands_and_line_breaks_are_read() -> None:
    text = f"  MAGNET:?xt.1=urn:btih:{HASH}&amp;tr.1=udp%3A%2F%2Ftracker.opent\n  rackr.org%3A1337"
    assert parse(text.replace("\n  ", "\r\n")).source.trackers == (
        "udp://tracker.opentrackr.org:1337",
    )


@pytest.mark.parametrize(
    "tracker",
    [
        "wss://tracker.example",
        "file:///etc/passwd",
        "udp://user:word@tracker.example:1",
        "https://t.co/abc",
        "https://www.bit.ly/abc",
        "udp://:6969/announce",
        "udp://tracker.example:99999",
        "udp://tracker.example:0",
        "udp:tracker.example",
        "http://tracker.example/#part",
        "http://trac ker.example/",
        "http://[::1",
        "http://tracker\u017fexample/",
        "http://tracker.example/" + "a" * 3000,
    ],
)
def test_a_tracker_that_is_no_plain_address_is_dropped(tracker: str) -> None:
    read = parse(magnet(f"&tr={tracker.replace('#', '%23')}"))
    assert (read.source.trackers, len(read.lost)) == ((), 1)


def test_trackers_are_kept_once_and_not_without_end() -> None:
    same = "&tr=udp%3A%2F%2Fa.example%3A1"
    assert parse(magnet(same * 3)).source.trackers == ("udp://a.example:1",)
    many = "".join(f"&tr=udp://a{number}.example:1" for number in range(MOST_TRACKERS + 5))
    read = parse(magnet(many))
    assert len(read.source.trackers) == MOST_TRACKERS
    assert read.lost == (f"the trackers after the first {MOST_TRACKERS}",)


def test_a_display_name_is_shown_without_what_would_move_the_cursor() -> None:
    shown = parse(magnet("&dn=a%1b%5b2J%0a+b%e2%80%ae" + "c" * 999)).source.display_name
    assert shown is not None
    assert shown.startswith("a[2J bccc")
    assert len(shown) == 255


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "That is no magnet."),
        ("http://example.org/", "That is no magnet."),
        ("magnet:foo", "names no torrent"),
        ("magnet:?dn=x", "names no torrent"),
        ("magnet:?xt=urn:sha1:YNCKHTQCWBTRNJIV4WNAE52SJUQCZO5C", "names no torrent"),
        ("magnet:?xt=urn:btih:5aaceaec63", "is cut off"),
        ("magnet:?xt=urn:btmh:1114" + "a" * 40, "is cut off"),
        ("magnet:?xt=urn:btmh:" + "a" * 64, "is cut off"),
        (ALPACA_7B + "&xt=urn:btih:" + "b" * 40, "more than one torrent"),
        (magnet("&dn=" + "x" * 40_000), "characters"),
    ],
)
def test_what_is_no_magnet_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(BadUsage) as refusal:
        parse(text)
    assert said in refusal.value.message
    assert refusal.value.hint


def test_a_magnet_without_an_info_hash_cannot_be_written() -> None:
    with pytest.raises(BadUsage):
        render(MagnetSource())


def test_a_magnet_is_known_by_its_beginning() -> None:
    assert is_magnet(" Magnet:?xt=")
    assert not is_magnet("magnetic")


def test_an_address_is_plain_or_its_flaw_is_named() -> None:
    assert flaw("https://example.org/a%20b?c=d", ("https",)) is None
    assert flaw("ftp://example.org/", ("http", "https")) == (
        "does not begin with http:// or https://"
    )


NASTY = "&tr= &xt=urn:btih: &xt=urn:btmh:1220 &dn= &xl= &ws= % %2F %http://2F udp:// http://["
pieces = st.sampled_from([*NASTY.split(), "a.example", ":1", "/", "@", "\x1b", "\ud800", HASH])


@given(st.lists(pieces | st.text(max_size=8), max_size=20))
def test_no_text_makes_parse_raise_anything_but_bad_usage(parts: list[str]) -> None:
    for text in ("".join(parts), magnet("".join(parts))):
        try:
            read = parse(text)
        except BadUsage:
            continue
        assert parse(render(read.source, read.size)).source == read.source


hosts = st.from_regex(r"[a-z][a-z0-9]{0,9}\.example", fullmatch=True)
trackers = st.builds(
    "{}://{}:{}/announce".format, st.sampled_from(["udp", "http", "https"]), hosts, st.just(1337)
)
sources = st.builds(
    MagnetSource,
    v1=st.from_regex(r"[0-9a-f]{40}", fullmatch=True).map(InfoHash),
    v2=st.none() | st.from_regex(r"[0-9a-f]{64}", fullmatch=True).map(InfoHash),
    trackers=st.lists(trackers, unique=True, max_size=5).map(tuple),
    display_name=st.none() | st.from_regex(r"[a-zA-Z0-9&=%+#?._-]{1,40}", fullmatch=True),
)


@given(source=sources, size=st.none() | st.integers(1, 2**50))
def test_what_is_written_reads_back_the_same(source: MagnetSource, size: int | None) -> None:
    read = parse(render(source, size))
    assert (read.source, read.size) == (replace(source, is_from_user=True), size)
    assert (read.repaired, read.lost, read.ignored) == ((), (), ())
