"""How an upscaling network is trained: every option, without torch."""

from dataclasses import dataclass
from typing import Literal

from velatura.options import Options, check, option
from velatura.perception.layers import check_layer

SCALES = (2, 3, 4)


@dataclass(frozen=True)
class UpscaleTrainingOptions(Options):
    """How an upscaling network is trained. Raises ConfigError where a value is out of its range."""

    loss: Literal["pixels", "features"] = option(
        "pixels", "what to bring near: pixels alone, or the features of VGG-19 and pixels a little"
    )
    steps: int = option(7000, "training steps", at_least=1)
    batch: int = option(16, "crops a step", at_least=1)
    crop: int = option(48, "side of a crop in pixels, before it is enlarged", at_least=16)
    feature_layers: dict[str, float] = option(
        {"conv2_2": 0.3, "conv3_4": 0.4, "conv4_4": 0.3},
        "layers whose features are brought near, before their ReLU, with weights",
        at_least=0,
    )
    pixel_weight: float = option(
        5.0, "weight of the mean absolute error of pixels with `features`", at_least=0
    )
    keep: float = option(
        0.3,
        "with `features`, share of each parameter that stays as the model began with has it",
        at_least=0,
        below=1,
    )
    jpeg: int = option(
        100, "lowest JPEG quality that crops are given; 100 for none", at_least=1, at_most=100
    )
    blur: float = option(
        0.0, "largest Gaussian blur of crops, in pixels before they are enlarged", at_least=0
    )
    learning_rate: float = option(0.001, "of Adam, at its highest", above=0)
    seed: int = option(0, "of the first weights and of the crops", at_least=0)
    device: str = option("auto", "auto, cpu, cuda, cuda:1 … or mps")
    precision: Literal["auto", "fp32", "bf16"] = option("auto", "of the convolutions")
    weights: str = option(
        "embedded", "embedded, torchvision, or a .pth or .safetensors file", is_path=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        layers = self.feature_layers
        check(any(layers.values()), "feature_layers", "none", "a layer that weighs above 0")
        for layer in layers:
            check_layer(layer)
