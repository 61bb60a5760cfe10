"""A tiny vision encoder with a projector (mmproj) for the tiny models: random, seeded weights.

It has the form of LLaVA's: a vision transformer, whose patches two layers turn into tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import gguf
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE, PATCH, WIDTH, LAYERS, HEADS = 56, 14, 32, 2, 4
TOKENS = (SIDE // PATCH) ** 2
"""That an image becomes, whatever its size."""


def write(path: Path, *, into: int = 64, side: int = SIDE, width: int = WIDTH) -> Path:
    """Write one, for a model of this width; some hundred kilobytes."""
    random = np.random.default_rng(3)

    def noise(*shape: int) -> NDArray[np.float32]:
        values = random.standard_normal(shape) / np.sqrt(shape[-1])
        return np.asarray(values, dtype=np.float32)

    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_file_type(0)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.use_gelu", True)
    writer.add_string("clip.projector_type", "mlp")
    for name, number in {
        "image_size": side,
        "patch_size": PATCH,
        "embedding_length": width,
        "feed_forward_length": 2 * width,
        "projection_dim": into,
        "block_count": LAYERS,
        "attention.head_count": HEADS,
    }.items():
        writer.add_uint32(f"clip.vision.{name}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    for name in ("image_mean", "image_std"):
        writer.add_array(f"clip.vision.{name}", [0.5, 0.5, 0.5])
    tokens = (side // PATCH) ** 2
    writer.add_tensor("v.patch_embd.weight", noise(width, 3, PATCH, PATCH))
    writer.add_tensor("v.position_embd.weight", noise(tokens, width))
    for layer in range(LAYERS + 1):  # the last one is not used: LLaVA takes the one before
        block = f"v.blk.{layer}."
        for name, rows, columns in (
            ("attn_q", width, width),
            ("attn_k", width, width),
            ("attn_v", width, width),
            ("attn_out", width, width),
            ("ffn_up", 2 * width, width),
            ("ffn_down", width, 2 * width),
        ):
            writer.add_tensor(f"{block}{name}.weight", noise(rows, columns))
            writer.add_tensor(f"{block}{name}.bias", np.zeros(rows, dtype=np.float32))
        for name in ("ln1", "ln2"):
            writer.add_tensor(f"{block}{name}.weight", np.ones(width, dtype=np.float32))
            writer.add_tensor(f"{block}{name}.bias", np.zeros(width, dtype=np.float32))
    writer.add_tensor("mm.0.weight", 4 * noise(into, width))
    writer.add_tensor("mm.0.bias", np.zeros(into, dtype=np.float32))
    writer.add_tensor("mm.2.weight", 4 * noise(into, into))
    writer.add_tensor("mm.2.bias", np.zeros(into, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
