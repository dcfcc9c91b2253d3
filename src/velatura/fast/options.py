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

    steps: int = option(600, "training steps, of each painting", at_least=1)
    batch: int = option(2, "crops a step", at_least=1)
    crop: int = option(192, "side of a crop in pixels", at_least=64)
    size: int = option(
        512, "long side of the pictures to come, which says how large strokes are", at_least=64
    )
    stroke_size: float = option(
        1.0, "how large the strokes are: 2 is twice as large, 0.5 half", above=0
    )
    strength: float = option(
        0.45,
        "share of the content to give up: the error of its features, relative, to aim at",
        above=0,
        below=1,
    )
    content_layers: dict[str, float] = option(
        {"relu3_1": 0.3, "relu4_2": 0.7},
        "layers whose features hold the content, with weights",
        at_least=0,
    )
    style_layers: dict[str, float] = option(
        {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 0.5},
        "layers whose statistics hold the style, with weights",
        at_least=0,
    )
    style_loss: Literal["wasserstein", "gram"] = option(
        "wasserstein", "distance of the layers' second moments: Wasserstein-2, or Gram matrices"
    )
    steadiness: float = option(
        10.0,
        "weight of the difference between two noisy, shifted views: less flicker in films",
        at_least=0,
    )
    learning_rate: float = option(0.004, "of Adam, at its highest", above=0)
    seed: int = option(0, "of the first weights and of the crops", at_least=0)
    device: str = option("auto", "auto, cpu, cuda, cuda:1 … or mps")
    precision: Literal["auto", "fp32", "bf16"] = option(
        "auto", "of the perception network's convolutions"
    )
    weights: str = option(
        "embedded", "embedded, torchvision, or a .pth or .safetensors file", is_path=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("content_layers", "style_layers"):
            check(any(getattr(self, name).values()), name, "none", "a layer that weighs above 0")
            for layer in getattr(self, name):
                check_layer(layer)


@dataclass(frozen=True)
class PaintOptions(Options):
    """How a photograph is painted in one pass. Raises ConfigError for values out of range."""

    size: int = option(0, "long side in pixels; 0 is the photograph's own", at_least=0)
    strength: float = option(
        1.0, "from the photograph (0) to the painting (1)", at_least=0, at_most=1
    )
    colors: Literal["style", "content-luminance", "content-match"] = option(
        "style", "the style's, or the photograph's: with the painting's lightness, or matched"
    )
    device: str = option("auto", "auto, cpu, cuda, cuda:1 … or mps")
    precision: Literal["auto", "fp32", "bf16"] = option("auto", "of the network")

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.size == 0 or self.size >= 16, "size", self.size, "at least 16 pixels, or 0")


def settings(
    content: str | None, style: str, options: PaintOptions, card: Mapping[str, Any]
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
