"""How a style network is trained: every option, without torch."""

from dataclasses import dataclass
from typing import Literal

from velatura.options import Options, check, option
from velatura.perception.layers import check_layer


@dataclass(frozen=True)
class TrainingOptions(Options):
    """How a style network is trained. Raises ConfigError where a value is out of its range."""

    steps: int = option(1500, "training steps")
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
        {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 1.0},
        "layers whose statistics hold the style, with weights",
    )
    style_loss: Literal["wasserstein", "gram"] = option(
        "wasserstein", "distance of the layers' second moments: Wasserstein-2, or Gram matrices"
    )
    steadiness: float = option(
        10.0, "weight of the difference between two noisy, shifted views: less flicker in films"
    )
    learning_rate: float = option(0.002, "of Adam, at its highest")
    seed: int = option(0, "of the first weights and of the crops")
    device: str = option("auto", "auto, cpu, cuda, cuda:1 … or mps")
    precision: Literal["auto", "fp32", "bf16"] = option(
        "auto", "of the perception network's convolutions"
    )
    weights: str = option("embedded", "embedded, torchvision, or a .pth or .safetensors file")

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
