"""Ollama's own Python client against a real server."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import ollama
import pytest

from tests.serve.conftest import Serve, Served
from tests.tools import pictures
from tests.tools.fakes import digest, registry_text

QUESTION = [{"role": "user", "content": "llama wool"}]
OPTIONS = {"num_predict": 10, "seed": 3}


@pytest.fixture
def client(real: Served) -> Iterator[ollama.Client]:
    client = ollama.Client(host=real.url)
    yield client
    client._client.close()


def test_what_is_installed_is_listed(client: ollama.Client) -> None:
    models = client.list().models

    assert [model.model for model in models] == ["wool:file"]
    assert client.show("wool").details


def test_a_question_is_answered_whole_and_streamed(client: ollama.Client) -> None:
    whole = client.chat("wool:latest", messages=QUESTION, options=OPTIONS)
    parts = list(client.chat("wool", messages=QUESTION, options=OPTIONS, stream=True))

    assert whole.message.content
    assert whole.eval_count
    assert "".join(part.message.content or "" for part in parts) == whole.message.content
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]


def test_a_prompt_is_answered(client: ollama.Client) -> None:
    answer = client.generate("wool", prompt="llama", system="Be a llama.", options=OPTIONS)
    raw = client.generate("wool", prompt="llama", raw=True, options=OPTIONS)

    assert answer.response
    assert raw.response
    assert raw.prompt_eval_count or (answer.prompt_eval_count or 0) > 0


def test_an_empty_request_loads_the_model(client: ollama.Client) -> None:
    answer = client.generate("wool")

    assert (answer.done, answer.done_reason) == (True, "load")
    assert [model.model for model in client.ps().models] == ["wool:file"]


def test_an_answer_conforms_to_a_schema(client: ollama.Client) -> None:
    schema = {"type": "object", "properties": {"legs": {"enum": [2, 4]}}, "required": ["legs"]}

    answer = client.chat(
        "wool", messages=QUESTION, format=schema, options={"num_predict": 200, "seed": 1}
    )

    assert json.loads(answer.message.content or "")["legs"] in (2, 4)


def test_texts_become_vectors(client: ollama.Client) -> None:
    found = client.embed("wool", ["llama wool", "river"])

    assert len(found.embeddings) == 2
    assert client.embeddings("wool", "llama wool").embedding == pytest.approx(
        found.embeddings[0], abs=1e-5
    )


def test_an_unknown_model_is_not_another_one(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="wol") as raised:
        client.chat("wol", messages=QUESTION)

    assert raised.value.status_code == 404


def test_a_model_is_pulled_and_deleted(serve: Serve) -> None:
    served = serve()
    assert served.carrier
    content = b"GGUF another model"
    url = "https://models.example/other.gguf"
    served.carrier.contents[url] = content
    registries = served.herd.places.user_registries
    text = registry_text(url, content, "other").replace("{name: test}", "{name: other}")
    (registries / "other.yaml").write_text(text)
    del served.herd.__dict__["registry"]
    client = ollama.Client(host=served.url)

    said = [each.status for each in client.pull("other", stream=True)]
    listed = [model.model for model in client.list().models]
    client.delete("other")
    left = [model.model for model in client.list().models]
    client._client.close()

    assert said[0] == "pulling manifest"
    assert said[-1] == "success"
    assert listed == ["other:q4_0", "tiny:q4_0"]
    assert left == ["tiny:q4_0"]
    assert not served.herd.store.has(digest(content), len(content))


def test_only_names_are_pulled(serve: Serve) -> None:
    served = serve()
    client = ollama.Client(host=served.url)

    for name in ("/etc/passwd", "http://127.0.0.1:1/x.gguf", "magnet:?xt=urn:btih:" + "a" * 40):
        with pytest.raises(ollama.ResponseError) as raised:
            client.pull(name)
        assert raised.value.status_code == 404
    client._client.close()
    assert served.carrier
    assert len(served.carrier.asked) == 1


def test_what_a_model_thinks_is_told_apart(serve: Serve) -> None:
    served = serve()
    assert served.engine
    served.engine.thought = "It is wool."
    client = ollama.Client(host=served.url)

    whole = client.chat("tiny", messages=QUESTION, think=True)
    parts = list(client.chat("tiny", messages=QUESTION, stream=True))
    client._client.close()

    assert whole.message.thinking == "It is wool."
    assert whole.message.content == "tiny:q4_0 says: llama wool"
    assert "".join(part.message.thinking or "" for part in parts) == "It is wool."


def test_a_model_stays_as_long_as_it_is_asked_to(client: ollama.Client) -> None:
    client.generate("wool", keep_alive="1h")
    long = client.ps().models[0].expires_at
    client.generate("wool", keep_alive=0)
    gone = client.ps().models
    client.generate("wool", keep_alive="10s")
    short = client.ps().models[0].expires_at

    assert long
    assert short
    assert (long - short).total_seconds() > 3000
    assert list(gone) == []


STAYS = ["1e300", "1" + "0" * 400, '"' + "9" * 300 + 'h"', '"' + "9" * 5000 + '"']


@pytest.mark.parametrize("stay", STAYS, ids=range(len(STAYS)))
def test_a_stay_beyond_every_calendar_is_for_ever(serve: Serve, stay: str) -> None:
    served = serve()
    body = f'{{"model": "tiny", "prompt": "wool", "stream": false, "keep_alive": {stay}}}'
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)) as line:
        line.request("POST", "/api/generate", body)
        asked = line.getresponse()
        asked.read()
        line.request("GET", "/api/ps")
        shown = line.getresponse()

        assert asked.status == 200
        assert shown.status == 200
        assert len(json.loads(shown.read())["models"]) == 1


def test_images_are_shown_with_a_message_and_with_a_prompt(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    assert served.engine
    served.herd.projector = tmp_path / "mmproj.gguf"
    path = pictures.png(tmp_path / "red.png")
    client = ollama.Client(host=served.url)

    client.chat("tiny", messages=[{"role": "user", "content": "what?", "images": [path]}])
    client.generate("tiny", "what?", images=[path])
    with pytest.raises(ollama.ResponseError, match="no image"):
        client.generate("tiny", "what?", images=[b"a page"])
    client._client.close()

    shown = [turns[-1].images for _, turns in served.engine.asked]
    assert [len(each) for each in shown] == [1, 1]
