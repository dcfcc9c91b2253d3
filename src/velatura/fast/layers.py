"""The network of one pass as a table, and what there is to say of it without torch.

After Johnson et al. 2016: convolutions with reflected borders, residual blocks, and on the way up a
resize-convolution in place of a transposed one, which would leave a checkerboard (Odena et al.
2016). Two departures: no layer but the last works at full size, where most of the bytes are, and
three of the five blocks work at an eighth of it, where a stroke is seen whole. Three more make it
learn in fewer steps. Channels are not only normalised (Ulyanov et al. 2017) but whitened (Huang et
al. 2019), as second moments are what a style asks for and what photographs differ in. What the way
down saw is added on the way up (Ronneberger et al. 2015), and the picture itself at the end, so
that the network need not learn to copy what it shall keep. Noise is added twice, so that there is
something to make strokes of where a photograph is empty.

`network.py` runs it with PyTorch, `graph.py` writes it down as ONNX.
"""

from typing import NamedTuple


class Layer(NamedTuple):
    """A convolution, its whitening and its ReLU. The last layer has neither of the two."""

    name: str
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    enlarge: bool = False  # see the picture twice as large
    enters: bool = False  # begins a residual block
    adds: bool = False  # ends it: what entered is added, and there is no ReLU
    joins: str = ""  # the layer on the way down whose result is added
    grained: bool = False  # noise is added before the ReLU
    every: int = 1  # of so many rows that the convolution gives one is looked at for whitening

    @property
    def around(self) -> int:
        """How many pixels beyond the picture it sees, on each side."""
        return 1 if self.enlarge else self.kernel // 2


def _block(name: str, channels: int, every: int = 1) -> tuple[Layer, Layer]:
    return (
        Layer(f"{name}a", channels, channels, enters=True, every=every),
        Layer(f"{name}b", channels, channels, adds=True, every=every),
    )


ARCHITECTURE = "velatura-style-3"
LAYERS = (
    Layer("down1", 3, 32, kernel=5, stride=2, every=4),
    Layer("down2", 32, 64, stride=2, every=2),
    *_block("block1", 64, every=2),  # at a quarter of the size
    Layer("down3", 64, 80, stride=2, grained=True),
    *_block("block2", 80),  # at an eighth
    *_block("block3", 80),
    *_block("block4", 80),
    Layer("up3", 80, 64, kernel=5, enlarge=True, joins="down2", grained=True, every=2),
    *_block("block5", 64, every=2),
    Layer("up2", 64, 32, kernel=5, enlarge=True, joins="down1", every=4),
    Layer("up1", 32, 3, kernel=5, enlarge=True),
)
LAST = LAYERS[-1].name
SMALLEST_SIDE = 16  # pixels; an eighth needs two to be reflected
EPSILON = 1e-5  # added to the variances
NEWTON_STEPS = 5  # of whitening
OFFSETS = (0, 2, 3, 1)  # of the rows looked at, in turn, so that no stripes escape; modulo `every`
GRAIN = 128  # side of the noise, which is repeated
SMALLEST_SPREAD = 1e-6  # of a photograph's colours
MOST_GAIN = 4.0  # of a colour, so that the noise of a grey photograph is not blown up
PASSES = 1.0  # how much of the picture is added before the sigmoid, whose slope is 1/4 at most
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


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "palette_mean": (3,),
        "palette_axes": (3, 3),
        "palette_spread": (3,),
        "grain": (1, 1, GRAIN, GRAIN),
    }
    for layer in LAYERS:
        channels = (layer.outputs,)
        shapes[f"{layer.name}_kernel"] = (*channels, layer.inputs, layer.kernel, layer.kernel)
        shapes[f"{layer.name}_bias"] = channels
        if layer.name != LAST:
            shapes[f"{layer.name}_scale"] = channels
        if layer.grained:
            shapes[f"{layer.name}_grain"] = channels
    return shapes


SHAPES = _shapes()
"""Of the tensors that make the network, by the names that a model file gives them."""
