"""Paint photographs in an exported style, with onnxruntime; torch is not imported."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from velatura.errors import ConfigError, ImageError, WeightsError
from velatura.images.io import read_image
from velatura.images.resize import fit

ARCHITECTURE = "velatura-style-2"
SMALLEST_SIDE = 16
LARGEST = 1 << 30


class OnnxPainter:
    """An exported style, ready to paint; the arguments are those of `Painter`.

    Raises:
        ConfigError: onnxruntime is not installed, or colours are asked for that need torch.
        WeightsError: the file is no exported style.
    """

    def __init__(self, style: str, strength: float = 1.0, colors: str = "style") -> None:
        if colors != "style":
            raise ConfigError(f"colors: expected style with --backend onnx, got {colors}")
        try:
            import onnxruntime
        except ImportError:
            raise ConfigError(
                "backend: onnxruntime is not installed: pip install velatura[onnx]"
            ) from None
        path = Path(style)
        if not path.is_file():
            raise ConfigError(
                f"style: expected a file that `velatura fast export` wrote, got {style!r}"
            )
        try:
            self.session: Any = onnxruntime.InferenceSession(
                str(path), providers=["CPUExecutionProvider"]
            )
            metadata = self.session.get_modelmeta().custom_metadata_map
            self.card: dict[str, Any] = json.loads(metadata.get("velatura", "{}"))
        except Exception as error:  # onnxruntime has a dozen of its own
            raise WeightsError(f"{path}: expected an ONNX file ({str(error)[:120]})") from None
        if self.card.get("architecture") != ARCHITECTURE:
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
        (painted,) = self.session.run(None, {"photograph": pixels})
        watch(1.0)
        mixed = pixels + self.strength * (painted - pixels)
        array = (mixed[0].transpose(1, 2, 0).clip(0, 1) * 255).round().astype(np.uint8)
        result = Image.fromarray(array)
        if image.mode == "RGBA":
            result.putalpha(image.getchannel("A"))
        return result
