"""Every rule of the strict reader: the line it names and what it says."""

from __future__ import annotations

import pytest

from tests.registry.sample import COMMIT, SAMPLE, SHA, V1, line_of, read, refusal, with_line

# What is replaced, by what, where it is said to be wrong, and what is said.
RULES = [
    ("schema: 1", "schema: 2", "schema", "is 2, and this herd reads 1."),
    ("schema: 1", "schema: one", "schema", "must be a whole number"),
    ("schema: 1\n", "", "", "the key schema is missing"),
    ("schema: 1", "schema: 1\nschemas: 1", "schemas", "did you mean schema"),
    ("name: sample", "name: Sample", "registry.name", "cannot name a model"),
    ("updated:", "update:", "registry.update", "did you mean updated?"),
    ("  plain: |-", "  Plain: |-", "templates.Plain", "cannot name"),
    ("  tiny:\n", "  Tiny Model:\n", "models.Tiny Model", "cannot name"),
    ("  tiny:\n", "  con:\n", "models.con", "cannot name"),
    ("  older:\n", "  tiny:\n", "models.tiny", "stands here a second time"),
    ("  older:\n", "  small:\n", "models.small", "small is taken already"),
    ("aliases: [small]", "aliases: [tiny]", "models.tiny.aliases", "tiny is taken already"),
    ("aliases: [small]", "aliases: small", "models.tiny.aliases", "must be a list, not a text"),
    ("    title: Tiny\n", "", "models.tiny", "the key title is missing"),
    ("title: Tiny", "title: [Tiny]", "models.tiny.title", "must be a text, not a list"),
    ("title: Tiny", "title: ''", "models.tiny.title", "is empty"),
    ("title: Tiny", "title: ~", "models.tiny.title", "is empty"),
    ("title: Tiny", "title: ' '", "models.tiny.title", "is blank"),
    ("title: Tiny", 'title: "a\\nb"', "models.tiny.title", "must be on one line"),
    ("title: Tiny", 'title: "a\\u202eb"', "models.tiny.title", "U+202E, which cannot be shown"),
    ("title: Tiny", f"title: {'x' * 1001}", "models.tiny.title", "longer than 1000"),
    ("title: Tiny", "title: !!str Tiny", "models.tiny.title", "carries the tag"),
    ("family: tinies", "famly: tinies", "models.tiny.famly", "did you mean family"),
    ("role: chat", "role: chatty", "models.tiny.role", "did you mean chat?"),
    ("      id: MIT\n", "", "models.tiny.licence", "the key id is missing"),
    ("commercial: open", "commercial: opn", "models.tiny.licence.commercial", "did you mean open"),
    ("must-be-accepted: false", "must-be-accepted: no", "models.tiny.licence", "true or false"),
    ('url: "https://licence', 'url: "ftp://licence', "models.tiny.licence.url", "does not begin"),
    ("licence: {id: MIT}", "licence: {id: X, must-be-accepted: true}", "models.older", "url or"),
    ("context: 2048", "context: 0", "models.tiny.context", "must be from 1 to"),
    ("context: 2048", "context: 2k", "models.tiny.context", "must be a whole number"),
    ("template: plain", "template: plane", "models.tiny.template", "did you mean plain?"),
    ("temperature: 0.7", "temperature: 9", "models.tiny.sampling.temperature", "from 0 to 5"),
    ("temperature: 0.7", "temperature: warm", "models.tiny.sampling.temperature", "a number"),
    ("temperature: 0.7", "temperature: .inf", "models.tiny.sampling.temperature", "a number"),
    ("top-p: 0.95", "top_p: 0.95", "models.tiny.sampling.top_p", "did you mean top-p"),
    ("seed: 1", "seed: -1", "models.tiny.sampling.seed", "must be a whole number"),
    ("status: active", "status: gone", "models.tiny.status", "cannot be 'gone'"),
    ("status: active", "status: revoked", "models.tiny.status", "the key reason is missing"),
    ("replaced-by: tiny", "replaced-by: older", "models.older.replaced-by", "is the model itself"),
    ("default: q4_0", "default: q4_1", "models.tiny.default", "did you mean q4_0?"),
    ("      q4_0:\n", "      Q4_0:\n", "models.tiny.variants.Q4_0", "cannot name"),
    ("format: gguf", "format: ggjt", "models.tiny.variants.q4_0.format", "cannot be 'ggjt'"),
    ("name: tiny.Q4_0.gguf", "name: tiny.bin", "models.tiny.variants.q4_0.files", "no .gguf file"),
    ("name: tiny.Q4_0.gguf", "name: ../tiny.gguf", "models.tiny", "not safe as the name of a file"),
    ("name: tiny.Q4_0.gguf", "name: /etc/passwd", "models.tiny", "not safe as the name of a file"),
    ("name: tiny.Q4_0.gguf", "name: nul.gguf", "models.tiny", "not safe as the name of a file"),
    ("size: 4096\n", "size: 0\n", "models.tiny.variants.q4_0.files[0].size", "from 1 to"),
    ("size: 4096\n", "size: 4_096\n", "models.tiny.variants.q4_0.files[0].size", "whole number"),
    ("size: 4096\n", "size: '4096'\n", "models.tiny.variants.q4_0.files[0].size", "whole number"),
    (f"          sha256: {SHA}\n", "", "models.tiny.variants.q4_0.files[0]", "sha256 is missing"),
    (f"sha256: {SHA}", f"sha256: {SHA.upper()}", "models.tiny", "64 lower-case hex digits"),
    (f"sha256: {SHA}", f"sha256: {'f' * 64}", "models.tiny", "is a placeholder"),
    (
        f"sha256: {SHA}",
        "sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "models.tiny.variants.q4_0.files[0].sha256",
        "is the sha256 of an empty file",
    ),
    (f"revision: {COMMIT}", "revision: main", "models.tiny", "must be a commit of 40"),
    (f"revision: {COMMIT}", f"revision: {'0' * 40}", "models.tiny", "is a placeholder"),
    ("hf: someone/tiny-GGUF", "hf: someone", "models.tiny", "must be a repository, user/name"),
    ("hf: someone/tiny-GGUF", "hf: ../tiny-GGUF", "models.tiny", "must be a repository"),
    ("path: tiny.Q4_0.gguf", "path: ../../tiny.gguf", "models.tiny", "not a plain path"),
    ("path: tiny.Q4_0.gguf", "path: /tiny.gguf", "models.tiny", "not a plain path"),
    ("pypi: tiny-model==0.1.2", "pypi: tiny-model>=0.1", "models.tiny", "name==version"),
    ("pypi: tiny-model==0.1.2", "pypi: --index-url==1", "models.tiny", "name==version"),
    ("pypi: tiny-model==0.1.2", 'pypi: "a @ file:///x"', "models.tiny", "name==version"),
    ("member: tiny_model/", "member: ../tiny_model/", "models.tiny", "not a plain path"),
    ('url: "https://files', 'url: "file://files', "models.tiny", "does not begin with https"),
    ('url: "https://files', 'url: "https://me:pw@files', "models.tiny", "carries a user name"),
    ("https://files.example/tiny.gguf", "https://t.co/x", "models.tiny", "is a shortened link"),
    ('torrent: "https://files', 'torrent: "/files', "models.tiny", "does not begin with https"),
    ("- torrent:", "- path:", "models.tiny", "is no kind of source"),
    ("            path: tiny", "            url: x\n            path: t", "models.tiny", "at once"),
    (f"              v1: {V1}\n", "              v1: 5aac\n", "models.tiny", "info hash of 40"),
    (f"              v1: {V1}\n", f"              v1: {'a' * 40}\n", "models.tiny", "placeholder"),
    ("udp://tracker", "wss://tracker", "models.tiny", "does not begin with udp"),
    ("state: dead", "state: gone", "models.tiny", "cannot be 'gone'"),
    ("recommended: true", "recommended: maybe", "models.tiny.recommended", "true or false"),
    ("commercial: open", "commercial: unknown", "models.tiny.recommended", "nobody knows"),
    ("replaced-by: tiny", "recommended: true", "models.older.recommended", "is deprecated"),
    ("    title: Tiny", "    <<: {x: y}\n    title: Tiny", "models.tiny.<<", "merges another"),
    ("    title: Tiny", "    1: y\n    title: Tiny", "models.tiny.1", "as a key is no text"),
    ("    title: Tiny", "    yes: y\n    title: Tiny", "models.tiny.yes", "as a key is no text"),
]


