"""Images into tokens of a model, by its vision encoder and projector (mmproj). In the child.

llama.cpp's libmtmd unfolds an image, cuts it as its model wants it, and makes embeddings of
it: one for each token that the image takes the place of. In a prompt such a token is a
negative number, which stands for one place of one image: so what was read of an image is
known again as words are, and a prompt stays a list of numbers.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herd import image
from herd.engine.header import is_gguf
from herd.engine.loading import Wanted
from herd.errors import EngineFailed, Unanswerable

MARK = b"<herd-image>"

_LOOK_EVERY = 1
"""Nodes of the graph; each is computed as a whole, and a stop is heard between them."""
_TEXT = 0  # enum mtmd_input_chunk_type
_ABORTED = 2  # what llama_decode returns when it was stopped
_LONGEST = 1 << 16
"""Places that one part of an image can take."""


@dataclass(frozen=True)
class Part:
    """A part of an image that is read as a whole."""

    handle: object
    """libmtmd's chunk; it lives as long as the picture."""
    places: int
    """Positions that it takes in the context."""
    cells: int
    """Cells of the context's memory: more than positions where these are of two dimensions."""
    is_causal: bool
    """Whether its tokens look back alone; else all of them are read at once."""


@dataclass(frozen=True)
class Picture:
    """What a model is shown of one image."""

    tokens: tuple[int, ...]
    """With its parts as negative numbers, and the words that the model has around them."""
    parts: dict[int, Part]
    """By the number of its first place."""
    chunks: object
    """Where the parts live."""


