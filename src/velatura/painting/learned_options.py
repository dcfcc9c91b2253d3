"""How a network of learned updates is trained: every option, without torch."""

from dataclasses import dataclass
from typing import Literal

from velatura.options import Options, check, option


@dataclass(frozen=True)
class UpdateTrainingOptions(Options):
    """How an update network is trained. Raises ConfigError where a value is out of its range."""

    steps: int = option(1500, "training steps", at_least=1)
    batch: int = option(2, "pictures a step", at_least=1)
    crop: int = option(96, "side of a crop in pixels; multiples of 32", at_least=32)
    looks: int = option(
        4, "updates that are learnt through at once, two more or less at random", at_least=1
    )
    learning_rate: float = option(0.001, "of Adam, at its highest", above=0)
    seed: int = option(0, "of the first weights, the crops and the strengths", at_least=0)
    device: str = option("auto", "auto, cpu, cuda, cuda:1 … or mps")
    precision: Literal["auto", "fp32", "bf16"] = option("auto", "of the convolutions")
    weights: str = option(
        "embedded", "embedded, torchvision, or a .pth or .safetensors file", is_path=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.crop % 32 == 0, "crop", self.crop, "a multiple of 32")
