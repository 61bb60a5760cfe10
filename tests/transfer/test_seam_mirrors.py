"""Where the web seeds of a .torrent lead."""

from __future__ import annotations

import pytest

from herd.model import UrlSource
from herd.pieces import TableMaker
from herd.transfer import torrent
from herd.transfer.seam_mirrors import web_seeds
from herd.transfer.torrent_make import Around, V1Maker, from_table
from tests.transfer.desk import CONTENT, promise

FOLDER = "https://files.example/models"


def address(seed: str, version: int, name: str = "model.gguf") -> str:
    around = Around(web_seeds=(seed,))
    if version == 2:
        maker = TableMaker(len(CONTENT))
        maker.update(CONTENT)
        raw = from_table(name, maker.table(), around).raw
    else:
        v1 = V1Maker(name, len(CONTENT))
        v1.update(CONTENT)
        raw = v1.made(around).raw
    (one,) = web_seeds(torrent.read(raw), promise(name=name), frozenset())
    assert isinstance(one.source, UrlSource)
    return one.source.url


@pytest.mark.parametrize("version", [1, 2])
def test_the_address_of_a_single_file_is_the_file(version: int) -> None:
    assert address(f"{FOLDER}/model.gguf", version) == f"{FOLDER}/model.gguf"
    assert address(f"{FOLDER}/my%20model.gguf", version, "my model.gguf").endswith(
        "/my%20model.gguf"
    )


@pytest.mark.parametrize("version", [1, 2])
def test_an_address_with_a_slash_is_the_folder_of_the_file(version: int) -> None:
    assert address(f"{FOLDER}/", version) == f"{FOLDER}/model.gguf"
