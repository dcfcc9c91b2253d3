"""Upscaling networks as ONNX files."""

from pathlib import Path

from torch import Tensor, nn

from velatura.superres.models import REGISTRY, UpscaleModel
from velatura.superres.network import UpscaleNetwork
from velatura.training import onnxfile


class _AtScale(nn.Module):
    """Photograph in, enlarged by one scale out."""

    def __init__(self, network: UpscaleNetwork, scale: int) -> None:
        super().__init__()
        self.network, self.scale = network, scale

    def forward(self, photograph: Tensor) -> Tensor:
        return self.network(photograph, self.scale).clamp(0, 1)


def export(model: UpscaleModel, scale: int, path: Path) -> dict[tuple[int, int], float]:
    """Write `model` for one scale: input `photograph`, output `enlarged`; see `onnxfile.export`."""
    card = {"architecture": REGISTRY.architecture, "scale": scale, **model.card}
    return onnxfile.export(_AtScale(model.network, scale).eval(), path, "enlarged", card)
