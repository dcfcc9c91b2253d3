"""Paint photographs in a learnt style, with onnxruntime; torch is not imported."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from velatura.errors import ConfigError, ImageError, WeightsError
from velatura.extras import import_extra
from velatura.fast import graph
from velatura.fast.layers import ARCHITECTURE, SMALLEST_SIDE
from velatura.fast.styles import find
from velatura.images.io import one_line, read_image
from velatura.images.resize import fit
from velatura.training import modelfile

LARGEST = 1 << 30
FAMILY = "velatura-style-"  # exports of older networks do as well


class OnnxPainter:
    """A style, ready to paint: shipped, a model file or an exported one; see `Painter`.

    Raises:
        ConfigError: there is no such style, onnx or onnxruntime is not installed, or colours are
            asked for that need torch.
        WeightsError: the file is no style, or it is damaged.
    """

    def __init__(self, style: str, strength: float = 1.0, colors: str = "style") -> None:
        if colors != "style":
            raise ConfigError(f"colors: expected style with --backend onnx, got {colors}")
        path = find(style)
        exported = path.suffix.lower() == ".onnx"
        model = path.read_bytes() if exported else _from_model_file(path)
        runtime = import_extra("onnxruntime", "onnx", "backend")
        try:
            self.session: Any = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
            metadata = self.session.get_modelmeta().custom_metadata_map
            self.card: dict[str, Any] = dict(json.loads(metadata.get("velatura", "{}")))
        except Exception as error:  # onnxruntime has a dozen of its own
            raise WeightsError(
                f"{path}: expected a style as ONNX ({one_line(error)[:200]})"
            ) from None
        if not str(self.card.get("architecture")).startswith(FAMILY):
            raise WeightsError(f"{path}: expected a style of Velatura, got another network")
        self.strength = strength

    def paint(
        self,
        photograph: Path,
        size: int | None = None,
        watch: Callable[[float], None] = lambda done: None,
    ) -> Image.Image:
        """Paint a photograph, as `Painter.paint` does."""
        image = read_image(photograph)
        height, width = fit((image.height, image.width), min(size or LARGEST, max(image.size)))
        if min(height, width) < SMALLEST_SIDE:
            raise ImageError(
                f"expected a photograph of at least {SMALLEST_SIDE} pixels a side, got "
                f"{width}×{height}"
            )
        if (width, height) != image.size:
            image = image.resize((width, height), Image.Resampling.BICUBIC)
        pixels = np.asarray(image.convert("RGB"), dtype=np.float32).transpose(2, 0, 1)[None] / 255
        try:
            (painted,) = self.session.run(None, {"photograph": pixels})
        except Exception as error:  # onnxruntime's own; most of all, no memory is left
            raise ImageError(
                f"{photograph}: cannot be painted ({one_line(error)[:200]})"
            ) from error
        watch(1.0)
        if self.strength < 1:
            painted = pixels + self.strength * (painted - pixels)
        painted *= 255
        array = np.rint(painted, out=painted).astype(np.uint8)  # it comes from a sigmoid
        result = Image.fromarray(np.ascontiguousarray(array[0].transpose(1, 2, 0)))
        if image.mode == "RGBA":
            result.putalpha(image.getchannel("A"))
        return result


def _from_model_file(path: Path) -> bytes:
    """The model file as ONNX. Raises WeightsError."""
    arrays, card = modelfile.read(path, ARCHITECTURE)
    try:
        model = graph.build(arrays, card)
    except ValueError as error:
        raise modelfile.damaged(path, error) from error
    return model.SerializeToString()