class ImageEncoder:
    """The vision encoder of one loaded model; `mtmd` is the module of libmtmd."""

    def __init__(
        self, mtmd: Any, model: object, wanted: Wanted, glance: Callable[[], bool]
    ) -> None:
        """Load it.

        Args:
            mtmd: `binding.vision()`.
            model: The language model.
            wanted: With the file, threads and placement.
            glance: Called many times while an image is being read; False stops it.

        Raises:
            EngineFailed: it does not fit the model, or is damaged.
        """
        assert wanted.projector is not None  # noqa: S101  # asked by whoever makes eyes
        self._mtmd = mtmd
        self._pictures: dict[str, Picture] = {}
        self._digests: dict[tuple[str, int, int], str] = {}
        """Of what was shown last; a data: URI is as large as its image."""
        params = mtmd.mtmd_context_params_default()
        placement = wanted.placement
        params.use_gpu = 0 < placement.layers <= placement.gpu_layers
        params.n_threads = wanted.threads
        params.media_marker = MARK
        params.print_timings = False
        self._look = type(params.cb_eval)(self._looker(glance))
        if not params.use_gpu:
            params.cb_eval = self._look
        self._context = self._opened(wanted.projector, model, params)
        if not self._context or not mtmd.mtmd_support_vision(self._context):
            self.close()
            raise EngineFailed(
                f"{wanted.projector.name} is no vision encoder for {wanted.reference}.",
                "Each fits the one model that it was made with (mmproj, in GGUF).",
            )

    def close(self) -> None:
        """Give the memory back."""
        for digest in list(self._pictures):
            self._forget(digest)
        if self._context:
            self._mtmd.mtmd_free(self._context)
            self._context = None

    def picture(self, shown: str) -> Picture:
        """What the model sees of an image; the last ones stay at hand.

        Raises:
            BadUsage: it is none, or too large.
            Unanswerable: it is damaged, or the encoder does not take it.
        """
        stamp = _stamp(shown)
        digest = self._digests.get(stamp)
        if digest is None or digest not in self._pictures:
            content = image.read(shown)
            digest = self._digests[stamp] = hashlib.sha256(content).hexdigest()
            while len(self._digests) > image.MOST_IMAGES:
                del self._digests[next(iter(self._digests))]
            if digest not in self._pictures:
                self._pictures[digest] = self._cut(content, digest, image.named(shown))
        found = self._pictures[digest] = self._pictures.pop(digest)  # the last one now
        while len(self._pictures) > image.MOST_IMAGES:
            self._forget(next(iter(self._pictures)))
        return found

    def show(self, part: Part, context: object, *, at: int, batch: int) -> int:
        """Have the model read a part of an image; what llama_decode says, or -1.

        Args:
            part: The part.
            context: The context of the language model.
            at: The position that it begins at.
            batch: Tokens that are read at once.

        Raises:
            Unanswerable: the part must be read at once and is larger than a batch.
        """
        mtmd, self._is_going_on = self._mtmd, True
        if not part.is_causal and part.cells > batch:
            raise Unanswerable(
                f"An image takes {part.cells:,} tokens here, which must be read at once.",
                f"Load the model with `--batch {-(-part.cells // 256) * 256}`.",
            )
        if mtmd.mtmd_encode_chunk(self._context, part.handle):
            return -1
        if not self._is_going_on:
            return _ABORTED
        embeddings = mtmd.mtmd_get_output_embd(self._context)
        after = (ctypes.c_int32 * 1)()
        none = mtmd.mtmd_helper_post_decode_callback(0)
        return int(
            mtmd.mtmd_helper_decode_image_chunk(
                self._context, context, part.handle, embeddings, at, 0, batch, after, none, None
            )
        )

    def _looker(self, glance: Callable[[], bool]) -> Callable[[object, bool, object], bool]:
        """What ggml calls before and after the nodes of the graph, on a CPU."""
        nodes = 0
        self._is_going_on = True

        def look(_: object, is_asking: bool, __: object) -> bool:
            nonlocal nodes
            if is_asking:
                nodes += 1
                return nodes % _LOOK_EVERY == 0
            self._is_going_on = glance()
            return self._is_going_on

        return look

    def _opened(self, path: Path, model: object, params: object) -> object:
        """A context of libmtmd; nothing if the file is none of its own."""
        try:
            if not is_gguf(path):
                return None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise EngineFailed(f"{path.name} cannot be read: {reason}.") from error
        return self._mtmd.mtmd_init_from_file(os.fsencode(path), model, params)

    def _cut(self, content: bytes, digest: str, name: str) -> Picture:
        """Unfold an image and cut it into the parts that the model reads."""
        mtmd = self._mtmd
        raw = (ctypes.c_uint8 * len(content)).from_buffer_copy(content)
        bitmap = mtmd.mtmd_helper_bitmap_init_from_buf(self._context, raw, len(content), False)
        if not bitmap:
            raise Unanswerable(f"{name} is damaged: it does not unfold.", "Name another image.")
        chunks = mtmd.mtmd_input_chunks_init()
        try:
            text = mtmd.mtmd_input_text(MARK, len(MARK), False, True)
            bitmaps = (ctypes.c_void_p * 1)(bitmap)
            outcome = mtmd.mtmd_tokenize(self._context, chunks, ctypes.byref(text), bitmaps, 1)
        finally:
            mtmd.mtmd_bitmap_free(bitmap)
        if outcome:
            mtmd.mtmd_input_chunks_free(chunks)
            raise Unanswerable(
                f"{name} cannot be shown to this model (mtmd_tokenize says {outcome}).",
                "Make it larger or smaller, or name another image.",
            )
        return self._counted(chunks, digest)

    def _counted(self, chunks: object, digest: str) -> Picture:
        """The tokens of what an image was cut into."""
        mtmd = self._mtmd
        tokens: list[int] = []
        parts: dict[int, Part] = {}
        for at in range(mtmd.mtmd_input_chunks_size(chunks)):
            chunk = mtmd.mtmd_input_chunks_get(chunks, at)
            if mtmd.mtmd_input_chunk_get_type(chunk) == _TEXT:
                count = ctypes.c_size_t()
                words = mtmd.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
                tokens += words[: count.value]
                continue
            part = Part(
                chunk,
                places=int(mtmd.mtmd_input_chunk_get_n_pos(chunk)),
                cells=int(mtmd.mtmd_input_chunk_get_n_tokens(chunk)),
                is_causal=not mtmd.mtmd_decode_use_non_causal(self._context, chunk),
            )
            first = _number(digest, at)
            parts[first] = part
            tokens += range(first, first - part.places, -1)
        return Picture(tuple(tokens), parts, chunks)

    def _forget(self, digest: str) -> None:
        self._mtmd.mtmd_input_chunks_free(self._pictures.pop(digest).chunks)


def _number(digest: str, at: int) -> int:
    """The number of the first place of a part; those of the next ones count down from it."""
    seed = hashlib.sha256(f"{digest} {at}".encode()).digest()[:8]
    return -1 - int.from_bytes(seed) * _LONGEST


def _stamp(shown: str) -> tuple[str, int, int]:
    """What changes when another file gets this name."""
    try:
        status = Path(shown).stat()
    except (OSError, ValueError):  # a data: URI
        return (shown, 0, 0)
    return (shown, status.st_size, status.st_mtime_ns)
