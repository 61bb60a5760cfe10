"""What a registry may say, and what comes of it."""

from __future__ import annotations

from herd.model import (
    Commercial,
    HfSource,
    Licence,
    MagnetSource,
    PypiSource,
    Sampling,
    Status,
    SwarmState,
    TorrentSource,
    UrlSource,
)
from tests.registry.sample import COMMIT, SAMPLE, SHA, V1, V2, line_of, read, with_line

ALPACA_13B_BASE32 = "AU5T2VGS4577AIHL3X2R3LLID4VGKEDR"


def test_every_key_of_a_model_is_read() -> None:
    tiny, older = read(SAMPLE).models

    assert (tiny.name, tiny.title, tiny.aliases) == ("tiny", "Tiny", ("small",))
    assert (tiny.family, tiny.parameters, tiny.role) == ("tinies", "7", "chat")
    assert (tiny.context, tiny.stop, tiny.default) == (2048, ("### Instruction:",), "q4_0")
    assert tiny.summary == "Answers nothing well."
    assert tiny.licence == Licence(
        "MIT", "https://licence.example/mit", Commercial.OPEN, False, True, "Be kind."
    )
    assert tiny.sampling == Sampling(0.7, 40, 0.95, 0.05, 1.1, 64, 1, 512)
    assert (tiny.status, tiny.is_recommended, tiny.registry) == (Status.ACTIVE, True, "sample")
    assert (older.status, older.replaced_by) == (Status.DEPRECATED, "tiny")
    assert older.reason == "A better one came."


def test_every_kind_of_source_is_read_in_its_order() -> None:
    (file,) = read(SAMPLE).models[0].variants[0].files

    assert (file.name, file.size, file.sha256) == ("tiny.Q4_0.gguf", 4096, SHA)
    assert file.sources == (
        HfSource("someone/tiny-GGUF", COMMIT, "tiny.Q4_0.gguf"),
        PypiSource("tiny-model==0.1.2", "tiny_model/tiny.Q4_0.gguf"),
        UrlSource("https://files.example/tiny.gguf"),
        TorrentSource("https://files.example/tiny.torrent"),
        MagnetSource(
            v1=V1,  # type: ignore[arg-type]  # an InfoHash is a text
            v2=V2,  # type: ignore[arg-type]
            trackers=("udp://tracker.example:1337/announce",),
            display_name="tiny.gguf",
            state=SwarmState.DEAD,
            note="Nobody has it any more.",
        ),
    )


def test_a_layer_knows_where_each_name_stands_and_when_it_was_looked_at() -> None:
    layer = read(SAMPLE)

    assert (layer.name, layer.updated, layer.origin) == ("sample", "2026-11-24", "sample.yaml")
    assert layer.lines["tiny"] == line_of(SAMPLE, "  tiny:")
    assert layer.lines["small"] == line_of(SAMPLE, "aliases: [small]")


def test_a_template_is_jinja_or_the_name_of_one_that_the_registry_has() -> None:
    own = read(with_line("template: plain", "template: \"{{ 'x' }}\"")).models[0]

    assert read(SAMPLE).models[0].template == "{{ messages[0]['content'] }}"
    assert own.template == "{{ 'x' }}"


def test_values_are_texts_where_other_readers_guess() -> None:
    text = with_line("title: Tiny", "title: no").replace("parameters: 7", "parameters: 1:30")

    model = read(text).models[0]

    assert (model.title, model.parameters) == ("no", "1:30")


def test_an_info_hash_in_base32_becomes_hex() -> None:
    (file,) = read(with_line(f"v1: {V1}", f"v1: {ALPACA_13B_BASE32}")).models[0].variants[0].files

    (magnet,) = [each for each in file.sources if isinstance(each, MagnetSource)]
    assert magnet.v1 == "053b3d54d2e77ff020ebddf51dad681f2a651071"


def test_a_historical_model_may_lack_what_nobody_wrote_down() -> None:
    text = with_line("status: deprecated", "status: historical").replace(
        f', size: 4096, sha256: "{"1f" * 32}"', ""
    )

    (file,) = read(text).models[1].variants[0].files

    assert (file.size, file.sha256) == (None, None)


def test_shards_in_order_are_one_variant() -> None:
    shard = '{{name: big-0000{0}-of-00002.gguf, size: {0}, sha256: "{1}", sources: [{2}]}}'
    url = '{url: "https://a.example/b"}'
    files = f"{shard.format(1, '12' * 32, url)}\n        - {shard.format(2, '13' * 32, url)}"
    text = SAMPLE[: SAMPLE.index("- {name: older")] + f"- {files}\n"

    assert read(text).models[1].variants[0].size == 3


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    text = "\ufeff" + SAMPLE.replace("\n", "\r\n")

    assert [model.name for model in read(text).models] == ["tiny", "older"]


def test_a_registry_without_a_name_is_named_by_who_reads_it() -> None:
    text = with_line("registry: {name: sample, updated: 2026-11-24}\n", "")

    assert read(text).name == "sample.yaml"
