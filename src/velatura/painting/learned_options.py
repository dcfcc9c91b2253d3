"""How a network of learned updates is trained: every option, without torch."""

from dataclasses import dataclass
from typing import Literal

from velatura.options import Options, check, option


@dataclass(frozen=True)
class UpdateTrainingOptions(Options):
    """How an update network is trained. Raises ConfigError where a value is out of its range."""

    steps: int = option(1500, "training steps")
    batch: int = option(2, "pictures a step")
    crop: int = option(96, "side of a crop in pixels; multiples of 32")
    looks: int = option(4, "updates that are learnt through at once, two more or less at random")
    learning_rate: float = option(0.001, "of Adam, at its highest")
    seed: int = option(0, "of the first weights, the crops and the strengths")
    device: str = option("auto", "auto, cpu, cuda, cuda:1 … or mps")
    precision: Literal["auto", "fp32", "bf16"] = option("auto", "of the convolutions")
    weights: str = option(
        "embedded", "embedded, torchvision, or a .pth or .safetensors file", is_path=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("steps", 1), ("batch", 1), ("crop", 32), ("looks", 1), ("seed", 0)):
            check(getattr(self, name) >= least, name, getattr(self, name), f"at least {least}")
        check(self.crop % 32 == 0, "crop", self.crop, "a multiple of 32")
        check(self.learning_rate > 0, "learning_rate", self.learning_rate, "a number above 0")
