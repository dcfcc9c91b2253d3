"""Paint photographs in a learnt style, with onnxruntime; torch is not imported."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from velatura import cache
from velatura.errors import ConfigError, ImageError, WeightsError, in_one_line, is_out_of_memory
from velatura.extras import import_extra
from velatura.fast import graph, layers
from velatura.fast.layers import ARCHITECTURE, SMALLEST_SIDE
from velatura.fast.styles import find, shipped
from velatura.files import one_line
from velatura.images.io import read_image
from velatura.images.resize import fit
from velatura.training import modelfile
from velatura.untrusted import read_object

FAMILY = "velatura-style-"  # exports of older networks do as well
IMAGE = ("tensor(float)", 4)  # type and number of dimensions, as onnxruntime tells them
QUIET = 4  # of onnxruntime's levels: what fails raises, and is not printed as well


class OnnxPainter:
    """A style, ready to paint: shipped, a model file or an exported one; see `Painter`.

    It is loaded while the photograph is read, so that what is wrong with its file `paint` says.

    Raises ConfigError if there is no such style, or colours are asked for that need torch.
    """

    def __init__(self, style: str, strength: float = 1.0, colors: str = "style") -> None:
        if colors != "style":
            raise ConfigError(f"colors: expected style with the backend onnx, got {colors}")
        self.path = find(style)
        self._loading = ThreadPoolExecutor(1).submit(_load, self.path)
        self.strength = strength

    @property
    def session(self) -> Any:
        """The InferenceSession of onnxruntime.

        Raises:
            ConfigError: onnx or onnxruntime is not installed.
            WeightsError: the file is no style, or it is damaged.
        """
        return self._loading.result()[0]

    @property
    def card(self) -> dict[str, Any]:
        """What the style says of itself. Raises what `session` does."""
        return self._loading.result()[1]

    def paint(
        self,
        photograph: Path,
        size: int | None = None,
        on_progress: Callable[[float], None] = lambda done: None,
    ) -> Image.Image:
        """Paint a photograph, as `Painter.paint` does. Raises what `session` does, too."""
        image = read_image(photograph, size)
        longest = max(image.size)
        height, width = fit((image.height, image.width), min(size or longest, longest))
        if min(height, width) < SMALLEST_SIDE:
            raise ImageError(
                f"expected a photograph of at least {SMALLEST_SIDE} pixels a side, got "
                f"{width}×{height}"
            )
        if (width, height) != image.size:
            image = image.resize((width, height), Image.Resampling.BICUBIC)
        pixels = np.asarray(image.convert("RGB"), dtype=np.float32).transpose(2, 0, 1)[None] / 255
        session = self.session
        try:
            (painted,) = session.run(None, {"photograph": pixels})
        except Exception as error:  # onnxruntime's own; most of all, no memory is left
            raise ImageError(
                f"{photograph}: cannot be painted ({one_line(error)[:200]})"
            ) from error
        if painted.dtype != np.float32 or painted.shape != pixels.shape or np.isnan(painted).any():
            raise WeightsError(
                f"{self.path}: expected the style to paint {width}×{height} finite pixels, got "
                f"{painted.dtype} {painted.shape}"
            )
        painted.clip(0, 1, out=painted)  # a sigmoid's are, and a file may claim to have one
        on_progress(1.0)
        if self.strength < 1:
            painted = pixels + self.strength * (painted - pixels)
        painted *= 255
        array = np.rint(painted, out=painted).astype(np.uint8)
        result = Image.merge("RGB", [Image.fromarray(channel) for channel in array[0]])
        if image.mode == "RGBA":
            result.putalpha(image.getchannel("A"))
        return result


def _load(path: Path) -> tuple[Any, dict[str, Any]]:
    """The session of a style's file, and the style's card; see `OnnxPainter.session`."""
    runtime = import_extra("onnxruntime", "onnx", "backend")
    try:
        model = path.read_bytes()
        if path in shipped().values():
            of = [model, *(Path(str(code.__file__)).read_bytes() for code in (graph, layers))]
            model = cache.kept(f"{path.stem}.onnx", b"".join(of), lambda: _built(path))
        elif path.suffix.lower() != ".onnx":
            model = _built(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    options = runtime.SessionOptions()
    options.log_severity_level = QUIET
    try:
        session = runtime.InferenceSession(
            model,
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # to what it has been given: it would print that and try again
        )
        card = read_object(session.get_modelmeta().custom_metadata_map.get("velatura", "{}"))
        given = [(value.name, value.type, len(value.shape)) for value in session.get_inputs()]
        made = [(value.type, len(value.shape)) for value in session.get_outputs()]
    except Exception as error:  # onnxruntime has a dozen of its own
        if is_out_of_memory(error):
            raise WeightsError(f"{path}: cannot be read ({in_one_line(error)})") from error
        raise WeightsError(f"{path}: expected a style as ONNX ({one_line(error)[:200]})") from None
    if not str(card.get("architecture")).startswith(FAMILY):
        raise WeightsError(f"{path}: expected a style of Velatura, got another network")
    if given != [("photograph", *IMAGE)] or made != [IMAGE]:
        raise WeightsError(
            f"{path}: expected a style that makes a picture of a photograph, got "
            f"{made!s:.200} of {given!s:.200}"
        )
    return session, card


def _built(path: Path) -> bytes:
    """The model file as ONNX. Raises WeightsError."""
    arrays, card = modelfile.read(path, ARCHITECTURE)
    try:
        model = graph.build(arrays, card)
    except ValueError as error:
        raise modelfile.damaged(path, error) from error
    return model.SerializeToString()
