"""What the child keeps of the images that it was shown."""

from __future__ import annotations

import base64
import ctypes
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from herd.engine.image_encoder import ImageEncoder
from herd.engine.loading import Wanted
from herd.fit import Placement
from herd.image import MOST_IMAGES
from tests.tools import pictures, tiny_mmproj


class _Looked:
    def __init__(self, look: Callable[..., bool]) -> None:
        self.look = look


class _Text(ctypes.Structure):
    _fields_ = (
        ("text", ctypes.c_char_p),
        ("length", ctypes.c_size_t),
        ("special", ctypes.c_bool),
        ("parsed", ctypes.c_bool),
    )


class FakeMtmd:
    """An encoder that makes nothing of an image, and counts what it was not given back."""

    mtmd_input_text = _Text

    def __init__(self) -> None:
        self.held = 0

    def mtmd_context_params_default(self) -> SimpleNamespace:
        return SimpleNamespace(cb_eval=_Looked(lambda: True))

    def mtmd_input_chunks_init(self) -> int:
        self.held += 1
        return self.held

    def mtmd_input_chunks_free(self, _: int) -> None:
        self.held -= 1

    def mtmd_input_chunks_size(self, _: int) -> int:
        return 0

    def mtmd_tokenize(self, *_: object) -> int:
        return 0

    def __getattr__(self, name: str) -> Callable[..., int]:
        return lambda *_: 1


def uri(folder: Path, red: int) -> str:
    content = pictures.png(folder / "image.png", (red, 1, 2), side=4).read_bytes()
    return "data:image/png;base64," + base64.b64encode(content).decode()


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    placement = cast("Placement", SimpleNamespace(layers=0, gpu_layers=0))
    projector = tiny_mmproj.write(tmp_path / "mmproj.gguf")
    return Wanted("tiny", projector, placement, 1, projector=projector)


def test_the_oldest_images_are_let_go_and_so_is_what_they_were_shown_by(
    wanted: Wanted, tmp_path: Path
) -> None:
    mtmd: Any = FakeMtmd()
    eyes = ImageEncoder(mtmd, None, wanted, lambda: True)
    first = uri(tmp_path, 0)
    alone = sys.getrefcount(first)

    eyes.picture(first)
    assert sys.getrefcount(first) > alone
    for red in range(1, 2 * MOST_IMAGES):
        eyes.picture(uri(tmp_path, red))

    assert sys.getrefcount(first) == alone
    assert mtmd.held == MOST_IMAGES
    eyes.close()
    assert mtmd.held == 0