@pytest.mark.parametrize(("old", "new", "path", "said"), RULES)
def test_a_rule_names_its_line_and_says_what_is_wrong(
    old: str, new: str, path: str, said: str
) -> None:
    spoiled = with_line(old, new)

    message = refusal(spoiled).message

    origin, line, rest = message.split(":", 2)
    assert origin == "sample.yaml"
    assert 1 <= int(line) <= len(spoiled.splitlines())
    assert rest.strip().startswith(path)
    assert said in f"{message} {refusal(spoiled).hint or ''}"


def test_the_line_that_is_named_is_the_line_of_the_key() -> None:
    spoiled = with_line("context: 2048", "context: many")

    assert refusal(spoiled).message.startswith(f"sample.yaml:{line_of(spoiled, 'many')}: ")


def test_the_hint_lists_the_keys_that_are_known_here() -> None:
    hint = refusal(with_line("top-k", "topk")).hint

    assert hint is not None
    assert "top-k" in hint


def test_the_same_bytes_cannot_have_two_sizes() -> None:
    spoiled = with_line("1f" * 32, SHA).replace("gguf, size: 4096", "gguf, size: 4097")

    assert "which is said to have 4096 bytes, and 4097 bytes" in refusal(spoiled).message


def test_a_magnet_text_is_refused_and_shown_parsed() -> None:
    start, stop = SAMPLE.index("          - magnet:"), SAMPLE.index("  older:")
    text = f"{SAMPLE[:start]}          - magnet: 'magnet:?xt=urn:btih:{V1}&dn=x'\n{SAMPLE[stop:]}"

    error = refusal(text)

    assert "must be a mapping, not a magnet text" in error.message
    assert error.hint == f"Write {{v1: {V1}, trackers: []}}."


