"""The anatomy of VGG-19 (Simonyan and Zisserman 2015, configuration E), without its weights."""

from typing import NamedTuple

from velatura.errors import ConfigError

# Name and output channels of each 3×3 convolution, block by block. Each is followed by its ReLU,
# each block by a 2×2 pool that halves height and width. On the right: how many pixels of the
# image, across and down, one position of each convolution and of the pool can see.
BLOCKS: tuple[tuple[tuple[str, int], ...], ...] = (
    (("conv1_1", 64), ("conv1_2", 64)),  # 3 5, pool1 6
    (("conv2_1", 128), ("conv2_2", 128)),  # 10 14, pool2 16
    (("conv3_1", 256), ("conv3_2", 256), ("conv3_3", 256), ("conv3_4", 256)),  # 24 … 48, pool3 52
    (("conv4_1", 512), ("conv4_2", 512), ("conv4_3", 512), ("conv4_4", 512)),  # 68 … 116, 124
    (("conv5_1", 512), ("conv5_2", 512), ("conv5_3", 512), ("conv5_4", 512)),  # 156 … 252, 268
)

CONVOLUTIONS: dict[str, tuple[int, int]] = {}
"""Input and output channels of every convolution, in order."""

LAYERS: tuple[str, ...] = ()
"""Every layer in order: conv1_1, relu1_1, conv1_2, … pool5."""

_inputs = 3
for _number, _block in enumerate(BLOCKS, start=1):
    for _name, _outputs in _block:
        CONVOLUTIONS[_name] = (_inputs, _outputs)
        LAYERS += (_name, _name.replace("conv", "relu"))
        _inputs = _outputs
    LAYERS += (f"pool{_number}",)


class Geometry(NamedTuple):
    """How positions of a layer lie on the image.

    Position i stands for the pixels from `stride`·i to `stride`·(i + 1), and sees `reach` pixels
    beyond them on either side.
    """

    stride: int
    reach: int


def geometry(layer: str) -> Geometry:
    """The geometry of a layer, or of all layers up to it at once: both numbers only grow."""
    stride, reach = 1, 0
    for name in LAYERS[: LAYERS.index(layer) + 1]:
        if name.startswith("conv"):
            reach += stride
        elif name.startswith("pool"):
            stride *= 2
    return Geometry(stride, reach)


def channels(layer: str) -> int:
    """How many channels a layer has: those of the last convolution up to it."""
    before = [name for name in LAYERS[: LAYERS.index(layer) + 1] if name in CONVOLUTIONS]
    return CONVOLUTIONS[before[-1]][1]


def block(layer: str) -> int:
    """Which of the five blocks a layer is in, from 1."""
    return int(layer[4])


def check_layer(name: str) -> None:
    """Raise ConfigError unless the network has a layer of this name."""
    if name not in LAYERS:
        raise ConfigError(
            f"{name!r}: expected a layer of VGG-19: conv1_1 … conv5_4, relu1_1 … relu5_4, "
            "pool1 … pool5"
        )
