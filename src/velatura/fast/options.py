"""How a style network is trained, and how it paints: every option, without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from velatura.options import Options, check, option
from velatura.perception.layers import check_layer
from velatura.version import __version__


@dataclass(frozen=True)
class TrainingOptions(Options):
    """How a style network is trained. Raises ConfigError where a value is out of its range."""

    steps: int = option(600, "training steps, of each painting")
    batch: int = option(2, "crops a step")
    crop: int = option(192, "side of a crop in pixels")
    size: int = option(512, "long side of the pictures to come, which says how large strokes are")
    stroke_size: float = option(1.0, "how large the strokes are: 2 is twice as large, 0.5 half")
    strength: float = option(
        0.45, "share of the content to give up: the error of its features, relative, to aim at"
    )
    content_layers: dict[str, float] = option(
        {"relu3_1": 0.3, "relu4_2": 0.7}, "layers whose features hold the content, with weights"
    )
    style_layers: dict[str, float] = option(
        {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 0.5},
        "layers whose statistics hold the style, with weights",
    )
    style_loss: Literal["wasserstein", "gram"] = option(
        "wasserstein", "distance of the layers' second moments: Wasserstein-2, or Gram matrices"
    )
    steadiness: float = option(
        10.0, "weight of the difference between two noisy, shifted views: less flicker in films"
    )
    learning_rate: float = option(0.004, "of Adam, at its highest")
    seed: int = option(0, "of the first weights and of the crops")
    device: str = option("auto", "auto, cpu, cuda, cuda:1 … or mps")
    precision: Literal["auto", "fp32", "bf16"] = option(
        "auto", "of the perception network's convolutions"
    )
    weights: str = option(
        "embedded", "embedded, torchvision, or a .pth or .safetensors file", is_path=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("steps", 1), ("batch", 1), ("crop", 64), ("size", 64), ("seed", 0)):
            check(getattr(self, name) >= least, name, getattr(self, name), f"at least {least}")
        check(0 < self.strength < 1, "strength", self.strength, "a number between 0 and 1")
        for name in ("stroke_size", "learning_rate"):
            check(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")
        check(self.steadiness >= 0, "steadiness", self.steadiness, "a number of at least 0")
        for name in ("content_layers", "style_layers"):
            check(any(getattr(self, name).values()), name, "none", "a layer that weighs above 0")
            for layer, weight in getattr(self, name).items():
                check_layer(layer)
                check(weight >= 0, f"{name} {layer}", weight, "a weight of at least 0")


@dataclass(frozen=True)
class PaintOptions(Options):
    """How a photograph is painted in one pass. Raises ConfigError for values out of range."""

    size: int = option(0, "long side in pixels; 0 is the photograph's own")
    strength: float = option(1.0, "from the photograph (0) to the painting (1)")
    colors: Literal["style", "content-luminance", "content-match"] = option(
        "style", "the style's, or the photograph's: with the painting's lightness, or matched"
    )
    device: str = option("auto", "auto, cpu, cuda, cuda:1 … or mps")
    precision: Literal["auto", "fp32", "bf16"] = option("auto", "of the network")

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.size == 0 or self.size >= 16, "size", self.size, "at least 16 pixels, or 0")
        check(0 <= self.strength <= 1, "strength", self.strength, "a number from 0 to 1")


def settings(
    content: str, style: str, options: PaintOptions, card: Mapping[str, Any]
) -> dict[str, Any]:
    """What is written into a picture: names of the photograph and the style, options, card."""
    return {
        "velatura": __version__,
        "content": content,
        "style": style,
        "size": options.size,
        "strength": options.strength,
        "colors": options.colors,
        "fast": dict(card),
    }
