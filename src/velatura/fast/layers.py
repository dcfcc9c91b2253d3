"""The network of one pass as a table, and what there is to say of it without torch.

After Johnson et al. 2016: convolutions with reflected borders, instance normalisation (Ulyanov et
al. 2017), residual blocks, and on the way up a resize-convolution in place of a transposed one,
which would leave a checkerboard (Odena et al. 2016). Two departures: no layer but the last works at
full size, where most of the bytes are, and three of the five blocks work at an eighth of it, where
a stroke is seen whole. Two more make it learn in fewer steps: what the way down saw is added on the
way up (Ronneberger et al. 2015), and the picture itself at the end, so that the network need not
learn to copy what it shall keep.

`network.py` runs it with PyTorch, `graph.py` writes it down as ONNX.
"""

from typing import NamedTuple


class Layer(NamedTuple):
    """A convolution, its normalisation and its ReLU. The last layer has neither of the two."""

    name: str
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    enlarge: bool = False  # see the picture twice as large
    adds: bool = False  # ends a residual block: what entered it is added, and there is no ReLU
    joins: str = ""  # the layer on the way down whose result is added

    @property
    def enters(self) -> bool:
        """Whether a residual block begins here."""
        return self.name.endswith("a")

    @property
    def around(self) -> int:
        """How many pixels beyond the picture it sees, on each side."""
        return 1 if self.enlarge else self.kernel // 2


def _block(name: str, channels: int) -> tuple[Layer, Layer]:
    return Layer(f"{name}a", channels, channels), Layer(f"{name}b", channels, channels, adds=True)


ARCHITECTURE = "velatura-style-2"
LAYERS = (
    Layer("down1", 3, 32, kernel=5, stride=2),
    Layer("down2", 32, 64, stride=2),
    *_block("block1", 64),  # at a quarter of the size
    Layer("down3", 64, 80, stride=2),
    *_block("block2", 80),  # at an eighth
    *_block("block3", 80),
    *_block("block4", 80),
    Layer("up3", 80, 64, kernel=5, enlarge=True, joins="down2"),
    *_block("block5", 64),
    Layer("up2", 64, 32, kernel=5, enlarge=True, joins="down1"),
    Layer("up1", 32, 3, kernel=5, enlarge=True),
)
LAST = LAYERS[-1].name
SMALLEST_SIDE = 16  # pixels, for which an eighth has two rows to reflect
EPSILON = 1e-5
SMALLEST_SPREAD = 1e-6  # of a photograph's colours
MOST_GAIN = 4.0  # of a colour, so that the noise of a grey photograph is not blown up
PASSES = 2.0  # how much of the picture is added before the sigmoid, whose slope is 1/4 at most
PARITIES = (
    ((1, 1, 0, 0, 0), (0, 0, 1, 1, 0), (0, 0, 0, 0, 1)),
    ((1, 0, 0, 0, 0), (0, 1, 1, 0, 0), (0, 0, 0, 1, 1)),
)
"""Which of five neighbours in a twofold enlargement are the same pixel, in even and odd rows.

Five neighbours in the enlargement are three in the picture, some of them twice. So what a kernel
(out, in, 5, 5) does on the enlargement, one of (4·out, in, 3, 3) does on the picture, with 9/25 of
the operations: `FOLDING` of the two parities and the kernel. Its results take their places as in
`pixel_shuffle`.
"""
FOLDING = "pay,qbx,oiyx->opqiab"