def test_a_magnet_without_an_info_hash_is_refused() -> None:
    start, stop = SAMPLE.index("              v1:"), SAMPLE.index("              name:")

    assert "has no info hash" in refusal(SAMPLE[:start] + SAMPLE[stop:]).message


def test_a_revoked_swarm_says_why_and_is_never_the_only_source() -> None:
    revoked = with_line("state: dead", "state: revoked")
    mute = revoked.replace("              note: Nobody has it any more.\n", "")
    start, stop = revoked.index("          - hf:"), revoked.index("          - magnet:")

    assert "is revoked and does not say why" in refusal(mute).message
    assert "no source that may be asked" in refusal(revoked[:start] + revoked[stop:]).message
    assert read(revoked).models


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["big-00002-of-00002.gguf", "big-00001-of-00002.gguf"], "big-00001-of-00002.gguf"),
        (["big-00001-of-00003.gguf", "big-00002-of-00003.gguf"], "big-00003-of-00003.gguf"),
        (["a.gguf", "big-00002-of-00002.gguf"], "the first shard of big-00002-of-00002.gguf"),
        (["a.gguf", "A.GGUF"], "two files of the same name"),
        ([], "has no file"),
    ],
)
def test_files_are_complete_in_order_and_named_apart(names: list[str], missing: str) -> None:
    url = 'sources: [{url: "https://a.example/b"}]'
    files = ", ".join(
        f'{{name: {name}, size: 9, sha256: "{at}{"a1" * 31}b", {url}}}'
        for at, name in enumerate(names, 1)
    )
    text = (
        SAMPLE[: SAMPLE.index("        files:\n        - {name: older")]
        + f"        files: [{files}]"
    )

    assert missing in refusal(text).message


def test_a_source_that_is_named_twice_is_refused() -> None:
    twice = '          - url: "https://files.example/tiny.gguf"\n'

    assert "names the same source twice" in refusal(with_line(twice, twice * 2)).message


def test_a_first_source_on_a_branch_cannot_be_recommended() -> None:
    start, stop = SAMPLE.index("          - hf:"), SAMPLE.index("          - url:")
    text = (SAMPLE[:start] + SAMPLE[stop:]).replace(
        "https://files.example/tiny.gguf", "https://hub.example/a/b/resolve/main/tiny.gguf"
    )

    assert "not pinned to a revision" in refusal(text).message
