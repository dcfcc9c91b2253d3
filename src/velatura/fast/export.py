"""Styles as ONNX files."""

from pathlib import Path

from torch import Tensor, nn

from velatura.fast import graph
from velatura.fast.network import StyleNetwork
from velatura.fast.styles import REGISTRY, Style
from velatura.training import onnxfile


class _Whole(nn.Module):
    """Photograph in, painting out."""

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, photograph: Tensor) -> Tensor:
        return self.network(self.network.recolour(photograph))


def export(style: Style, path: Path) -> dict[tuple[int, int], float]:
    """Write `style` to `path`: input `photograph`, output `painting`; see `onnxfile.write`."""
    arrays = {name: tensor.numpy() for name, tensor in style.network.state_dict().items()}
    card = {"architecture": REGISTRY.architecture, **style.card}
    return onnxfile.write(graph.build(arrays, card), _Whole(style.network).eval(), path)
